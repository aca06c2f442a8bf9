"""Reading a packed tar archive without unpacking it: within limits on all that it may unpack to, nothing written.

The archives were made by strangers. They are read once, from front to back; what `tarfile` does not refuse is refused
here.
"""

import bz2
import io
import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Protocol

from pipeline.zipped import Refused

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# The largest of 48 real crates unpacks to 6.6 MB and holds 823 files; registries take archives of some 10 MiB.
UNPACKED_LIMIT = 256 * 1024 * 1024  # bytes, headers included
MEMBERS_LIMIT = 50_000
_PIECE = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_BZIP2 = b"BZh"

# What is raised for an archive that is none, besides `Refused`.
TAR_ERRORS = (
    tarfile.TarError,
    EOFError,
    OSError,  # what bzip2 says of damaged data
    OverflowError,
    RecursionError,  # headers that announce headers
    ValueError,  # numbers and names that are none
    zlib.error,
)


class Read(Protocol):
    """Reads a member, or its first bytes."""

    def __call__(self, size: int = -1, /) -> bytes:
        """Return so many bytes at the most, all of them for -1."""


def members(content: bytes) -> Iterator[tuple[tarfile.TarInfo, Read]]:
    """Yield what a gzipped or bzip2-ed tar archive holds, each with what reads it; call that before the next.

    Raises `Refused` and `TAR_ERRORS`.
    """
    yield from walk(io.BufferedReader(_Unpacked(inflate(content, UNPACKED_LIMIT))))


def walk(unpacked: io.BufferedIOBase) -> Iterator[tuple[tarfile.TarInfo, Read]]:
    """Yield what a tar holds that was unpacked already, each with what reads it, or its first bytes.

    Raises as `members` does; exceptions of the file itself pass through.
    """
    with tarfile.open(fileobj=unpacked, mode="r|", encoding="utf-8", errors="strict") as archive:
        for count, member in enumerate(archive, start=1):
            if count > MEMBERS_LIMIT:
                raise Refused(f"holds more than {MEMBERS_LIMIT} files")
            yield member, partial(_content, archive, member)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, size: int = -1) -> bytes:
    found = archive.extractfile(member)
    return b"" if found is None else found.read(size)


def inflate(content: bytes, limit: int) -> Iterator[bytes]:
    """Yield what gzip or bzip2 packed; raises `Refused` when it is too much, or ends early.

    What follows its end is not read.
    """
    total = 0
    for piece in _bunzip2(content) if content.startswith(_BZIP2) else _gunzip(content):
        total += len(piece)
        if total > limit:
            raise Refused(f"unpacks to more than {limit} bytes")
        if piece:
            yield piece


def _gunzip(content: bytes) -> Iterator[bytes]:
    stream = io.BytesIO(content)
    inflater = zlib.decompressobj(_GZIP)
    while not inflater.eof:
        packed = inflater.unconsumed_tail or stream.read(_PIECE)
        piece = inflater.decompress(packed, _PIECE)
        if not packed and not piece:
            raise Refused("ends before its compressed data do")
        yield piece


def _bunzip2(content: bytes) -> Iterator[bytes]:
    stream = io.BytesIO(content)
    inflater = bz2.BZ2Decompressor()
    while not inflater.eof:
        packed = stream.read(_PIECE) if inflater.needs_input else b""
        if inflater.needs_input and not packed:
            raise Refused("ends before its compressed data do")
        yield inflater.decompress(packed, _PIECE)


class _Unpacked(io.RawIOBase):
    """The pieces of an archive as a file that is read from front to back."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill the buffer as far as the piece at hand goes; 0 is the end."""
        self._held = self._held or next(self._pieces, b"")
        room = memoryview(buffer).cast("B")
        size = min(len(room), len(self._held))
        room[:size] = self._held[:size]
        self._held = self._held[size:]
        return size
