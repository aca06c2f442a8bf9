"""What a package is easily taken for: names that are much better known, among the queue and the recipes. Pure.

Better known is who has a better priority, or stands far nearer to the front of the same one. Numbers of downloads
are not compared, as they mean something else in each ecosystem.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from functools import lru_cache

import msgspec

from pipeline.lookalikes import SHORTEST, Lookalikes, folded, same_family
from pipeline.model import Queue, Resemblance
from pipeline.recipe import recipe_path
from pipeline.selection.blockers import recipe_name
from pipeline.source import ecosystem_of, identifier_of

# Of one priority, who stands so many times nearer to the front is much better known.
FAR = 10


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How well known an entry is: its priority, and its place among those of its ecosystem and priority, from 1."""

    priority: int
    place: int

    def is_far_above(self, other: "Standing") -> bool:
        """Return whether it is much better known than another."""
        if self.priority != other.priority:
            return self.priority < other.priority
        return self.place * FAR <= other.place


class Resemblances:
    """The names that others are taken for."""

    def __init__(self, queue: Queue, recipes: Set[str], asked: Iterable[str]) -> None:
        """`recipes` are the names of the published recipes; only ecosystems of the sources in `asked` are indexed."""
        self._standings = _standings(queue)
        self._names = {entry.source: entry.name for entry in reversed(queue.entries)}
        wanted = {ecosystem_of(source) for source in asked}
        self._known = {ecosystem: _index(names) for ecosystem, names in _well_known(self._standings, wanted).items()}
        self._recipes: dict[str, list[str]] = defaultdict(list)
        for name in sorted(recipes) if wanted else ():
            self._recipes[folded(name)].append(name)

    def of(self, source: str) -> Resemblance | None:
        """Return what a source is easily taken for, the likest first; None for most."""
        ecosystem, identifier = ecosystem_of(source), identifier_of(source)
        own = self._standings[source]
        found = [
            Resemblance(known=f"{ecosystem}:{near.name}", distance=near.distance)
            for near in self._known[ecosystem].near(identifier)
            if self._standings[f"{ecosystem}:{near.name}"].is_far_above(own) and not same_family(near.name, identifier)
        ]
        found += [Resemblance(known=recipe_path(name), distance=0) for name in self._recipes_like(source)]
        return min(found, key=lambda one: one.distance, default=None)

    def _recipes_like(self, source: str) -> list[str]:
        """Return the recipes whose name looks the same: they are known, but most were never ranked against it."""
        name = recipe_name(self._names[source])
        look = folded(name)
        alike = self._recipes.get(look, []) if len(look) >= SHORTEST else []
        return [other for other in alike if other != name and not same_family(other, name)]


def _standings(queue: Queue) -> Mapping[str, Standing]:
    places: dict[tuple[str, int], int] = defaultdict(int)
    found: dict[str, Standing] = {}
    for entry in queue.entries:
        if entry.source not in found:
            group = ecosystem_of(entry.source), entry.priority
            places[group] += 1
            found[entry.source] = Standing(entry.priority, places[group])
    return found


def _well_known(standings: Mapping[str, Standing], wanted: Set[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the names of some ecosystems that are far above the last of theirs: no others are above anybody."""
    members: dict[str, list[tuple[str, Standing]]] = {ecosystem: [] for ecosystem in sorted(wanted)}
    for source, standing in standings.items():
        ecosystem = ecosystem_of(source)
        if ecosystem in members:
            members[ecosystem].append((identifier_of(source), standing))
    lasts = {name: max(found, key=lambda one: (one[1].priority, one[1].place))[1] for name, found in members.items()}
    return {
        name: tuple(identifier for identifier, standing in found if standing.is_far_above(lasts[name]))
        for name, found in members.items()
    }


@lru_cache(maxsize=64)  # a process that selects again and again has the same well-known names each time
def _index(names: tuple[str, ...]) -> Lookalikes:
    return Lookalikes(names)
