"""From the queue to a batch: the gates of each entry, then those that are asked of all together. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property

import msgspec

from pipeline.control.stops import Stop, is_probe
from pipeline.history.fold import NOTHING
from pipeline.instants import instant, timestamp
from pipeline.model import (
    Batch,
    Breaker,
    BreakerState,
    EntryStatus,
    Gate,
    InputFingerprints,
    Knowledge,
    LeftOut,
    Selected,
)
from pipeline.selection.gates import common_stop, own_stop
from pipeline.selection.ranking import Candidate, Rank, candidate, in_line, least_recently_tried, reason
from pipeline.selection.resemblance import Resemblances
from pipeline.selection.situation import Case, Situation
from pipeline.source import ecosystem_of

PROBE_RULE = "a breaker that is not closed lets one probe through"
SHARE_RULE = "repeats after a quarantine that only time has ended keep to their share of all tries"
FULL_RULE = "the batch has room"
# The `confidence` of an entry whose source a person has looked at.
CURATED = "curated"


class Selection(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The entries of a batch in the order in which they are worked on, and those that a gate held back.

    `line` is every source that only room is lacking for, in the order of their turns, the selected ones first;
    `stops` is what held back each other source.
    """

    selected: list[Selected]
    left_out: list[LeftOut]
    line: list[str]
    stops: Mapping[str, Stop]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Each source's number in the line, from 1."""
        return {source: place for place, source in enumerate(self.line, 1)}


def select(situation: Situation) -> Selection:
    """Choose the batch."""
    held = _Held()
    passed = _passed(situation, held)
    probes, others = _with_single_probes(passed, situation, held)
    line = [*probes, *_within_share(in_line(others), situation, held)]
    taken = _taken(line, len(probes), situation)
    chosen = {one.case.position for one in taken}
    overflow = [one for one in line if one.case.position not in chosen]
    size = situation.config.batch.size
    full = Stop(
        gate=Gate.BATCH_FULL,
        rule=FULL_RULE,
        value=f"batch.size is {size}",
        remedy="the next batches; or a larger `batch.size`",
    )
    held.add_all(full, [one.case.entry.source for one in overflow])
    probing = {one.case.position for one in probes}
    return Selection(
        selected=[
            _selected(one, probe=one.case.position in probing, knowledge=knowledge)
            for one, knowledge in zip(taken, _knowledge(taken, situation), strict=True)
        ],
        left_out=held.left_out(),
        line=[one.case.entry.source for one in (*taken, *overflow)],
        stops=held.stops,
    )


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


def share_left(situation: Situation) -> int:
    """Return how many packages that only time has let out of quarantine may be tried now: one a day in any case."""
    allowed = int(situation.attempts * situation.config.quarantine.share) - situation.again
    return max(allowed, 1 if _day_is_due(situation) else 0)


def _passed(situation: Situation, held: "_Held") -> list[Candidate]:
    """Return the entries that every gate of their own lets through; `held` gets the others.

    What all entries of one ecosystem and status have in common is asked once: a year-old queue is mostly `success`.
    """
    passed: list[Candidate] = []
    groups: dict[tuple[str, EntryStatus], Stop | None] = {}
    of_group: dict[tuple[str, EntryStatus], list[str]] = {}
    history, first = situation.history, situation.first
    with_duplicates = len(first) < len(situation.queue.entries)
    for position, entry in enumerate(situation.queue.entries):
        source = entry.source
        group = ecosystem_of(source), entry.status
        if group not in groups:
            groups[group] = common_stop(situation.case(position), situation)
            of_group[group] = []
        stop = groups[group]
        twice = with_duplicates and first[source] != position
        if stop is not None and not (twice and stop.gate is not Gate.PIPELINE_DISABLED):
            of_group[group].append(source)
            continue
        case = Case(entry, position, group[0], history.get(source, NOTHING))
        stop = own_stop(case, situation)
        if stop is None:
            passed.append(candidate(case, situation))
        else:
            held.add(stop, source)
    for group, sources in of_group.items():
        stop = groups[group]
        if stop is not None:
            held.add_all(stop, sources)
    return passed


class _Held:
    """What is held back. Stops that say the same become one `LeftOut`, whose `until` is the earliest of theirs."""

    def __init__(self) -> None:
        self.stops: dict[str, Stop] = {}
        # Many entries share one stop: found by its identity, it need not be compared with all others.
        self._by_stop: dict[int, tuple[Stop, list[str]]] = {}

    def add(self, stop: Stop, source: str) -> None:
        found = self._by_stop.get(id(stop))
        if found is None:
            found = self._by_stop[id(stop)] = (stop, [])
        found[1].append(source)
        if stop.gate is not Gate.DUPLICATE_SOURCE:
            self.stops[source] = stop

    def add_all(self, stop: Stop, sources: list[str]) -> None:
        if sources:
            self._by_stop.setdefault(id(stop), (stop, []))[1].extend(sources)
            self.stops.update(dict.fromkeys(sources, stop))

    def left_out(self) -> list[LeftOut]:
        groups: dict[tuple[Gate, str, str], list[tuple[Stop, list[str]]]] = defaultdict(list)
        for stop, sources in self._by_stop.values():
            groups[stop.gate, stop.rule, stop.value].append((stop, sources))
        return [
            LeftOut(
                gate=gate,
                rule=rule,
                value=value,
                until=min((stop.until for stop, _ in group if stop.until), key=instant, default=None),
                count=sum(len(sources) for _, sources in group),
                sources=[source for _, sources in group for source in sources],
            )
            for (gate, rule, value), group in groups.items()
        ]


def _with_single_probes(
    passed: list[Candidate], situation: Situation, held: _Held
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the probes, one for each ecosystem whose breaker is not closed, and the entries of all others.

    A probe comes first in the batch: all of its ecosystem wait for its answer.
    """
    breakers = {name: one for name, one in situation.control.circuit_breaker.items() if is_probe(one)}
    asked: dict[str, list[Candidate]] = {name: [] for name in breakers}
    others: list[Candidate] = []
    for one in passed:
        asked.get(one.case.ecosystem, others).append(one)
    probes: list[Candidate] = []
    for ecosystem, candidates in asked.items():
        probe, stop = _probe(breakers[ecosystem], ecosystem, candidates, situation)
        if probe is not None:
            probes.append(probe)
        for one in candidates:
            if one is not probe:
                held.add(stop, one.case.entry.source)
    return probes, others


def _probe(
    breaker: Breaker, ecosystem: str, candidates: list[Candidate], situation: Situation
) -> tuple[Candidate | None, Stop]:
    """Return an ecosystem's probe, if there is one, and what holds its other entries."""
    lease = breaker.probe
    if lease is not None and instant(lease.until) > situation.now:
        probe = next((one for one in candidates if one.case.entry.source == lease.source), None)
        name, until = lease.source, lease.until
    else:
        free = [one for one in candidates if one.rank is not Rank.AGED or share_left(situation) > 0]
        probe = least_recently_tried(free) if free else None
        name, until = probe.case.entry.source if probe else "no entry that may be tried", None
    state = BreakerState.HALF_OPEN.value
    return probe, Stop(
        gate=Gate.BREAKER_OPEN,
        rule=PROBE_RULE,
        value=f"{ecosystem}: {state} after {breaker.failures} failures, {name} is the probe",
        since=breaker.opened_at or breaker.last_failure,
        until=until,
        remedy="the success of the probe",
    )


def _within_share(line: Iterable[Candidate], situation: Situation, held: _Held) -> Iterable[Candidate]:
    """Yield the candidates without those that are beyond the share of repeats."""
    room = share_left(situation)
    beyond = _share_stop(situation)
    for one in line:
        if one.rank is Rank.AGED:
            room -= 1
            if room < 0:
                held.add(beyond, one.case.entry.source)
                continue
        yield one


def _share_stop(situation: Situation) -> Stop:
    share = situation.config.quarantine.share
    return Stop(
        gate=Gate.RETRY_SHARE,
        rule=SHARE_RULE,
        value=f"{situation.again} of {situation.attempts} tries in 30 days were such repeats, {share:.0%} may be",
        until=_day_after(situation.last_again),
        remedy="time; a change upstream, of the generator or of the policy; or `doit requeue`",
    )


def _taken(line: list[Candidate], probes: int, situation: Situation) -> list[Candidate]:
    """Return what fits into the batch; one place a day is kept for what has waited longest behind all others."""
    size = situation.config.batch.size
    taken, rest = line[:size], line[size:]
    if rest and probes < size and _day_is_due(situation) and not any(one.rank is Rank.AGED for one in taken):
        kept = next((one for one in rest if one.rank is Rank.AGED), None)
        if kept is not None:
            return [*taken[:-1], kept]
    return taken


def _day_is_due(situation: Situation) -> bool:
    last = situation.last_again
    return last is None or instant(last) + timedelta(days=1) <= situation.now


def _day_after(last: str | None) -> str | None:
    return timestamp(instant(last) + timedelta(days=1)) if last else None


def _knowledge(taken: list[Candidate], situation: Situation) -> list[Knowledge]:
    """Return what the gates on what is generated compare each entry with."""
    resemblances = Resemblances(situation.queue, situation.recipes, (one.case.entry.source for one in taken))
    return [
        Knowledge(
            releases=list(one.case.known.releases),
            held_since=one.case.known.held_since,
            resembles=resemblances.of(one.case.entry.source),
            curated=one.case.entry.confidence == CURATED,
        )
        for one in taken
    ]


def _selected(one: Candidate, *, probe: bool, knowledge: Knowledge) -> Selected:
    entry = one.case.entry
    return Selected(
        source=entry.source,
        name=entry.name,
        priority=entry.priority,
        heavy=entry.heavy,
        reason=f"probe of {one.case.ecosystem}, {reason(one)}" if probe else reason(one),
        after=one.case.known.last_tried,
        knowledge=knowledge,
    )
