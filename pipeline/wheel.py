"""Reading a wheel without installing it: its executables and its metadata, from a file that may be elsewhere.

A wheel is a zip written by a stranger; `zipped` reads it within limits.
"""

import email
import re
import zipfile
from pathlib import PurePosixPath

import msgspec
from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_name

from pipeline.zipped import ZIP_ERRORS, Broken, Members, PartialFile, Refused

# The object reference of the entry points specification, with the deprecated extras.
_REFERENCE = re.compile(r"\w[\w.]*\s*:\s*\w[\w.]*\s*(?:\[(?P<extras>[^\[\]]*)\])?")


class Wheel(msgspec.Struct, frozen=True, kw_only=True):
    """What a wheel says of itself. `metadata` is its METADATA file; every key of it may be missing."""

    console_scripts: frozenset[str]
    gui_scripts: frozenset[str]
    # Files of `*.data/scripts/`, which installers copy beside the console scripts.
    data_scripts: frozenset[str]
    # Console scripts that only work when an extra of the package is installed too.
    need_extras: frozenset[str]
    metadata: RawMetadata


def read_wheel(file: PartialFile, name: str) -> Wheel | Broken:
    """Return what the wheel of the distribution `name` says of itself, or why no installer would take it.

    Exceptions of the file itself pass through.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _read(Members(archive, file), name)
    except ZIP_ERRORS as error:
        return Broken(message=f"not a sound zip archive: {error}")
    except Refused as refused:
        return Broken(message=str(refused))


def _read(members: Members, name: str) -> Wheel:
    folder = _dist_info(members.names, name)
    wanted = [f"{folder}/{member}" for member in ("WHEEL", "METADATA", "entry_points.txt")]
    members.fetch([member for member in wanted if member in members.names])
    wheel, metadata, entry_points = (members.read(member) for member in wanted)
    if wheel is None or metadata is None:
        raise Refused(f"{folder} holds no {'WHEEL' if wheel is None else 'METADATA'}")
    wheel_version = str(email.message_from_bytes(wheel).get("Wheel-Version", "")).strip()
    if wheel_version.partition(".")[0] != "1":
        raise Refused(f"made for version {wheel_version!r} of the wheel format, installers know version 1")
    scripts = parse_entry_points(_text(entry_points or b"", "entry_points.txt"))
    if isinstance(scripts, Broken):
        raise Refused(scripts.message)
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
        raise Refused(f"holds {len(tops)} *.dist-info folders, must be one")
    folder = tops.pop()
    if canonicalize_name(folder.removesuffix(".dist-info").partition("-")[0]) != canonicalize_name(name):
        raise Refused(f"is called {name} and holds {folder}")
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
        raise Refused(f"{name} is not UTF-8") from None
