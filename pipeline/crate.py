"""Reading a `.crate` without unpacking it: its manifest, and which of its files cargo would make executables of.

A crate is a gzipped tar archive written by a stranger. It is read once, from front to back, within limits on all
that it may unpack to; nothing is written anywhere.
"""

import io
import tarfile
import tomllib
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# The largest of 48 real tools unpacks to 6.6 MB and holds 823 files; the public registry takes archives of 10 MiB.
UNPACKED_LIMIT = 256 * 1024 * 1024  # bytes, headers included
MEMBERS_LIMIT = 50_000
# A hundred times the largest manifest of the same tools.
MANIFEST_LIMIT = 1024 * 1024  # bytes
_PIECE = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS

# What tarfile raises for an archive that is none, besides what is refused here.
_TAR_ERRORS = (
    tarfile.TarError,
    EOFError,
    OverflowError,
    RecursionError,  # headers that announce headers
    ValueError,  # numbers and names that are none
    zlib.error,
)


class Crate(msgspec.Struct, frozen=True, kw_only=True):
    """What a crate says of itself. `files` are its paths below its only folder."""

    manifest: dict[str, Any]
    files: frozenset[str]


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """Why an archive is not a crate that cargo would take."""

    message: str


class _Refused(Exception):  # no error: it ends the reading, and `read_crate` turns it into `Broken`
    pass


def read_crate(content: bytes, name: str, version: str) -> Crate | Broken:
    """Return what the crate says of itself, or why cargo would not take it for this name and version."""
    folder = f"{name}-{version}"
    try:
        with tarfile.open(
            fileobj=io.BufferedReader(_Unpacked(content)), mode="r|", encoding="utf-8", errors="strict"
        ) as archive:
            files, manifest = _walk(archive, folder)
    except _TAR_ERRORS as error:
        return Broken(message=f"not a sound archive: {error}")
    except _Refused as refused:
        return Broken(message=str(refused))
    if manifest is None:
        return Broken(message=f"holds no {folder}/Cargo.toml")
    try:
        return Crate(manifest=tomllib.loads(manifest.decode()), files=frozenset(files))
    except (ValueError, RecursionError) as error:
        return Broken(message=f"Cargo.toml cannot be read: {error}")


def _walk(archive: tarfile.TarFile, folder: str) -> tuple[set[str], bytes | None]:
    """Return all files, and the manifest if there is one."""
    files: set[str] = set()
    manifest: bytes | None = None
    for count, member in enumerate(archive, start=1):
        if count > MEMBERS_LIMIT:
            raise _Refused(f"holds more than {MEMBERS_LIMIT} files")
        path = _below(member, folder)
        if not member.isfile():
            continue
        if path in files:
            raise _Refused(f"holds {path[:100]!a} more than once")
        files.add(path)
        if path == "Cargo.toml":
            if member.size > MANIFEST_LIMIT:
                raise _Refused(f"Cargo.toml is larger than {MANIFEST_LIMIT} bytes")
            found = archive.extractfile(member)
            manifest = found.read() if found is not None else None
    return files, manifest


def _below(member: tarfile.TarInfo, folder: str) -> str:
    """Return a member's path below the folder; raises for what cargo never packs."""
    top, _, path = member.name.partition("/")
    parts = path.split("/")
    if top != folder or "\\" in path or "\0" in path or ".." in parts or "." in parts or "" in parts[:-1]:
        raise _Refused(f"holds {member.name[:100]!a}, which does not lie below {folder}")
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise _Refused(f"holds {member.name[:100]!a}, which is neither a file nor a folder")
    return path


class _Unpacked(io.RawIOBase):
    """The tar archive inside the gzip, piece by piece, up to the limit."""

    def __init__(self, content: bytes) -> None:
        self._pieces = _inflate(content)
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


def _inflate(content: bytes) -> Iterator[bytes]:
    """Yield what the gzip holds; raises when it is too much, or ends early. What follows its end is not read."""
    stream = io.BytesIO(content)
    inflater = zlib.decompressobj(_GZIP)
    total = 0
    while not inflater.eof:
        packed = inflater.unconsumed_tail or stream.read(_PIECE)
        piece = inflater.decompress(packed, _PIECE)
        if not packed and not piece:
            raise _Refused("ends before its compressed data do")
        total += len(piece)
        if total > UNPACKED_LIMIT:
            raise _Refused(f"unpacks to more than {UNPACKED_LIMIT} bytes")
        if piece:
            yield piece
