"""Who waits for whom: recipes that are missing, and how many packages a recipe would set free. Pure.

A blocker is known by its name alone. Names are compared as recipes are called (`icu4c@78` is `icu4c-78`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import lru_cache

import msgspec

from pipeline.model import EntryStatus, QueueEntry
from pipeline.text import kebab

# Names of a queue ten times as large as the largest that is known.
recipe_name = lru_cache(maxsize=65_536)(kebab)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """The recipes that an entry waits for, as the queue names them; `unknown` have no entry and no recipe."""

    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def available(entries: Iterable[QueueEntry], recipes: Set[str]) -> Set[str]:
    """Return the names that block nothing: entries that succeeded, and `recipes`, the names of files in recipes/."""
    return recipes | {recipe_name(entry.name) for entry in entries if entry.status is EntryStatus.SUCCESS}


def missing(entry: QueueEntry, available: Set[str]) -> tuple[str, ...]:
    """Return the recipes that an entry still waits for."""
    return tuple([name for name in entry.blocked_by if recipe_name(name) not in available])


def waiting_for(entry: QueueEntry, available: Set[str], known: Set[str]) -> Waiting:
    """Return what an entry waits for; `known` are the recipe names of all entries of the queue."""
    names = missing(entry, available)
    return Waiting(missing=names, unknown=tuple([name for name in names if recipe_name(name) not in known]))


def impact(entries: Iterable[QueueEntry]) -> Mapping[str, int]:
    """Return, for each name that blocks something, how many blocked entries wait for it, directly or through others.

    Sets of dependents are united as bits of integers, a name after those that wait for it; only cycles take more than
    one round. An entry does not wait for itself.
    """
    waiting = [entry for entry in entries if entry.status is EntryStatus.BLOCKED and entry.blocked_by]
    names = [recipe_name(entry.name) for entry in waiting]
    dependents: dict[str, list[int]] = defaultdict(list)
    own: dict[str, int] = defaultdict(int)
    for index, entry in enumerate(waiting):
        own[names[index]] |= 1 << index
        for blocker in entry.blocked_by:
            dependents[recipe_name(blocker)].append(index)
    reached = dict.fromkeys(dependents, 0)
    order = list(_dependents_first(dependents, names))
    changed = True
    while changed:
        changed = False
        for name in order:
            bits = reached[name]
            for index in dependents[name]:
                bits |= 1 << index | reached.get(names[index], 0)
            if bits != reached[name]:
                reached[name], changed = bits, True
    return {name: (bits & ~own.get(name, 0)).bit_count() for name, bits in reached.items()}


def _dependents_first(dependents: Mapping[str, list[int]], names: list[str]) -> Iterator[str]:
    """Yield each name after the names of those that wait for it, but where they wait for each other."""
    seen: set[str] = set()
    for root in dependents:
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(dependents[root]))]
        while stack:
            name, below = stack[-1]
            for index in below:
                child = names[index]
                if child in dependents and child not in seen:
                    seen.add(child)
                    stack.append((child, iter(dependents[child])))
                    break
            else:
                stack.pop()
                yield name
