"""What a package is easily taken for: names that are much better known, among the queue and the recipes. Pure.

Better known is who has a better priority, or stands far nearer to the front of the same one. Numbers of downloads
are not compared, as they mean something else in each ecosystem.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

import msgspec

from pipeline.lookalikes import Lookalikes, Near, same_family
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
    """The names that others are taken for. Made for a few entries: only names far above one of them are indexed."""

    def __init__(self, queue: Queue, recipes: Set[str], asked: Iterable[str]) -> None:
        """`recipes` are the names of the published recipes, `asked` the sources that will be asked for."""
        self._standings = _standings(queue)
        self._names = {entry.source: entry.name for entry in reversed(queue.entries)}
        lowest: dict[str, Standing] = {}
        for source in asked:
            ecosystem, own = ecosystem_of(source), self._standings[source]
            known = lowest.get(ecosystem)
            lowest[ecosystem] = own if known is None else max(known, own, key=lambda one: (one.priority, one.place))
        self._known = _indexes(self._standings, lowest)
        self._recipes = Lookalikes(sorted(recipes)) if lowest else Lookalikes(())

    def of(self, source: str) -> Resemblance | None:
        """Return what a source is easily taken for, the likest first; None for most."""
        ecosystem, identifier = ecosystem_of(source), identifier_of(source)
        own = self._standings[source]
        found = [
            Resemblance(known=f"{ecosystem}:{near.name}", distance=near.distance)
            for near in self._known[ecosystem].near(identifier)
            if self._standings[f"{ecosystem}:{near.name}"].is_far_above(own) and not same_family(near.name, identifier)
        ]
        found += [Resemblance(known=recipe_path(near.name), distance=0) for near in self._recipes_like(source)]
        return min(found, key=lambda one: one.distance, default=None)

    def _recipes_like(self, source: str) -> list[Near]:
        """Return the recipes whose name looks the same: they are known, but most were never ranked against it."""
        name = recipe_name(self._names[source])
        return [near for near in self._recipes.near(name) if near.distance == 0 and not same_family(near.name, name)]


def _standings(queue: Queue) -> Mapping[str, Standing]:
    places: dict[tuple[str, int], int] = defaultdict(int)
    found: dict[str, Standing] = {}
    for entry in queue.entries:
        if entry.source not in found:
            group = ecosystem_of(entry.source), entry.priority
            places[group] += 1
            found[entry.source] = Standing(entry.priority, places[group])
    return found


def _indexes(standings: Mapping[str, Standing], lowest: Mapping[str, Standing]) -> Mapping[str, Lookalikes]:
    names: dict[str, list[str]] = {ecosystem: [] for ecosystem in lowest}
    for source, standing in standings.items():
        ecosystem = ecosystem_of(source)
        if ecosystem in lowest and standing.is_far_above(lowest[ecosystem]):
            names[ecosystem].append(identifier_of(source))
    return {ecosystem: Lookalikes(found) for ecosystem, found in names.items()}
