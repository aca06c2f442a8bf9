"""Why a package is tried next, or why it is not: every gate's answer, its place, its last attempts. Pure."""

from collections.abc import Sequence

import msgspec

from pipeline.checks import nearest, shorten
from pipeline.control.stops import Stop
from pipeline.errors import UnknownName
from pipeline.model import (
    Attempt,
    Batch,
    EntryStatus,
    Gate,
    GateVerdict,
    OutcomeRecord,
    Queue,
    QueueEntry,
    Selected,
    Stage,
)
from pipeline.selection.batch import FULL_RULE, SHARE_RULE, Selection, select
from pipeline.selection.gates import Check, checks
from pipeline.selection.predicates import is_aged
from pipeline.selection.retry import needs_person
from pipeline.selection.situation import Case, Situation
from pipeline.selection.statuses import waits_in_doubt
from pipeline.source import identifier_of

# Sources that are named when a tool's name fits several.
NAMED = 3
NOT_ASKED = "not asked: a gate before it is shut"
# What it comes to when an entry's status keeps it out.
STATUS_WORDS = {
    EntryStatus.SUCCESS: "nothing to do: its recipe is there",
    EntryStatus.IN_REVIEW: "nothing to do: its recipe is made, and its pull request open",
    EntryStatus.REQUIRES_MANUAL: "left alone until a person asks for it again",
    EntryStatus.EXCLUDED: "left out: a person has excluded it",
}


class GateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One gate: whether it is open (None: not asked), what it looks at, its rule, the value that it saw.

    A gate that is shut says since when, until when (None: until something changes), and what would open it.
    """

    gate: Gate
    open: bool | None
    input: str
    rule: str
    value: str
    since: str | None = None
    until: str | None = None
    remedy: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of why a package is, or is not, tried next.

    `judged` is what the gates said of what was generated last, at `judged_at`, as far as that is still there.
    `place` is its number in the line of those that may be tried now, from 1. `batch` is the batch under way when the
    package is in it, `results` what that has found so far. `attempts` are the last ones, newest first.
    """

    source: str
    entry: QueueEntry
    conclusion: str
    gates: list[GateAnswer]
    judged: list[GateVerdict]
    judged_at: str | None
    place: int | None
    batch: str | None
    results: list[str]
    tries: int
    last_tried: str | None
    needs_person: str
    attempts: list[Attempt]


def explain(
    source: str,
    situation: Situation,
    *,
    batch: Batch | None = None,
    results: Sequence[str] = (),
    made: OutcomeRecord | None = None,
    attempts: Sequence[Attempt] = (),
    selection: Selection | None = None,
) -> Explanation:
    """Explain one source; raises `UnknownName` when the queue has none like it. `attempts` come newest last.

    `batch` is the last one that was frozen; it is under way unless an attempt says that it has come to its end. `made`
    is what was generated last. `selection` is what `select` returned for the situation: who explains many sources has
    it made once.
    """
    position = situation.first.get(source)
    if position is None:
        raise unknown_source(source, situation.queue, "why")
    case = situation.case(position)
    selection = select(situation) if selection is None else selection
    gates = list(answers(case, situation, selection))
    place = selection.places.get(source)
    under_way = _under_way(source, batch, attempts)
    known = case.known
    return Explanation(
        source=source,
        entry=case.entry,
        conclusion=_conclusion(gates, place, situation, batch, under_way),
        gates=gates,
        judged=made.gates if made is not None else [],
        judged_at=made.at if made is not None and made.gates else None,
        place=place,
        batch=batch.id if batch is not None and under_way is not None else None,
        results=list(results) if under_way is not None else [],
        tries=known.tries,
        last_tried=known.last_tried,
        needs_person=_doubt(case.entry) or needs_person(known, situation.config.quarantine),
        attempts=list(reversed(attempts)),
    )


def _doubt(entry: QueueEntry) -> str:
    if not waits_in_doubt(entry):
        return ""
    others = f" as {', '.join(entry.alternatives[:NAMED])}" if entry.alternatives else " as a recipe that is there"
    return f"it may be the same tool{others}; `doit requeue {entry.source}` says that it is one of its own"


def answers(case: Case, situation: Situation, selection: Selection) -> list[GateAnswer]:
    """Return every gate's answer for the first entry of a source, in the order in which `select` asks them."""
    told = [_answer(check) for check in checks(case, situation)]
    passed = all(answer.open for answer in told)
    stop = selection.stops.get(case.entry.source)
    if stop is not None and stop.gate is Gate.BREAKER_OPEN:
        told[-1] = _shut(told[-1].input, stop)
        passed = False
    share = GateAnswer(
        gate=Gate.RETRY_SHARE,
        open=None if not passed else True,
        input="journal, tries of 30 days",
        rule=SHARE_RULE,
        value=_share_value(case, situation) if passed else NOT_ASKED,
    )
    if stop is not None and stop.gate is Gate.RETRY_SHARE:
        share, passed = _shut(share.input, stop), False
    room = GateAnswer(
        gate=Gate.BATCH_FULL,
        open=None if not passed else True,
        input="pipeline.yaml, `batch.size`",
        rule=FULL_RULE,
        value=f"batch.size is {situation.config.batch.size}" if passed else NOT_ASKED,
    )
    if stop is not None and stop.gate is Gate.BATCH_FULL:
        room = _shut(room.input, stop)
    return [*told, share, room]


def unknown_source(asked: str, queue: Queue, command: str) -> UnknownName:
    """Return the error for a source that the queue does not have, with those that are probably meant."""
    named = [one.source for one in queue.entries if asked in {one.name, identifier_of(one.source)}]
    close = named[:NAMED] or [found for found in [nearest(asked, (one.source for one in queue.entries))] if found]
    remedy = (
        f"did you mean {' or '.join(f'`doit {command} {source}`' for source in close)}?"
        if close
        else "name it as the queue does, such as npm:prettier"
    )
    return UnknownName(f"the queue has no source {shorten(asked)}", remedy=remedy)


def _answer(check: Check) -> GateAnswer:
    if check.stop is not None:
        return _shut(check.input, check.stop)
    return GateAnswer(gate=check.gate, open=True, input=check.input, rule=check.rule, value=check.value)


def _shut(where: str, stop: Stop) -> GateAnswer:
    return GateAnswer(
        gate=stop.gate,
        open=False,
        input=where,
        rule=stop.rule,
        value=stop.value,
        since=stop.since,
        until=stop.until,
        remedy=stop.remedy,
    )


def _share_value(case: Case, situation: Situation) -> str:
    if is_aged(case, situation):
        return f"{situation.again} of {situation.attempts} tries in 30 days were such repeats"
    return "it is no such repeat"


def _under_way(source: str, batch: Batch | None, attempts: Sequence[Attempt]) -> Selected | None:
    """Return the package's place in the frozen batch, unless the journal says that it has come to its end there."""
    if batch is None:
        return None
    if any(attempt.batch_id == batch.id and attempt.stage is Stage.PAYLOAD for attempt in attempts):
        return None
    return next((one for one in batch.selected if one.source == source), None)


def _conclusion(
    gates: list[GateAnswer], place: int | None, situation: Situation, batch: Batch | None, under_way: Selected | None
) -> str:
    if under_way is not None and batch is not None:
        return f"in batch {batch.id}, which is under way: {under_way.reason}"
    size = situation.config.batch.size
    shut = next((answer for answer in gates if answer.open is False), None)
    if shut is None:
        return f"would be number {place} of the next batch"
    if shut.gate is Gate.STATUS:
        return STATUS_WORDS[EntryStatus(shut.value)]
    if shut.gate is Gate.BATCH_FULL:
        return f"may be tried: number {place} in line, and a batch takes {size}"
    until = f" until {shut.until}" if shut.until else ""
    return f"held back{until} by {shut.gate}: {shut.value}"
