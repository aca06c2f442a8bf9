"""Which members of an archive a recipe installs, and how many folders come off their paths."""

import re

import msgspec

from pipeline.model import Subcategory
from pipeline.releases.archives import Member
from pipeline.releases.names import platform_words
from pipeline.releases.programs import Program

_LIBRARY = re.compile(r"(?:.*\.(?:so(?:\.\d+)*|dylib|dll|a|o|node|bundle))|lib[^/]*\.so.*", re.DOTALL)
# Scripts that install, or are read by a shell: no tools.
_HELPER = re.compile(r"(?:un)?install(?:er)?|configure|setup|.*\.(?:sh|bash|zsh|fish|ps1|py|pl|rb|bat|cmd)", re.DOTALL)
# What stands beside a program for people; anything else may be needed while it runs.
_FOR_PEOPLE = re.compile(
    r"(?i)(?:.*/)?(?:readme|licen[cs]e|copying|unlicense|notice|authors|changelog|changes|news|contributing)[^/]*"
    r"|(?:.*/)?(?:man|doc|docs|completions?|complete|autocomplete|contrib|licenses?)/.*|.*\.(?:\d|md|txt|rst|html|pdf)",
    re.DOTALL,
)


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What is installed: path by executable, after `strip_dirs` folders; `left` are files that a tool may miss."""

    strip_dirs: int
    binaries: dict[str, str]
    main: Program
    left: int


class NoLayout(msgspec.Struct, frozen=True, kw_only=True):
    """Why an archive gives no recipe."""

    subcategory: Subcategory
    message: str


def layout_of(members: list[Member], version: str) -> Layout | NoLayout:
    """Return what of an archive is installed: programs in `bin`, else those nearest to the top.

    A program is what its first bytes say; of scripts, those with an executable bit that no program stands beside.
    """
    strip = _shared_folder(members)
    found = {member.path: member.program for member in members if member.program and _is_tool(member)}
    chosen = _nearest({path: program for path, program in found.items() if program is not None})
    binaries: dict[str, str] = {}
    for path in sorted(chosen):
        name, below = path.rpartition("/")[2], path.split("/", 1)[1] if strip else path
        if name in binaries:
            message = f"holds {name} twice: {binaries[name]} and {below}"
            return NoLayout(subcategory=Subcategory.AMBIGUOUS_COMMANDS, message=message)
        if version in below or platform_words(below):
            message = f"names its program for one platform or version: {below}"
            return NoLayout(subcategory=Subcategory.BAD_NAME, message=message)
        binaries[name] = below
    if not binaries:
        return NoLayout(subcategory=Subcategory.NO_EXECUTABLES, message=f"holds no program among {len(members)} files")
    left = sum(1 for member in members if member.path not in chosen and not _is_for_people(member.path))
    return Layout(strip_dirs=strip, binaries=binaries, main=next(iter(chosen.values())), left=left)


def _shared_folder(members: list[Member]) -> int:
    """Return 1 when all members lie in one folder that is not `bin`."""
    tops = {member.path.partition("/")[0] for member in members}
    return int(len(tops) == 1 and tops != {"bin"} and all("/" in member.path for member in members))


def _is_for_people(path: str) -> bool:
    return _FOR_PEOPLE.fullmatch(path) is not None and not _LIBRARY.fullmatch(path.rpartition("/")[2])


def _is_tool(member: Member) -> bool:
    name = member.path.rpartition("/")[2]
    if _LIBRARY.fullmatch(name) or member.program is None:
        return False
    return member.program.kind != "script" or (member.executable and not _HELPER.fullmatch(name))


def _nearest(programs: dict[str, Program]) -> dict[str, Program]:
    in_bin = {path: program for path, program in programs.items() if path.split("/")[-2:-1] == ["bin"]}
    found = in_bin or programs
    depth = min((path.count("/") for path in found), default=0)
    nearest = {path: program for path, program in found.items() if path.count("/") == depth}
    compiled = {path: program for path, program in nearest.items() if program.kind != "script"}
    return nearest if in_bin or not compiled else compiled
