"""Upstream text in GitHub's markdown: shown as it is written, never taken for markup, a mention or a link.

Packages are written by strangers. GitHub notifies whoever is mentioned, links `#1` and addresses, lets HTML
through, and bidirectional control characters reorder what a reviewer reads.
"""

import re
import unicodedata
from collections.abc import Sequence

ELLIPSIS = "…"
NOTHING = "—"
_CODE_LIMIT = 120  # characters, unless a caller says otherwise
# Between `@` and a name it stops the mention, as widely used bots do; it has no width.
_BREAK = "&#8203;"
# What can begin markup in the middle of a line, written as entities: these are shown, but never parsed.
_MARKUP = re.compile(r"[&<>\\`*_\[\]{}#~!|$@]")
# Addresses and references that GitHub links without any markup.
_LINKED = re.compile(r"(:)(?=//)|(\bwww)(?=\.)|(\bgh)(?=-\d)|(@)|(#)", re.IGNORECASE)


def clean(value: str, limit: int) -> str:
    """Return one line of at most `limit` characters without control, bidirectional or invisible characters."""
    shown = value[: limit * 4]
    if not (shown.isascii() and shown.isprintable()):
        shown = "".join(char if _is_visible(char) else " " for char in shown)
    line = " ".join(shown.split())
    return line if len(line) <= limit and len(value) <= limit * 4 else f"{line[: limit - 1]}{ELLIPSIS}"


def text(value: str, limit: int = 300) -> str:
    """Return upstream text for the middle of a line or a table cell."""
    marked = _LINKED.sub(lambda match: f"{match[0]}\0", clean(value, limit))
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", marked).replace("\0", _BREAK)


def code(value: str, limit: int = _CODE_LIMIT) -> str:
    """Return upstream text as code; what could end the code span or the table cell is shown as text instead."""
    line = clean(value, limit)
    if not line:
        return NOTHING
    return text(line, limit) if re.search(r"[`|\\]", line) else f"`{line}`"


def html_code(value: str) -> str:
    """Return upstream text as code inside HTML; GitHub parses markdown between inline tags, so that is escaped too."""
    return f"<code>{text(value, _CODE_LIMIT)}</code>"


def row(cells: Sequence[str]) -> str:
    """Return a table row of cells that are markdown already."""
    return f"| {' | '.join(cells)} |\n"


def table_head(titles: Sequence[str]) -> str:
    """Return the two lines that begin a table."""
    return row(titles) + row(["---"] * len(titles))


def _is_visible(char: str) -> bool:
    # Cc control, Cf format (bidirectional, zero width), Cs surrogate, Co private, Cn unassigned, Zl and Zp line ends.
    return char == " " or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
