"""RubyGems' rules for versions: their order, which are prereleases, and whether one meets a requirement.

The rules are those of `Gem::Version` and `Gem::Requirement`: a version is numbers and words; trailing zeros mean
nothing, a word comes before any number, and what holds a word is a prerelease.
"""

import re
from functools import cmp_to_key
from itertools import takewhile, zip_longest

import msgspec

_VERSION = re.compile(r"[0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_LONGEST = 100  # characters, as in `Evidence.version`
_SEGMENT = re.compile(r"[0-9]+|[a-z]+", re.IGNORECASE)
_CLAUSE = re.compile(r"(=|!=|>=?|<=?|~>)?\s*(\S+)")

Segment = int | str


class GemVersion(msgspec.Struct, frozen=True):
    """A version by its segments, as they are written: `1.0.rc1` is 1, 0, "rc", 1."""

    segments: tuple[Segment, ...]

    @property
    def is_prerelease(self) -> bool:
        """Say whether the client leaves it out unless it is asked for."""
        return any(isinstance(segment, str) for segment in self.segments)

    def release(self) -> "GemVersion":
        """Return the release that a prerelease leads to: the numbers before its first word."""
        return GemVersion(tuple(takewhile(lambda segment: isinstance(segment, int), self.segments)))

    def bump(self) -> "GemVersion":
        """Return what `~>` stays below: the last number but one is raised, the last is dropped."""
        numbers = [segment for segment in self.release().segments if isinstance(segment, int)]
        kept = numbers[:-1] or numbers
        return GemVersion((*kept[:-1], kept[-1] + 1))


def parse(text: str) -> GemVersion | None:
    """Return the version that a text names, None when it names none. A `-` begins a prerelease."""
    if len(text) > _LONGEST or not _VERSION.fullmatch(text):
        return None
    found = _SEGMENT.findall(text.replace("-", ".pre."))
    return GemVersion(tuple(int(part) if part.isdigit() else part for part in found))


def compare(left: GemVersion, right: GemVersion) -> int:
    """Return -1, 0 or 1: `left` comes before `right`, is as new, or comes after it."""
    for ours, theirs in zip_longest(_canonical(left), _canonical(right), fillvalue=0):
        if ours == theirs:
            continue
        if isinstance(ours, str) and isinstance(theirs, str):
            return -1 if ours < theirs else 1
        if isinstance(ours, int) and isinstance(theirs, int):
            return -1 if ours < theirs else 1
        return -1 if isinstance(ours, str) else 1
    return 0


order = cmp_to_key(compare)


def satisfies(requirement: str, version: GemVersion) -> bool | None:
    """Say whether a version meets all clauses of `>= 2.5, < 4`; None when a clause cannot be read."""
    verdicts = [_meets(clause.strip(), version) for clause in requirement.split(",") if clause.strip()]
    return None if None in verdicts else all(verdicts)


def _meets(clause: str, version: GemVersion) -> bool | None:
    found = _CLAUSE.fullmatch(clause)
    wanted = parse(found[2]) if found else None
    if found is None or wanted is None:
        return None
    compared = compare(version, wanted)
    match found[1] or "=":
        case "=":
            return compared == 0
        case "!=":
            return compared != 0
        case ">":
            return compared > 0
        case ">=":
            return compared >= 0
        case "<":
            return compared < 0
        case "<=":
            return compared <= 0
        case _:
            return compared >= 0 and compare(version.release(), wanted.bump()) < 0


def _canonical(version: GemVersion) -> tuple[Segment, ...]:
    """Return the segments without the zeros that end the numbers, and those that end the version."""
    numbers = version.release().segments
    return (*_stripped(numbers), *_stripped(version.segments[len(numbers) :]))


def _stripped(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    kept = len(segments)
    while kept and segments[kept - 1] == 0:
        kept -= 1
    return segments[:kept]
