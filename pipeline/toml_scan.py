"""Where each statement of a TOML text stands: what `tomllib` reads but does not say.

The text is known to be valid TOML (callers parse it first), so the tokens only have to be told apart, not checked.
"""

import re
import tomllib
from collections.abc import Iterator

import msgspec

Path = tuple[str, ...]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One header or one `key = value`, with offsets into the text.

    `table` is the header that it stands under (for a header: itself), `path` the whole key. `end` is behind the
    statement's last line end; `value_start` and `value_end` enclose the value without a comment behind it.
    """

    table: Path
    path: Path
    is_header: bool
    indent: str
    start: int
    end: int
    value_start: int
    value_end: int


_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"([ \t]*)\[\[?[ \t]*({_DOTTED})[ \t]*\]\]?")
_ASSIGNMENT = re.compile(rf"([ \t]*)({_DOTTED})[ \t]*=[ \t]*")
# What values are made of. A multi-line string may hold up to two of its own quotes right before it ends.
_TOKEN = re.compile(
    r'(?P<string>"""(?:\\.|(?!""").)*"""(?:"{0,2})'
    r"|'''(?:(?!''').)*'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*')"
    r"|(?P<comment>\#[^\n]*)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<line_end>\n)"
    r"|(?P<space>[ \t\r]+)|(?P<other>[^\s\"'\#\[\]{}]+)",
    re.DOTALL,
)
_REST_OF_LINE = re.compile(r"[^\n]*\n?")


def scan(text: str) -> Iterator[Statement]:
    """Yield the statements of a valid TOML text in order; blank lines and comments are between them."""
    table: Path = ()
    at = 0
    while at < len(text):
        if match := _ASSIGNMENT.match(text, at):
            value_end, end = _value(text, match.end())
            yield _statement(match, table, (*table, *keys(match[2])), value_end, end)
            at = end
            continue
        line_end = _end_of_line(text, at)
        if match := _HEADER.match(text, at):
            table = keys(match[2])
            yield _statement(match, table, table, match.end(), line_end)
        at = line_end


def keys(dotted: str) -> Path:
    """Return the parts of a written key: `a."b.c"` is `("a", "b.c")`."""
    return tuple(_decoded(part) for part in re.findall(_KEY, dotted))


def _decoded(part: str) -> str:
    return part if part[0] not in "\"'" else str(tomllib.loads(f"key = {part}")["key"])


def _statement(match: re.Match[str], table: Path, path: Path, value_end: int, end: int) -> Statement:
    return Statement(
        table=table,
        path=path,
        is_header=match.re is _HEADER,
        indent=match[1],
        start=match.start(),
        end=end,
        value_start=match.end(),
        value_end=value_end,
    )


def _value(text: str, at: int) -> tuple[int, int]:
    """Return where the value that starts at `at` ends, and where its statement's last line ends."""
    depth = 0
    value_end = at
    while match := _TOKEN.match(text, at):
        at = match.end()
        match match.lastgroup:
            case "line_end" if depth == 0:
                break
            case "open":
                depth += 1
            case "close":
                depth -= 1
        if match.lastgroup not in {"comment", "space", "line_end"}:
            value_end = at
    return value_end, at


def _end_of_line(text: str, at: int) -> int:
    match = _REST_OF_LINE.match(text, at)
    return match.end() if match else len(text)
