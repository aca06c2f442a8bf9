"""What the long run counts, from the conclusions that the journal gets."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

from benchmarks.simulation.truth import Truth, is_ready
from pipeline.model import Attempt, AttemptOutcome, Control, Stage


class Tally:
    """Counts that grow hour by hour.

    An attempt is a package that a batch tried, whatever came of it; what was deferred is none. It is wasted when the
    package had failed for a reason of its own, or had been blocked, and the truth was still the same.
    """

    def __init__(self, table: Mapping[str, Truth]) -> None:
        self._table = table
        self.made: list[str] = []
        self.tried: set[str] = set()
        self.attempts = 0
        self.wasted = 0
        self.deferred = 0
        self.transient = 0
        # For each attempt in turn: whether it made a recipe.
        self.course = bytearray()
        # Ecosystem to the states of its breaker: hour and state, whenever it changed.
        self.breakers: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._failed: set[str] = set()

    def conclusions(self, lines: Iterable[Attempt], merged: Set[str]) -> None:
        """Count the ends of some packages' ways through a batch; `merged` are the names of the recipes by then."""
        for line in lines:
            if line.stage is Stage.PAYLOAD:
                self._conclusion(line, merged)

    def breaker_states(self, control: Control, hour: int) -> None:
        """Note which breakers have moved."""
        for ecosystem, breaker in control.circuit_breaker.items():
            states = self.breakers[ecosystem]
            if (states[-1][1] if states else "closed") != breaker.state:
                states.append((hour, breaker.state.value))

    def _conclusion(self, line: Attempt, merged: Set[str]) -> None:
        if line.outcome is AttemptOutcome.DEFERRED:
            self.deferred += 1
            return
        source = line.source
        self.attempts += 1
        self.tried.add(source)
        if source in self._failed and not is_ready(self._table[source], merged):
            self.wasted += 1
        made = line.outcome is AttemptOutcome.SUCCEEDED
        self.course.append(made)
        if made:
            self.made.append(source)
            self._failed.discard(source)
        elif line.outcome in {AttemptOutcome.FAILED, AttemptOutcome.BLOCKED}:
            self._failed.add(source)
        else:
            self.transient += 1
