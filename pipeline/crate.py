"""Reading a `.crate` without unpacking it: its manifest, and which of its files cargo would make executables of."""

import tarfile
import tomllib
from typing import Any

import msgspec

from pipeline.tarball import TAR_ERRORS, members
from pipeline.zipped import Broken, Refused

# A hundred times the largest manifest of 48 real tools.
MANIFEST_LIMIT = 1024 * 1024  # bytes


class Crate(msgspec.Struct, frozen=True, kw_only=True):
    """What a crate says of itself. `files` are its paths below its only folder."""

    manifest: dict[str, Any]
    files: frozenset[str]


def read_crate(content: bytes, name: str, version: str) -> Crate | Broken:
    """Return what the crate says of itself, or why cargo would not take it for this name and version."""
    folder = f"{name}-{version}"
    try:
        files, manifest = _walk(content, folder)
    except TAR_ERRORS as error:
        return Broken(message=f"not a sound archive: {error}")
    except Refused as refused:
        return Broken(message=str(refused))
    if manifest is None:
        return Broken(message=f"holds no {folder}/Cargo.toml")
    try:
        return Crate(manifest=tomllib.loads(manifest.decode()), files=frozenset(files))
    except (ValueError, RecursionError) as error:
        return Broken(message=f"Cargo.toml cannot be read: {error}")


def _walk(content: bytes, folder: str) -> tuple[set[str], bytes | None]:
    """Return all files, and the manifest if there is one."""
    files: set[str] = set()
    manifest: bytes | None = None
    for member, read in members(content):
        path = _below(member, folder)
        if not member.isfile():
            continue
        if path in files:
            raise Refused(f"holds {path[:100]!a} more than once")
        files.add(path)
        if path == "Cargo.toml":
            if member.size > MANIFEST_LIMIT:
                raise Refused(f"Cargo.toml is larger than {MANIFEST_LIMIT} bytes")
            manifest = read()
    return files, manifest


def _below(member: tarfile.TarInfo, folder: str) -> str:
    """Return a member's path below the folder; raises for what cargo never packs."""
    top, _, path = member.name.partition("/")
    parts = path.split("/")
    if top != folder or "\\" in path or "\0" in path or ".." in parts or "." in parts or "" in parts[:-1]:
        raise Refused(f"holds {member.name[:100]!a}, which does not lie below {folder}")
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise Refused(f"holds {member.name[:100]!a}, which is neither a file nor a folder")
    return path
