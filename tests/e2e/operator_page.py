"""`docs/operations.md` as its tests read it: the commands of each section, and what it says that they answer.

In a block ```` ```console ```` a line `$ …` is a command; what follows is its output, standard error last, and
`(exit code N)` when that is not 0. A `…` stands for anything.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path

import msgspec

from pipeline.store import SHIPPED

PAGE = SHIPPED / "docs" / "operations.md"
_HEADING = re.compile(r"#{2,3} (.+)")
# What `doit` tells as it happens: packages are worked on at once, in whatever order.
_EVENT = re.compile(r"(?:recipe|validated|failed|skipped) +\S")
_SPACES = re.compile(r"\s+")
# What no two runs have in common; dates are the same, as the tests set the clock.
_BLURRED = (
    (re.compile(r"\b\d+\.\d (?=of \d+ minutes used \(0 %\))"), "SOME "),
    (re.compile(r"(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d(?::\d\d)?(?:Z| UTC)?"), r"\1 TIME"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:ms|s|min|minutes)\b|\b\d+\.\d+ [hd]\b"), "DURATION"),
    (re.compile(r"\b[0-9a-f]{7,64}\b(?<=[0-9a-f]{7})"), "COMMIT"),
    (re.compile(r"\b[\d,]+ MiB\b"), "SIZE"),
    (re.compile(r"\blinux-[a-z0-9-]+"), "PLATFORM"),
    (re.compile(r"─+"), "─"),
)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One command of the page with its output; `first` and `last` are the output's lines in the file, half open."""

    command: str
    output: str
    first: int
    last: int


def sections(text: str) -> dict[str, list[Shown]]:
    """Return the commands of each section that has any, in the order of the page."""
    found: dict[str, list[Shown]] = {}
    heading, begun = "", False
    lines = text.splitlines()
    for number, line in enumerate(lines):
        title = _HEADING.fullmatch(line)
        if title and not begun:
            heading = title[1]
        elif line.startswith("```"):
            begun = line == "```console"
        elif begun and line.startswith("$ "):
            last = next(_ends(lines, number + 1))
            output = "\n".join(lines[number + 1 : last])
            shown = Shown(command=line.removeprefix("$ "), output=output, first=number + 1, last=last)
            found.setdefault(heading, []).append(shown)
    return found


def _ends(lines: list[str], start: int) -> Iterator[int]:
    """Yield the numbers of the lines that end an output."""
    yield from (number for number in range(start, len(lines)) if lines[number].startswith(("$ ", "```")))


def blurred(text: str) -> str:
    """Return text without what differs from run to run: times, durations, commits, widths, the order of events."""
    for pattern, instead in _BLURRED:
        text = pattern.sub(instead, text)
    lines = text.splitlines()
    events = sorted(line for line in lines if _EVENT.match(line))
    text = "\n".join([*events, *(line for line in lines if not _EVENT.match(line))])
    return _SPACES.sub(" ", text).strip()


def fits(shown: str, real: str) -> bool:
    """Return whether a shown output is the real one, but for what differs from run to run and what `…` leaves out."""
    parts = (re.escape(part.strip()) for part in blurred(shown).split("…"))
    return re.fullmatch(r"\s*" + r"\s*.*?\s*".join(parts) + r"\s*", blurred(real)) is not None


def shortened(shown: str, real: str) -> str:
    """Return a real output with what the shown one leaves out by lines `…` left out, too.

    Between two of them the page shows what lies between the lines that are most like those it showed before.
    """
    pieces = [piece.strip("\n").splitlines() for piece in re.split(r"(?m)^…$", shown)]
    if len(pieces) == 1:
        return real
    lines, at = real.splitlines(), 0
    kept: list[str] = []
    for number, piece in enumerate(pieces):
        is_first, is_last = number == 0, number == len(pieces) - 1
        if piece:
            start = at if is_first else _most_like(piece[0], lines, at)
            end = len(lines) if is_last else _most_like(piece[-1], lines, start) + 1
            kept += lines[start:end]
            at = end
        kept += [] if is_last else ["…"]
    return "\n".join(kept)


def _most_like(line: str, lines: list[str], start: int) -> int:
    """Return the place of the line, from `start` on, that is most like another; the first of several."""
    return max(
        range(min(start, len(lines) - 1), len(lines)),
        key=lambda place: SequenceMatcher(None, line, lines[place]).ratio(),
    )


def rewrite(page: Path, heading: str, outputs: Mapping[int, str]) -> None:
    """Write the outputs of some commands of a section, by their place in it, into the page."""
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    commands = sections(text)[heading]
    for place in sorted(outputs, reverse=True):
        shown = commands[place]
        lines[shown.first : shown.last] = shortened(shown.output, outputs[place]).splitlines()
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
