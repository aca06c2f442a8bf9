"""From the queue to a batch: the gates in their order, then turns between ecosystems, priority first. Pure."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Set
from datetime import UTC, datetime

import msgspec

from pipeline.config import Config
from pipeline.control.stops import Stop, is_probe, stop_for
from pipeline.instants import instant, timestamp
from pipeline.model import (
    Batch,
    Control,
    EntryStatus,
    Gate,
    InputFingerprints,
    LeftOut,
    Queue,
    QueueEntry,
    Selected,
)
from pipeline.source import ecosystem_of


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of a batch in the order in which they are worked on, and those that a gate held back."""

    selected: list[Selected]
    left_out: list[LeftOut]


def select(queue: Queue, control: Control, config: Config, generators: Set[str], now: datetime) -> Selection:
    """Choose the batch. `generators` names the ecosystems that can be generated in this run."""
    held: dict[Stop, list[str]] = defaultdict(list)
    candidates: list[QueueEntry] = []
    seen: set[str] = set()
    ecosystem_stops = _EcosystemStops(control, config, generators, now)
    for entry in queue.entries:
        stop = _duplicate(entry, seen) or _stop_for_entry(entry, ecosystem_stops, now)
        seen.add(entry.source)
        if stop is None:
            candidates.append(entry)
        else:
            held[stop].append(entry.source)
    return _fill(_with_single_probes(candidates, control, held), config.batch.size, held)


def make_batch(selection: Selection, fingerprints: InputFingerprints, now: datetime, used_ids: Iterable[str]) -> Batch:
    """Freeze a selection under an id that no earlier batch has."""
    ecosystems = {ecosystem_of(entry.source) for entry in selection.selected}
    kind = ecosystems.pop() if len(ecosystems) == 1 else "mixed"
    day = now.astimezone(UTC).strftime("%Y-%m-%d")
    numbers = [int(used.rpartition("-")[2]) for used in used_ids if used.startswith(f"{day}-")]
    return Batch(
        id=f"{day}-{kind}-{max(numbers, default=0) + 1:03d}",
        created_at=timestamp(now),
        fingerprints=fingerprints,
        selected=selection.selected,
        left_out=selection.left_out,
    )


class _EcosystemStops:
    """The gates that depend on the ecosystem alone, each answered once."""

    def __init__(self, control: Control, config: Config, generators: Set[str], now: datetime) -> None:
        self._control, self._config, self._generators, self._now = control, config, generators, now
        self._known: dict[str, Stop | None] = {}

    def of(self, ecosystem: str) -> Stop | None:
        if ecosystem not in self._known:
            self._known[ecosystem] = self._ask(ecosystem)
        return self._known[ecosystem]

    def _ask(self, ecosystem: str) -> Stop | None:
        if ecosystem not in self._generators:
            return Stop(
                gate=Gate.NO_GENERATOR,
                rule="the ecosystem has a generator in this run",
                value=f"{ecosystem} has none",
            )
        wanted = self._config.batch.ecosystems
        if wanted and ecosystem not in wanted:
            return Stop(
                gate=Gate.NOT_IN_BATCH_ECOSYSTEMS,
                rule="`batch.ecosystems` is empty or names the ecosystem",
                value=f"{ecosystem} is not among {', '.join(wanted)}",
            )
        return stop_for(self._control, ecosystem, self._now)


def _duplicate(entry: QueueEntry, seen: Set[str]) -> Stop | None:
    if entry.source not in seen:
        return None
    return Stop(
        gate=Gate.DUPLICATE_SOURCE,
        rule="the source stands in the queue once",
        value="an earlier entry has it",
    )


def _stop_for_entry(entry: QueueEntry, stops: _EcosystemStops, now: datetime) -> Stop | None:
    if entry.status is not EntryStatus.PENDING:
        return Stop(gate=Gate.STATUS, rule="the entry's status is pending", value=entry.status.value)
    stop = stops.of(ecosystem_of(entry.source))
    if stop is not None:
        return stop
    if entry.next_retry_at is not None and instant(entry.next_retry_at) > now:
        return Stop(
            gate=Gate.NOT_DUE,
            rule="`next_retry_at` has passed",
            value=f"after {entry.failure_count} failures",
            until=entry.next_retry_at,
        )
    return None


def _with_single_probes(
    candidates: list[QueueEntry], control: Control, held: dict[Stop, list[str]]
) -> Iterator[QueueEntry]:
    """Let one entry through for each ecosystem whose breaker is not closed: its probe."""
    probed: set[str] = set()
    for entry in candidates:
        ecosystem = ecosystem_of(entry.source)
        if is_probe(control.circuit_breaker.get(ecosystem)):
            if ecosystem in probed:
                stop = Stop(
                    gate=Gate.BREAKER_OPEN,
                    rule="a breaker that is not closed lets one probe through",
                    value=f"{ecosystem}: another entry is the probe",
                )
                held[stop].append(entry.source)
                continue
            probed.add(ecosystem)
        yield entry


def _fill(candidates: Iterable[QueueEntry], size: int, held: dict[Stop, list[str]]) -> Selection:
    selected: list[Selected] = []
    overflow: list[str] = []
    for entry, turn in _in_turns(candidates):
        if len(selected) < size:
            reason = f"priority {entry.priority}, turn {turn} of {ecosystem_of(entry.source)}"
            selected.append(
                Selected(
                    source=entry.source, name=entry.name, priority=entry.priority, heavy=entry.heavy, reason=reason
                )
            )
        else:
            overflow.append(entry.source)
    if overflow:
        stop = Stop(gate=Gate.BATCH_FULL, rule="the batch has room", value=f"batch.size is {size}")
        held[stop] = overflow
    return Selection(selected=selected, left_out=[_left_out(stop, sources) for stop, sources in held.items()])


def _in_turns(candidates: Iterable[QueueEntry]) -> Iterator[tuple[QueueEntry, int]]:
    """Yield entry and turn: by priority, and within it one of each ecosystem in turn, in the order of the queue."""
    lanes: dict[int, dict[str, deque[QueueEntry]]] = defaultdict(lambda: defaultdict(deque))
    for entry in candidates:
        lanes[entry.priority][ecosystem_of(entry.source)].append(entry)
    for priority in sorted(lanes):
        turn = 1
        waiting = list(lanes[priority].values())
        while waiting:
            for lane in waiting:
                yield lane.popleft(), turn
            waiting = [lane for lane in waiting if lane]
            turn += 1


def _left_out(stop: Stop, sources: list[str]) -> LeftOut:
    return LeftOut(
        gate=stop.gate,
        rule=stop.rule,
        value=stop.value,
        until=stop.until,
        count=len(sources),
        sources=sources,
    )
