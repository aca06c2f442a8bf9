"""Files of lines, one JSON object each: read so that a damaged line costs only itself, and only ever appended to."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from pipeline.decoding import Decoder, decoder
from pipeline.store import decode, is_there, named, read_bytes

T = TypeVar("T", bound=msgspec.Struct)


def read_lines(path: Path, kind: type[T]) -> Iterator[T]:
    """Yield the records of a file, in its order; none when there is no file.

    A line that is no such record (a crash in the middle of a write, a merge gone wrong) is skipped. Raises
    `PipelineError` when the file cannot be read.
    """
    if not is_there(path):
        return
    reader = decoder(kind)
    for line in read_bytes(path, purpose="file of lines").split(b"\n"):
        if not line or line.isspace():
            continue
        record = decode_line(reader, line)
        if record is not None:
            yield record


def decode_line(decoder: "Decoder[T]", line: bytes) -> T | None:
    """Return the record of one line, or None when it holds none."""
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def append_lines(path: Path, records: Iterable[msgspec.Struct]) -> None:
    """Append one line for each record, all in one write that has reached the disk when this returns.

    A last line that a crash has cut off is ended first, so that it spoils no other. Raises `BadInput`, and writes
    nothing, when a record does not hold against its own type.
    """
    lines = [_line(record, path) for record in records]
    if not lines:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    created = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with named(path):
            _write(handle, (b"\n" if _is_torn(handle) else b"") + b"".join(lines))
            os.fsync(handle)
    finally:
        os.close(handle)
    if created:
        _sync_folder(path.parent)


def _line(record: msgspec.Struct, path: Path) -> bytes:
    content = msgspec.json.encode(record)
    decode(content, type(record), place=f"{path}, a new line")
    return content + b"\n"


def _is_torn(handle: int) -> bool:
    size = os.fstat(handle).st_size
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"


def _write(handle: int, content: bytes) -> None:
    """Write all of it: the system may take less at once when the disk is nearly full, and then says so."""
    written = os.write(handle, content)
    while written < len(content):
        written += os.write(handle, content[written:])


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file reach the disk, too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
