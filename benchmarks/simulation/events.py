"""What goes wrong, and when: outages, single failures, a switch that stays off, a pull request nobody merges."""

import random
from collections import Counter
from collections.abc import Sequence

import msgspec

from pipeline.model import QueueEntry
from pipeline.source import ecosystem_of

TRANSIENT_SHARE = 0.02
# Of those, as many show only when the recipe is run.
TRANSIENT_AT_VALIDATION = 0.25
# An ecosystem is down for some hours once in a fortnight.
OUTAGE_EVERY_HOURS = 14 * 24
SHORTEST_OUTAGE, LONGEST_OUTAGE = 2, 12
SWITCHED_OFF_HOURS = 30 * 24
# Of a run that is too short for a month, so much; it begins before so much of the run is over.
SWITCHED_OFF_SHARE, SWITCHED_OFF_BY = 0.45, 0.25


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of the simulation, the first included, in which something holds for one ecosystem."""

    ecosystem: str
    begins: int
    ends: int

    def holds(self, ecosystem: str, hour: int) -> bool:
        """Return whether it holds."""
        return self.ecosystem == ecosystem and self.begins <= hour < self.ends


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """The course of the world. The first pull request from hour `stuck` on is never merged."""

    outages: list[Span]
    switched_off: Span
    stuck: int
    seed: int

    def is_down(self, ecosystem: str, hour: int) -> bool:
        """Return whether an ecosystem's registry answers nobody."""
        return any(outage.holds(ecosystem, hour) for outage in self.outages)


def draw(entries: Sequence[QueueEntry], runs: int, seed: int) -> Events:
    """Return what happens in so many hours: the same for the same queue, length and seed.

    The switch is that of the largest ecosystem, which hurts most.
    """
    chance = random.Random(seed)
    sizes = Counter(ecosystem_of(entry.source) for entry in entries)
    outages = [outage for ecosystem in sorted(sizes) for outage in _outages(ecosystem, runs, chance)]
    begins = chance.randint(0, int(runs * SWITCHED_OFF_BY))
    largest = min(sizes, key=lambda ecosystem: (-sizes[ecosystem], ecosystem))
    hours = min(SWITCHED_OFF_HOURS, int(runs * SWITCHED_OFF_SHARE))
    return Events(
        outages=outages,
        switched_off=Span(ecosystem=largest, begins=begins, ends=begins + hours),
        stuck=chance.randint(0, runs // 4),
        seed=seed,
    )


def _outages(ecosystem: str, runs: int, chance: random.Random) -> list[Span]:
    found = []
    hour = int(chance.expovariate(1 / OUTAGE_EVERY_HOURS))
    while hour < runs:
        ends = hour + chance.randint(SHORTEST_OUTAGE, LONGEST_OUTAGE)
        found.append(Span(ecosystem=ecosystem, begins=hour, ends=ends))
        hour = ends + int(chance.expovariate(1 / OUTAGE_EVERY_HOURS))
    return found
