"""Homebrew's analytics, the same for formulae and casks: how often each was installed in a month.

`items` are sorted by `count`, a text with commas. A name may carry options (`neovim --HEAD`): they are of one formula.
One answer holds all names, so a larger limit costs no request more. It names no repositories.
"""

from collections import Counter

import msgspec

from pipeline.ecosystems.drafting import bad_metadata, decode
from pipeline.model import Failed
from pipeline.seeding.base import Offered, Offers

DIGITS = 15  # more than all installations of all time


class Item(msgspec.Struct, frozen=True):
    """One row: the name stands in the field of its kind."""

    count: str
    formula: str = ""
    cask: str = ""


class Analytics(msgspec.Struct, frozen=True):
    """All rows of a month."""

    items: list[Item]


def installations(content: bytes) -> Offers | Failed:
    """Return each name with the sum of its rows."""
    answer = decode(content, Analytics, "analytics of Homebrew")
    if isinstance(answer, Failed):
        return answer
    counts: Counter[str] = Counter()
    for item in answer.items:
        number = item.count.replace(",", "")
        if not (number.isascii() and number.isdecimal() and len(number) <= DIGITS):
            return bad_metadata(f"analytics of Homebrew: {item.count!r} is no count")
        name = (item.formula or item.cask).partition(" ")[0]
        counts[name] += int(number)
    return [Offered(name, count) for name, count in counts.items() if name]
