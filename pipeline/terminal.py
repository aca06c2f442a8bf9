"""One look for all that people read: the console, and the blocks that every command's output is put together from.

A colour says the same everywhere (see `Mood`) and never stands alone: a sign or a word says it, too. What is written
cannot steer a terminal, whoever wrote it, and is as wide as the terminal.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

# Columns: less is no terminal that anybody reads, more is too long a way back to the next line.
NARROWEST, WIDEST = 40, 120
# Where nobody knows how wide it is shown: a log, a pipe.
UNKNOWN_WIDTH = 100
# From this many columns on there is room for more than one blank between two columns of a table.
WIDE = 100
# Characters of a fact's name; the longest of `doit metrics` is `minutes by runner`.
NAME_WIDTH = 17
# Columns that a value needs beside its name; with less it begins on a line of its own.
LEAST_ROOM = 24
# A number and its unit stay in one line. `rich` breaks at every blank, also at one without a break; this is none.
_BEFORE_UNIT, _NO_BREAK = re.compile(r"(?<=\d) (?=(?:s|min|h|d)\b|%|UTC\b)"), "\ue000"
_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z")
# One sign for one, so that what was laid out stays where it is.
_ASCII = str.maketrans({"✓": "+", "✗": "x", "·": "-", "…": "~", "─": "-", "—": "-"})
# `rich` would put another box in its place where there are no signs but ASCII; `Terminal` sees to its line itself.
_HEAD_LINE = box.Box(str(box.SIMPLE_HEAD), ascii=True)


class Mood(Enum):
    """What a fact means to whoever reads it, with its sign and its style."""

    GOOD = ("✓", "green")
    BAD = ("✗", "red")
    WARN = ("!", "yellow")
    IDLE = ("·", "dim")
    """Nothing to say of it yet: not asked, not reached, not measured."""

    @property
    def sign(self) -> str:
        """The sign, one column wide."""
        return self.value[0]

    @property
    def style(self) -> str:
        """The style of the sign and of a word that means the same."""
        return self.value[1]


class Terminal(Console):
    """The console of `rich` as this project uses it; with `soft_wrap` a line is as long as what it says.

    Colours follow `NO_COLOR`, `FORCE_COLOR` and `TERM`, the width `COLUMNS`. Nothing in square brackets is markup.
    """

    def __init__(
        self,
        *,
        file: TextIO | None = None,
        environment: Mapping[str, str] = os.environ,
        width: int | None = None,
        soft_wrap: bool = False,
        force_terminal: bool | None = None,
    ) -> None:
        super().__init__(
            file=file,
            width=width,
            soft_wrap=soft_wrap,
            force_terminal=force_terminal,
            markup=False,
            emoji=False,
            highlight=False,
            _environ=environment,
        )
        self._ascii = _is_ascii(self.encoding, environment)
        if width is None and not soft_wrap:
            known = self.is_watched or environment.get("COLUMNS", "").isdecimal()
            self.width = min(max(self.width, NARROWEST), WIDEST) if known else UNKNOWN_WIDTH

    @property
    def is_watched(self) -> bool:
        """Whether it is a terminal that can draw anew what it shows; `FORCE_COLOR` makes none of a log."""
        return self.file.isatty() and not self.is_dumb_terminal

    def on_broken_pipe(self) -> None:
        """Go on with the `BrokenPipeError` that is being handled; `rich` itself ends the process. The name is its."""
        raise  # noqa: PLE0704  # called while it is handled

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is written, with signs that steer a terminal as `\\u001b`; the name is `rich`'s."""
        for segment in super().render(renderable, options):
            text = segment.text
            if segment.control or (text.isascii() and (text.isprintable() or text == "\n")):
                yield segment
            else:
                yield Segment(self._degraded(visible(text)), segment.style)

    def _degraded(self, text: str) -> str:
        return text.translate(_ASCII) if self._ascii else text


def _is_ascii(encoding: str, environment: Mapping[str, str]) -> bool:
    """Return whether signs beyond ASCII would not be shown.

    Python itself turns the locale `C` into UTF-8, and says so in LC_CTYPE; who has asked for `C` gets plain signs.
    """
    if not encoding.lower().startswith("utf"):
        return True
    language = environment.get("LC_ALL") or environment.get("LANG")
    return language in {"C", "POSIX"} and environment.get("LC_CTYPE", "C.UTF-8") in {"C", "POSIX", "C.UTF-8"}


def visible(text: str, *, plain: bool = False) -> str:
    """Return text in which nothing steers a terminal, over however many lines it goes.

    A sign that does, and a `plain` text's every sign beyond ASCII, is written as JSON writes it: `\\u001b`.
    """
    if plain:
        return "".join(sign if sign.isascii() else _escaped(sign) for sign in visible(text))
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else _escaped(sign) for sign in text)


def _escaped(sign: str) -> str:
    units = sign.encode("utf-16-be", errors="surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def moments(text: str) -> str:
    """Return text with each RFC 3339 moment in it as people read it: `2026-03-01 12:00 UTC`."""
    return _MOMENT.sub(r"\1 \2 UTC", text)


def minute(at: str) -> str:
    """Return a moment for a column of moments, in UTC: `2026-03-01 12:00`."""
    return _MOMENT.sub(r"\1 \2", at)


def title(text: str, detail: str = "", mood: Mood | None = None) -> Text:
    """Return the first line of an output: what it is about or what was done, and beside it how it stands."""
    sign = (f"{mood.sign} ", mood.style) if mood else ("", "")
    return _assembled(sign, (text, "bold"), (f" {detail}" if detail else "", ""))


def heading(text: str) -> Text:
    """Return the line above a section."""
    return _assembled((text, "bold"))


def line(text: str, mood: Mood | None = None) -> RenderableType:
    """Return one sentence below a title, with its sign; it goes on below itself."""
    return Facts(facts=(Fact(name="", value=text, mood=mood),), name_width=0)


def hint(text: str) -> Text:
    """Return the dim line that says which command to go on with."""
    return _assembled((text, "dim"))


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A name and its value; `below` are lines that explain it."""

    name: str
    value: str
    mood: Mood | None = None
    below: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts below each other, the values in a column of their own; all sections of all commands have the same columns.

    A fact with a mood has its sign before its name; what is bad or a warning is coloured as a whole.
    """

    facts: Sequence[Fact]
    name_width: int = NAME_WIDTH

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines for a console; the name is `rich`'s."""
        widest = max((cell_len(visible(fact.name)) for fact in self.facts), default=0)
        column = max(self.name_width, min(widest, options.max_width // 2))
        for fact in self.facts:
            yield from self._lines(fact, column, console, options.max_width)

    def _lines(self, fact: Fact, column: int, console: Console, width: int) -> Iterator[Text]:
        style = fact.mood.style if fact.mood in {Mood.BAD, Mood.WARN} else ""
        sign = (f"{fact.mood.sign} ", fact.mood.style) if fact.mood else ("  " if column else "", "")
        gap = "  " if column else ""
        head = _assembled(("  ", ""), sign, (fact.name, style))
        begins_at = 2 + len(sign[0]) + column + len(gap)
        if width - begins_at < LEAST_ROOM or head.cell_len > begins_at - len(gap):
            yield from _wrapped(head, console, width, "")
            indent = " " * 6
            yield from _wrapped(_assembled((fact.value, style)), console, width - len(indent), indent)
        else:
            head.pad_right(begins_at - head.cell_len)
            values = _wrapped(_assembled((fact.value, style)), console, width - begins_at, "")
            for place, value in enumerate(values):
                yield Text.assemble(" " * begins_at if place else head, value)
        for below in fact.below:
            yield from _wrapped(_assembled((below, "dim")), console, width - 6, " " * 6)


def facts(*pairs: tuple[str, str] | tuple[str, str, Mood | None], name_width: int = NAME_WIDTH) -> Facts:
    """Return facts from pairs of name and value, or with a mood as the third."""
    return Facts(facts=[_fact(*pair) for pair in pairs], name_width=name_width)


def _fact(name: str, value: str, mood: Mood | None = None) -> Fact:
    return Fact(name=name, value=value, mood=mood)


def table(first: str, columns: Iterable[str], width: int = UNKNOWN_WIDTH, *, words: int = 0) -> Table:
    """Return an empty table: names at the left, the next `words` columns text, behind them numbers at the right."""
    gap = 1 if width < WIDE else 3
    made = Table(box=_HEAD_LINE, show_edge=False, pad_edge=False, padding=(0, 0, 0, gap - 1), header_style="bold")
    made.add_column(Text(first), no_wrap=True, vertical="top" if words else "bottom", overflow="fold")
    for number, column in enumerate(columns):
        if number < words:
            made.add_column(Text(column), overflow="fold")
        else:
            made.add_column(Text(column), justify="right", no_wrap=True)
    return made


def number(count: float, style: str = "", form: str = ",") -> Text:
    """Return a number for a table; nothing is a dim dash."""
    return Text(f"{count:{form}}", style=style) if count else Text("-", style="dim")


def sections(*parts: RenderableType | Sequence[RenderableType]) -> Group:
    """Return the parts with an empty line between them; those of a sequence stand together."""
    groups = [list(part) if isinstance(part, list | tuple) else [part] for part in parts]
    spaced = [[Text(""), *group] if place else group for place, group in enumerate(filter(None, groups))]
    return Group(*(item for group in spaced for item in group))


def height(renderable: RenderableType, width: int) -> int:
    """Return how many lines it takes at so many columns."""
    console = Terminal(width=width, environment={})
    return len(console.render_lines(renderable, pad=False))


def _assembled(*parts: tuple[str, str]) -> Text:
    """Return text of parts with their styles; what would steer a terminal is made visible before it is laid out."""
    return Text.assemble(*((visible(text).replace("\n", "\\u000a"), style) for text, style in parts))


def _wrapped(text: Text, console: Console, width: int, indent: str) -> Iterator[Text]:
    """Yield the lines of a text at so many columns; a number stays with its unit, a word that is too long is cut up."""
    kept = text.copy()
    kept.plain = _BEFORE_UNIT.sub(_NO_BREAK, kept.plain)
    for part in kept.wrap(console, max(width, 1), overflow="fold"):
        part.rstrip()
        part.plain = part.plain.replace(_NO_BREAK, " ")
        yield Text.assemble(indent, part)
