"""Reading a module's zip without unpacking it: which of its folders hold a command, and its licence.

The zip of a module holds all its files below `<module>@<version>/` and nothing else; nested modules are not in it.
Of the files only the heads matter, but a member is read whole, so that its checksum is compared.
"""

import posixpath
import re
import zipfile

import msgspec

from pipeline import license_texts
from pipeline.gofile import TARGETS, GoFile, read_head
from pipeline.gomod import base_name
from pipeline.model import License, Origin
from pipeline.text import one_line
from pipeline.zipped import ZIP_ERRORS, Broken, Members, PartialFile, Refused

_LICENSE_FILE = re.compile(r"(?:licen[cs]e|copying|unlicense)(?:[._-][\w.-]*)?", re.IGNORECASE)
# Endings of programs and data that are called so too, such as `license.go`.
_THIRD_PARTY = re.compile(r"third.?part", re.IGNORECASE)
_NO_LICENSE = (".go", ".json", ".yml", ".yaml", ".tmpl", ".toml", ".sh", ".py")
# The go command reads none of these, or lets nobody outside install from them.
_HIDDEN = frozenset({"internal", "testdata", "vendor"})


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A folder with `package main`. `folder` is relative to the module, "" for its root; `targets` as in `GoFile`."""

    folder: str
    targets: frozenset[tuple[str, str]]
    comment: str


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """What a module's zip holds for one wanted package.

    `command` is what would be installed; without one, `candidates` are the folders that one could mean, and
    `has_package` says whether the wanted folder holds any Go at all.
    """

    command: Command | None
    candidates: tuple[str, ...]
    has_package: bool
    license: License


def read_module(file: PartialFile, *, module: str, version: str, package: str) -> Module | Broken:
    """Return what the zip says of a package, which is the module itself or a path below it.

    A package that is no command stands for one only when it is the module itself, and then by this rule: the folder
    `cmd/<name>` where <name> is what the module is called; else the only command among the folders right below `cmd`
    and the folder `<name>`. Exceptions of the file itself pass through.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _Reader(Members(archive, file), f"{module}@{version}/").read(module, package)
    except ZIP_ERRORS as error:
        return Broken(message=f"not a sound zip archive: {error}")
    except Refused as refused:
        return Broken(message=str(refused))


class _Reader:
    def __init__(self, members: Members, root: str) -> None:
        self._members, self._root = members, root
        self._folders: dict[str, list[str]] = {}
        files = [name for name in members.names if not name.endswith("/")]
        if strange := sorted(name for name in files if not name.startswith(root)):
            raise Refused(f"holds {strange[0][:100]!a}, which is not below {root}")
        for name in sorted(files):
            folder, base = posixpath.split(name[len(root) :])
            self._folders.setdefault(folder, []).append(base)
        self._nested = {folder for folder, names in self._folders.items() if folder and "go.mod" in names}

    def read(self, module: str, package: str) -> Module:
        wanted = package[len(module) :].strip("/")
        licenses = [name for name in self._folders.get("", []) if _is_license(name)]
        self._members.fetch([*self._sources(wanted), *(self._root + name for name in licenses)])
        command = self._command(wanted)
        candidates: tuple[str, ...] = ()
        if command is None and not wanted:
            command, candidates = self._below(base_name(module))
        return Module(
            command=command,
            candidates=candidates,
            has_package=bool(self._sources(wanted)),
            license=self._license(licenses),
        )

    def _below(self, name: str) -> tuple[Command | None, tuple[str, ...]]:
        """Return the command that a module without one at its root means, or all that it could mean."""
        folders = sorted(
            folder
            for folder in self._folders
            if folder == name or (posixpath.dirname(folder) == "cmd" and posixpath.basename(folder))
        )
        self._members.fetch([source for folder in folders for source in self._sources(folder)])
        found = {folder: command for folder in folders if (command := self._command(folder)) is not None}
        chosen = found.get(f"cmd/{name}") or (next(iter(found.values())) if len(found) == 1 else None)
        return chosen, () if chosen else tuple(found)

    def _sources(self, folder: str) -> list[str]:
        """Return the Go files of a folder, none for one that nothing is installed from."""
        parts = folder.split("/") if folder else []
        if any(part in _HIDDEN or part.startswith(("_", ".")) for part in parts):
            return []
        if any(folder == nested or folder.startswith(f"{nested}/") for nested in self._nested):
            return []
        below = self._root + (f"{folder}/" if folder else "")
        names = [name for name in self._folders.get(folder, []) if name.endswith(".go")]
        return [below + name for name in names if not name.endswith("_test.go")]

    def _command(self, folder: str) -> Command | None:
        """Return a folder's command: for each target, all files that are compiled must be of `package main`."""
        heads = [head for source in self._sources(folder) if (head := self._head(source)) is not None]
        targets = frozenset(
            target
            for target in TARGETS
            if {head.package for head in heads if target in head.targets} - {"documentation"} == {"main"}
        )
        if not targets:
            return None
        comments = [head.comment for head in heads if head.comment and head.package == "main" and head.targets]
        return Command(folder=folder, targets=targets, comment=comments[0] if comments else "")

    def _head(self, source: str) -> GoFile | None:
        return read_head(posixpath.basename(source), self._members.read(source) or b"")

    def _license(self, names: list[str]) -> License:
        """Return the licence that the files at the root are the text of; different ones do not say "and" or "or"."""
        found = [
            license_texts.from_text(self._members.read(self._root + name) or b"", origin=Origin.ARTIFACT, place=name)
            for name in names
        ]
        if len({license_.spdx or license_.declared for license_ in found}) == 1:
            return found[0]
        declared = " and ".join(license_.declared for license_ in found)
        return License(spdx=None, declared=one_line(declared[:200]), origin=Origin.ARTIFACT)


def _is_license(name: str) -> bool:
    """Say whether a file holds a licence of the module itself, as far as its name tells."""
    is_one = _LICENSE_FILE.fullmatch(name) is not None and not name.lower().endswith(_NO_LICENSE)
    return is_one and not _THIRD_PARTY.search(name)
