"""Reading members of a zip that may be elsewhere, written by a stranger.

`zipfile` does the reading (zip64, comments, checksums); what it does not refuse (members that unpack to gigabytes,
that overlap, or whose names leave the archive) is refused here.
"""

import struct
import zipfile
import zlib
from itertools import pairwise
from typing import Protocol

import msgspec

# Some twenty times the largest seen on real tools.
MEMBER_LIMIT = 8 * 1024 * 1024  # bytes, packed or unpacked
MEMBERS_LIMIT = 200_000
# Before a member's data: 30 bytes (APPNOTE.TXT 4.3.7), its name and extra fields (16-bit lengths).
_HEADER = 30
_HEADER_LIMIT = _HEADER + 2 * 0xFFFF
# Bytes that are rather read along than left out by a request more.
_GAP = 256 * 1024

# What zipfile raises for a file that is no sound zip.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,  # a compression or version that it does not know
    OverflowError,
    RuntimeError,  # an encrypted member
    ValueError,  # a seek to before the start, a name that is no UTF-8
    struct.error,
    zlib.error,
)


class PartialFile(Protocol):
    """A binary file, parts of which may have to be fetched first."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place and return it."""

    def need(self, start: int, stop: int, /) -> None:
        """Fetch the bytes from `start` up to, but without, `stop` at once: they will be read next."""


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """Why a file is not one that an installer would take."""

    message: str


class Refused(Exception):  # no error: it ends the reading
    """An archive is not read on; whoever began to read it turns this into `Broken`."""


class Members:
    """The members of an archive, each read at most once, within its own bounds and the limits."""

    def __init__(self, archive: zipfile.ZipFile, file: PartialFile) -> None:
        infos = archive.infolist()
        if len(infos) > MEMBERS_LIMIT:
            raise Refused(f"holds {len(infos)} files, the limit is {MEMBERS_LIMIT}")
        for info in infos:
            _refuse_name(info.orig_filename)
        starts = sorted({info.header_offset for info in infos} | {archive.start_dir})
        self._stops = dict(pairwise(starts))
        self._infos: dict[str, list[zipfile.ZipInfo]] = {}
        for info in infos:
            self._infos.setdefault(info.filename, []).append(info)
        self._archive, self._file = archive, file
        self.names = frozenset(self._infos)

    def fetch(self, names: list[str]) -> None:
        """Get the bytes of all these members with as few requests as possible."""
        spans = sorted(self._span(name) for name in names)
        while spans:
            start, stop = spans.pop(0)
            while spans and spans[0][0] - stop <= _GAP:
                stop = max(stop, spans.pop(0)[1])
            self._file.need(start, stop)

    def read(self, name: str) -> bytes | None:
        """Return a member's content, its checksum compared; None when there is no such member."""
        if name not in self._infos:
            return None
        self._span(name)
        with self._archive.open(self._infos[name][0]) as member:
            content = member.read(MEMBER_LIMIT + 1)
        if len(content) > MEMBER_LIMIT:
            raise Refused(f"{name} unpacks to more than {MEMBER_LIMIT} bytes")
        return content

    def _span(self, name: str) -> tuple[int, int]:
        """Return where a member begins and where it must have ended."""
        info, *others = self._infos[name]
        if others:
            raise Refused(f"holds {name} more than once")
        if max(info.file_size, info.compress_size) > MEMBER_LIMIT:
            raise Refused(f"{name} is larger than {MEMBER_LIMIT} bytes")
        # A member before the directory always has a stop; one behind it is none.
        stop = self._stops.get(info.header_offset, 0)
        if info.header_offset + _HEADER + info.compress_size > stop:
            raise Refused(f"{name} overlaps with what follows it")
        return info.header_offset, min(stop, info.header_offset + _HEADER_LIMIT + info.compress_size)


def _refuse_name(name: str) -> None:
    if not name:
        # zipfile itself raises IndexError when such a member is asked whether it is a folder.
        raise Refused("holds a file without a name")
    if name.startswith("/") or "\\" in name or "\0" in name or ":" in name[:2] or ".." in name.split("/"):
        raise Refused(f"holds a file with the name {name[:100]!a}, which leaves the archive")
