"""All that decides what is tried now, gathered once; what several gates ask of it is worked out once. Pure."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache

import msgspec

from pipeline.config import Config
from pipeline.control.stops import Stop
from pipeline.history.fingerprint import fingerprint, policy_digest
from pipeline.history.fold import NOTHING, History, PackageHistory
from pipeline.model import Control, Queue, QueueEntry
from pipeline.selection import blockers
from pipeline.source import ecosystem_of

# Days whose tries the share of repeats is a share of.
SHARE_DAYS = 30


class Case(msgspec.Struct, frozen=True, gc=False):
    """One entry of the queue, its place there (from 0), and what the journal says of it."""

    entry: QueueEntry
    position: int
    ecosystem: str
    known: PackageHistory


# A process that selects again and again asks for the same ones.
_fingerprint = lru_cache(maxsize=65_536)(fingerprint)
# A gate's predicate.
Ask = Callable[[Case, "Situation"], Stop | None]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a selection is made from. `generators` names the ecosystems that can be generated in this run, `untried`
    those whose recipes no platform of it can try.

    `recipes` are the names of the files in recipes/. `attempts` is how many packages were tried in the last
    `SHARE_DAYS` days, `again` how many of them in vain although nothing was known to have changed.
    """

    queue: Queue
    now: datetime
    control: Control
    config: Config
    generators: Set[str]
    revisions: Mapping[str, int]
    history: History = field(default_factory=dict)
    untried: Set[str] = frozenset()
    recipes: Set[str] = frozenset()
    attempts: int = 0
    again: int = 0
    # What is worth asking of an ecosystem's entries, filled while gates are asked.
    asked: dict[str, tuple[Ask, ...]] = field(default_factory=dict, compare=False, repr=False)

    def cases(self) -> Iterator[Case]:
        """Yield every entry with what is known of it."""
        known = self.history.get
        for position, entry in enumerate(self.queue.entries):
            source = entry.source
            yield Case(entry, position, ecosystem_of(source), known(source, NOTHING))

    def case(self, position: int) -> Case:
        """Return one entry with what is known of it."""
        entry = self.queue.entries[position]
        return Case(entry, position, ecosystem_of(entry.source), self.history.get(entry.source, NOTHING))

    @cached_property
    def first(self) -> Mapping[str, int]:
        """The place of each source's first entry."""
        sources = [entry.source for entry in self.queue.entries]
        return dict(zip(reversed(sources), reversed(range(len(sources))), strict=True))

    @cached_property
    def times(self) -> Mapping[str, int]:
        """How often each source stands in the queue."""
        return Counter(entry.source for entry in self.queue.entries)

    @cached_property
    def available(self) -> Set[str]:
        """The recipe names that block nothing."""
        return blockers.available(self.queue.entries, self.recipes)

    @cached_property
    def names(self) -> Set[str]:
        """The recipe names of all entries."""
        return {blockers.recipe_name(entry.name) for entry in self.queue.entries}

    @cached_property
    def impact(self) -> Mapping[str, int]:
        """How many entries wait for each recipe name."""
        return blockers.impact(self.queue.entries)

    @cached_property
    def policy(self) -> str:
        """The digest of the configuration that can change a deterministic result."""
        return policy_digest(self.config)

    @cached_property
    def last_again(self) -> str | None:
        """When a package was last tried again in vain although nothing was known to have changed."""
        return max((known.repeated_at for known in self.history.values() if known.repeated_at), default=None)

    @cached_property
    def control_if_enabled(self) -> Control:
        """The control file without its main switch, for the gates behind that."""
        return msgspec.structs.replace(self.control, enabled=True)

    @cached_property
    def control_of_breakers(self) -> Control:
        """The control file without the operator's switches."""
        return msgspec.structs.replace(self.control, enabled=True, disabled_ecosystems=[])

    def fingerprint_of(self, source: str, upstream: str | None) -> str:
        """Return what a failure's fingerprint would be now, had upstream not changed."""
        return _fingerprint(upstream, self.revisions.get(ecosystem_of(source), 0), self.policy)
