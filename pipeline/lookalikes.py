"""Names that are easily taken for each other: folding of look-alike characters, edit distance, and an index. Pure.

The index is that of SymSpell: each name is stored under itself and under what is left when one or two of its characters
are deleted. Two names are near each other only if they share such a key, so a look-up compares a handful of names and
never all of them.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

import msgspec

# Lengths after folding. Shorter names are near to many by chance: from `SHORTEST` on only
# what looks the same counts, from `EDITED` on one edit, too.
SHORTEST = 3
EDITED = 5
# From here on, two edits are still a slip of the hand.
LONG = 12
# What is longer is compared by its look alone: nobody types it, and its keys would be thousands.
LONGEST = 24

# Letters of other scripts that look like a Latin one, from the confusables of Unicode (UTS #39); NFKD folds full-width
# and mathematical letters before. Then what looks alike in many fonts: 0 and o; 1, i and l; 5 and s.
_LETTERS = str.maketrans(
    {
        **dict.fromkeys("\u0430\u0251\u03b1", "a"),
        **dict.fromkeys("\u0441\u03f2", "c"),
        **dict.fromkeys("\u0501", "d"),
        **dict.fromkeys("\u0435\u0454", "e"),
        **dict.fromkeys("\u0261\u0581", "g"),
        **dict.fromkeys("\u04bb\u0570", "h"),
        **dict.fromkeys("\u0456\u0458\u0131\u03b9\u04cf1i|", "l"),
        **dict.fromkeys("\u043a\u03ba", "k"),
        **dict.fromkeys("\u0578\u057c", "n"),
        **dict.fromkeys("\u043e\u03bf\u05850", "o"),
        **dict.fromkeys("\u0440\u03c1", "p"),
        **dict.fromkeys("\u0455" + "5", "s"),
        **dict.fromkeys("\u03bd\u0475", "v"),
        **dict.fromkeys("\u0445\u03c7", "x"),
        **dict.fromkeys("\u0443\u03b3", "y"),
        **dict.fromkeys("-_./@+~ "),
    }
)
# In this order: `vv` would be gone once repeated letters are one.
_PAIRS = (("rn", "m"), ("vv", "w"))
_SEPARATORS = frozenset("-_./@+")
# At the end of a word, with what joins it: `3`, `@18`, `-2.0`.
_NUMBER = re.compile(r"[-_.@]?\d+(?:\.\d+)*(?=$|[-_./@+])")


class Near(msgspec.Struct, frozen=True):
    """A name that another is easily taken for; `distance` counts the edits between their folded forms, 0 to 2."""

    name: str
    distance: int


@lru_cache(maxsize=65_536)  # names of a queue ten times as large as the largest that is known
def folded(name: str) -> str:
    """Return what a name looks like: two that give the same can hardly be told apart. Folding twice changes nothing."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    text = "".join(sign for sign in plain if not unicodedata.combining(sign)).translate(_LETTERS)
    for pair, letter in _PAIRS:
        text = text.replace(pair, letter)
    return "".join(sign for at, sign in enumerate(text) if at == 0 or text[at - 1] != sign)


def distance(one: str, other: str) -> int:
    """Return how many insertions, deletions, substitutions and swaps of neighbours lie between two texts.

    The restricted Damerau-Levenshtein distance: no part is edited twice. It is the same in both directions.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, sign in enumerate(one, start=1):
        before, last, row = row, before, [at]
        for to, wanted in enumerate(other, start=1):
            cost = min(before[to] + 1, row[to - 1] + 1, before[to - 1] + (sign != wanted))
            if at > 1 and to > 1 and sign == other[to - 2] and one[at - 2] == wanted:
                cost = min(cost, last[to - 2] + 1)
            row.append(cost)
    return row[-1]


def reach(text: str) -> int:
    """Return how many edits from a folded name others are still taken for it."""
    if len(text) < EDITED or len(text) > LONGEST:
        return 0
    return 1 if len(text) < LONG else 2


class Lookalikes:
    """Known names, to be asked which of them another name is near to."""

    def __init__(self, names: Iterable[str]) -> None:
        """Index the names; their order is that of the answers."""
        self._names = list(dict.fromkeys(names))
        self._at: dict[str, list[int]] = defaultdict(list)
        for position, name in enumerate(self._names):
            for key in _keys(folded(name)):
                self._at[key].append(position)

    def near(self, name: str) -> list[Near]:
        """Return the known names that `name` is easily taken for, itself left out, in their order."""
        text = folded(name)
        if len(text) < SHORTEST:
            return []
        found = sorted({position for key in _keys(text) for position in self._at.get(key, ())})
        others = (self._names[position] for position in found if self._names[position] != name)
        near = (Near(other, distance(text, folded(other))) for other in others)
        return [one for one in near if one.distance <= min(reach(text), reach(folded(one.name)))]


def same_family(one: str, other: str) -> bool:
    """Return whether two names differ as those of relatives do, not as a slip of the hand or a forgery would.

    By a number (`foo2`, `foo@3`, but not a digit that looks like a letter), by a whole word (`foo-cli`), by one letter
    at the end (`prettierd`), or by the first letter, which people rarely mistype (`eslint` and `tslint`).
    """
    one, other = sorted((one.casefold(), other.casefold()), key=lambda name: (len(name), name))
    if _without_numbers(one) == _without_numbers(other):
        return True
    longer = other[len(one) :] if other.startswith(one) else ""
    by_a_word = longer[:1] in _SEPARATORS and len(longer) > 1
    by_the_last = len(longer) == 1 and longer.isalpha() and longer not in {one[-1:], "s"}
    by_the_first = one[1:] == other[1:] or one == other[1:]
    return by_a_word or by_the_last or by_the_first


def _without_numbers(name: str) -> str:
    return _NUMBER.sub("", name)


def _keys(text: str) -> set[str]:
    """Return a folded name, and what is left of it when up to `reach` of its characters are deleted."""
    once = {text[:at] + text[at + 1 :] for at in range(len(text))} if reach(text) else set()
    twice = {less[:at] + less[at + 1 :] for less in once for at in range(len(less))} if reach(text) > 1 else set()
    return {text} | once | twice
