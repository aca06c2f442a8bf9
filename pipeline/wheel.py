"""Reading a wheel without installing it: its executables and its metadata, from a file that may be elsewhere.

A wheel is a zip written by a stranger. `zipfile` does the reading (zip64, comments, checksums); what it does
not refuse (members that unpack to gigabytes, that overlap, or whose names leave the archive) is refused here.
"""

import email
import re
import struct
import zipfile
import zlib
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Protocol

import msgspec
from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_name

# Some twenty times the largest seen on real tools.
MEMBER_LIMIT = 8 * 1024 * 1024  # bytes, packed or unpacked
MEMBERS_LIMIT = 200_000
# Before a member's data: 30 bytes (APPNOTE.TXT 4.3.7), its name and extra fields (16-bit lengths).
_HEADER = 30
_HEADER_LIMIT = _HEADER + 2 * 0xFFFF
# Bytes that are rather read along than left out by a request more.
_GAP = 256 * 1024

# What zipfile raises for a file that is no sound zip.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,  # a compression or version that it does not know
    OverflowError,
    RuntimeError,  # an encrypted member
    ValueError,  # a seek to before the start, a name that is no UTF-8
    struct.error,
    zlib.error,
)
# The object reference of the entry points specification, with the deprecated extras.
_REFERENCE = re.compile(r"\w[\w.]*\s*:\s*\w[\w.]*\s*(?:\[(?P<extras>[^\[\]]*)\])?")


class PartialFile(Protocol):
    """A binary file, parts of which may have to be fetched first."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place and return it."""

    def need(self, start: int, stop: int, /) -> None:
        """Fetch the bytes from `start` up to, but without, `stop` at once: they will be read next."""


class Wheel(msgspec.Struct, frozen=True, kw_only=True):
    """What a wheel says of itself. `metadata` is its METADATA file; every key of it may be missing."""

    console_scripts: frozenset[str]
    gui_scripts: frozenset[str]
    # Files of `*.data/scripts/`, which installers copy beside the console scripts.
    data_scripts: frozenset[str]
    # Console scripts that only work when an extra of the package is installed too.
    need_extras: frozenset[str]
    metadata: RawMetadata


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """Why a file is not a wheel that an installer would take."""

    message: str


class _Refused(Exception):  # no error: it ends the reading, and `read_wheel` turns it into `Broken`
    pass


def read_wheel(file: PartialFile, name: str) -> Wheel | Broken:
    """Return what the wheel of the distribution `name` says of itself, or why no installer would take it.

    Exceptions of the file itself pass through.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _read(_Members(archive, file), name)
    except _ZIP_ERRORS as error:
        return Broken(message=f"not a sound zip archive: {error}")
    except _Refused as refused:
        return Broken(message=str(refused))


def _read(members: "_Members", name: str) -> Wheel:
    folder = _dist_info(members.names, name)
    wanted = [f"{folder}/{member}" for member in ("WHEEL", "METADATA", "entry_points.txt")]
    members.fetch([member for member in wanted if member in members.names])
    wheel, metadata, entry_points = (members.read(member) for member in wanted)
    if wheel is None or metadata is None:
        raise _Refused(f"{folder} holds no {'WHEEL' if wheel is None else 'METADATA'}")
    wheel_version = str(email.message_from_bytes(wheel).get("Wheel-Version", "")).strip()
    if wheel_version.partition(".")[0] != "1":
        raise _Refused(f"made for version {wheel_version!r} of the wheel format, installers know version 1")
    scripts = parse_entry_points(_text(entry_points or b"", "entry_points.txt"))
    if isinstance(scripts, Broken):
        raise _Refused(scripts.message)
    return Wheel(
        console_scripts=frozenset(scripts["console_scripts"]),
        gui_scripts=frozenset(scripts["gui_scripts"]),
        data_scripts=_data_scripts(members.names),
        need_extras=frozenset(exe for exe, extras in scripts["console_scripts"].items() if extras),
        metadata=parse_email(metadata)[0],
    )


def _dist_info(names: frozenset[str], name: str) -> str:
    """Return the one `*.dist-info` folder; several, or another package's, are refused as installers do."""
    tops = {top for member in names if (top := member.partition("/")[0]).endswith(".dist-info")}
    if len(tops) != 1:
        raise _Refused(f"holds {len(tops)} *.dist-info folders, must be one")
    folder = tops.pop()
    if canonicalize_name(folder.removesuffix(".dist-info").partition("-")[0]) != canonicalize_name(name):
        raise _Refused(f"is called {name} and holds {folder}")
    return folder


def _data_scripts(names: frozenset[str]) -> frozenset[str]:
    parts = [PurePosixPath(name).parts for name in names if not name.endswith("/")]
    return frozenset(
        found[2] for found in parts if len(found) == 3 and found[0].endswith(".data") and found[1] == "scripts"
    )


def parse_entry_points(text: str) -> dict[str, dict[str, str]] | Broken:
    """Return the scripts of an entry_points.txt, by group: name -> the extras they need ("" for none).

    Reads line by line as pip does. A script that names no callable is one that no installer accepts.
    """
    scripts: dict[str, dict[str, str]] = {"console_scripts": {}, "gui_scripts": {}}
    group = ""
    for line in (raw.strip() for raw in text.splitlines()):
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif group in scripts:
            name, _, reference = (part.strip() for part in line.partition("="))
            match = _REFERENCE.fullmatch(reference)
            if not name or match is None:
                return Broken(message=f"entry_points.txt [{group}] has the invalid line {line[:100]!a}")
            scripts[group][name] = (match["extras"] or "").strip()
    return scripts


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _Refused(f"{name} is not UTF-8") from None


class _Members:
    """The members of an archive, each read at most once, within its own bounds and the limits."""

    def __init__(self, archive: zipfile.ZipFile, file: PartialFile) -> None:
        infos = archive.infolist()
        if len(infos) > MEMBERS_LIMIT:
            raise _Refused(f"holds {len(infos)} files, the limit is {MEMBERS_LIMIT}")
        for info in infos:
            _refuse_escape(info.orig_filename)
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
            raise _Refused(f"{name} unpacks to more than {MEMBER_LIMIT} bytes")
        return content

    def _span(self, name: str) -> tuple[int, int]:
        """Return where a member begins and where it must have ended."""
        info, *others = self._infos[name]
        if others:
            raise _Refused(f"holds {name} more than once")
        if max(info.file_size, info.compress_size) > MEMBER_LIMIT:
            raise _Refused(f"{name} is larger than {MEMBER_LIMIT} bytes")
        # A member before the directory always has a stop; one behind it is none.
        stop = self._stops.get(info.header_offset, 0)
        if info.header_offset + _HEADER + info.compress_size > stop:
            raise _Refused(f"{name} overlaps with what follows it")
        return info.header_offset, min(stop, info.header_offset + _HEADER_LIMIT + info.compress_size)


def _refuse_escape(name: str) -> None:
    if name.startswith("/") or "\\" in name or "\0" in name or ":" in name[:2] or ".." in name.split("/"):
        raise _Refused(f"holds a file with the name {name[:100]!a}, which leaves the archive")
