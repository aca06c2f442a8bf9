"""The only way to decoders of structures. Pure.

msgspec works out how to read a structure when it is first asked to, and keeps that with the class. A second thread that
asks meanwhile is handed the unfinished result and crashes the process (seen with 0.22: eight threads that decode new
structures end in a segmentation fault). So decoders are made one at a time, and a finished one is shared.
"""

import threading
from typing import Any, TypeVar

import msgspec
from msgspec.json import Decoder as Decoder  # noqa: PLC0414, TID251  # named for others, and made here

T = TypeVar("T")

_ONE_AT_A_TIME = threading.Lock()
_made: dict[Any, "Decoder[Any]"] = {}


def decoder(kind: type[T]) -> "Decoder[T]":
    """Return the decoder of JSON into `kind`; any thread may use it."""
    found = _made.get(kind)
    if found is None:
        with _ONE_AT_A_TIME:
            found = _made.setdefault(kind, Decoder(kind))
    return found


def decode_json(content: bytes | str, kind: type[T]) -> T:
    """Return what some JSON holds; raises `msgspec.DecodeError`, `UnicodeDecodeError` or `RecursionError`."""
    return decoder(kind).decode(content)


def convert(value: Any, kind: type[T]) -> T:  # noqa: ANN401  # any plain value
    """Return plain values as a structure; raises `msgspec.ValidationError`."""
    decoder(kind)  # converting reads what making a decoder has worked out
    return msgspec.convert(value, kind)  # noqa: TID251  # here
