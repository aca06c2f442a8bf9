"""The records of a batch as lines of the journal: the same lines however often they are asked for. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pipeline.constraints import PASSED
from pipeline.history.fingerprint import fingerprint
from pipeline.history.memory import in_utc
from pipeline.history.tries import was_told
from pipeline.model import (
    MESSAGE_TAIL,
    STOOD_IN,
    Attempt,
    AttemptOutcome,
    Batch,
    Category,
    ConstraintsRecord,
    EarlierTry,
    Excluded,
    Failed,
    Generated,
    Held,
    Outcome,
    OutcomeRecord,
    Payload,
    PhaseResult,
    Skipped,
    Stage,
    Subcategory,
    Verdict,
    VerdictStatus,
)
from pipeline.payload import Exclusion
from pipeline.source import ecosystem_of
from pipeline.staleness import MEASURED
from pipeline.taxonomy import TAXONOMY
from pipeline.text import one_line
from pipeline.verdicts import seconds_of

# Ways to miss the pull request that say nothing of the package: another took its place, or a file was damaged.
_NOT_ITS_FAULT = frozenset(
    {Exclusion.NAME_COLLISION, Exclusion.NO_RECORD, Exclusion.NO_RECIPE, Exclusion.DIGEST_MISMATCH}
)
_RAN = PASSED | {VerdictStatus.FAILED, VerdictStatus.INFRA_ERROR}
_CREDENTIALS = re.compile(r"(?<=://)[^/\s]+@")


def attempts_of(
    batch: Batch,
    outcomes: Mapping[str, OutcomeRecord],
    verdicts: Mapping[str, Sequence[Verdict]],
    constraints: Mapping[str, ConstraintsRecord],
    payload: Payload,
    revisions: Mapping[str, int],
    policy: str,
    at: str,
) -> list[Attempt]:
    """Return the lines of a batch that is published at `at`: each try of each package, and then its conclusion.

    Records are keyed by source, `revisions` (of the generators) by ecosystem; `policy` is `policy_digest` of the
    configuration. Tries up to a package's `after` were told with the batch that made them.
    """
    included = frozenset(payload.included)
    left_out = {each.source: each for each in payload.excluded}
    lines: list[Attempt] = []
    for selected in batch.selected:
        source = selected.source
        record = outcomes.get(source)
        ran = [verdict for verdict in verdicts.get(source, ()) if _is_run(verdict)]
        tries = _tries(record, verdicts.get(source, ()), batch.id)
        lines.extend(line for line in tries if not was_told(line.at, selected.after))
        merged = constraints.get(source)
        told = left_out.get(source) or Excluded(source=source, reason=merged.exclusion if merged else "")
        end = _Conclusion(batch.id, source, record, at)
        if source in included:
            lines.append(end.line(AttemptOutcome.SUCCEEDED))
        else:
            print_of = fingerprint(end.upstream, revisions.get(ecosystem_of(source), 0), policy)
            lines.append(_concluded(end, ran, told, print_of))
    # A verdict may come from a machine with a broken clock.
    return [msgspec.structs.replace(line, at=in_utc(line.at) or at) for line in lines]


def tail(text: str, limit: int = MESSAGE_TAIL) -> str:
    """Return the end of a message on one line, printable and without credentials: the one place that cuts it."""
    line = one_line(_CREDENTIALS.sub("", text))
    return line if len(line) <= limit else f"…{line[len(line) - limit + 1 :]}"


# ------------------------------------------------------------------------------------------------ conclusions


class _Conclusion:
    """What the line for a whole package has in any case."""

    def __init__(self, batch_id: str, source: str, record: OutcomeRecord | None, at: str) -> None:
        self._batch_id, self._source, self._at = batch_id, source, at
        self.outcome = record.outcome if record else None
        self.upstream = _upstream(self.outcome)
        self._release = record.release if record else None

    def line(
        self,
        outcome: AttemptOutcome,
        cause: Subcategory | None = None,
        message: str = "",
        *,
        category: Category | None = None,
        exit_code: int | None = None,
        print_of: str | None = None,
        blocked_by: Sequence[str] = (),
        until: str | None = None,
        needs_person: bool = False,
    ) -> Attempt:
        """Return the line; the category is that of the cause unless it is given."""
        return Attempt(
            source=self._source,
            batch_id=self._batch_id,
            stage=Stage.PAYLOAD,
            outcome=outcome,
            category=category or _category(cause),
            subcategory=cause,
            exit_code=exit_code,
            fingerprint=print_of,
            upstream=self.upstream,
            blocked_by=list(blocked_by),
            until=until,
            needs_person=needs_person,
            release=self._release,
            message=tail(message),
            at=self._at,
        )


def _concluded(end: _Conclusion, ran: Sequence[Verdict], told: Excluded, print_of: str) -> Attempt:
    """Return the conclusion for a package that is not in the pull request."""
    match end.outcome:
        case None | Held():
            return end.line(AttemptOutcome.DEFERRED, message=told.reason)
        case Skipped(subcategory=cause, message=message, until=str(until)):
            return end.line(AttemptOutcome.DEFERRED, cause, message, until=until)
        case Skipped(subcategory=cause, message=message, blocked_by=blockers) if _is_blocked(end.outcome):
            code = end.outcome.exit_code
            return end.line(AttemptOutcome.BLOCKED, cause, message, exit_code=code, blocked_by=blockers)
        case Skipped(subcategory=cause, message=message, exit_code=code, needs_person=person):
            return end.line(
                AttemptOutcome.FAILED, cause, message, exit_code=code, print_of=print_of, needs_person=person
            )
        case Failed(subcategory=cause, message=message, category=category, transient=True, exit_code=code):
            return end.line(AttemptOutcome.TRANSIENT, cause, message, category=category, exit_code=code)
        case Failed(subcategory=cause, message=message, category=category, exit_code=code):
            return end.line(AttemptOutcome.FAILED, cause, message, category=category, exit_code=code, print_of=print_of)
        case Generated():
            return _measured(end, ran, told, print_of)


def _measured(end: _Conclusion, ran: Sequence[Verdict], left_out: Excluded, print_of: str) -> Attempt:
    """Return the conclusion for a package that has a recipe, from what was run: nothing else counts for or against."""
    reason, person = left_out.reason, left_out.needs_person
    if any(verdict.status in PASSED for verdict in ran):
        said = reason.partition(":")[0]
        if said in _NOT_ITS_FAULT:
            return end.line(AttemptOutcome.DEFERRED, message=reason)
        taken = said == Exclusion.TAKEN_EXECUTABLE
        cause = Subcategory.TAKEN_EXECUTABLE if taken else Subcategory.NOT_MERGEABLE
        return end.line(AttemptOutcome.FAILED, cause, reason, print_of=print_of, needs_person=person)
    failed = [verdict for verdict in ran if verdict.status is VerdictStatus.FAILED]
    waiting = [verdict for verdict in failed if verdict.blocked_by]
    if waiting:  # what can still change it, whatever else failed elsewhere
        names = list(dict.fromkeys(name for verdict in waiting for name in verdict.blocked_by))
        first, code = waiting[0], _exit_code(waiting[0])
        return end.line(AttemptOutcome.BLOCKED, first.subcategory, _message(first), exit_code=code, blocked_by=names)
    lasting = [verdict for verdict in failed if not _passes_by_itself(verdict.subcategory)]
    told = next(iter(lasting or failed or ran), None)
    if told is None:
        return end.line(AttemptOutcome.DEFERRED, message=reason)
    outcome = AttemptOutcome.FAILED if lasting else AttemptOutcome.TRANSIENT
    return end.line(
        outcome,
        told.subcategory,
        _message(told),
        exit_code=_exit_code(told),
        print_of=print_of if lasting else None,
    )


def _upstream(outcome: Outcome | None) -> str | None:
    match outcome:
        case None | Held():
            return None
        case Generated(evidence=evidence):
            return evidence.upstream
        case Skipped(upstream=upstream) | Failed(upstream=upstream):
            return upstream


# ------------------------------------------------------------------------------------------------ details


def _tries(record: OutcomeRecord | None, verdicts: Sequence[Verdict], batch_id: str) -> Iterator[Attempt]:
    """Yield what was tried for one package: to make its recipe, and to run it."""
    if record is not None:
        yield from _generated(record, batch_id)
    for verdict in verdicts:
        yield from _validated(verdict, batch_id)


def _generated(record: OutcomeRecord, batch_id: str) -> Iterator[Attempt]:
    """Yield the tries to make a recipe, oldest first; what control held was none."""
    yield from _earlier(record.source, batch_id, Stage.GENERATE, "", record.earlier)
    cause, category, message = _cause(record.outcome)
    ended = _end_of(record.outcome)
    if ended is None:
        return
    skipped = record.outcome if isinstance(record.outcome, Skipped) else None
    yield Attempt(
        source=record.source,
        batch_id=batch_id,
        stage=Stage.GENERATE,
        outcome=ended,
        category=category,
        subcategory=cause,
        attempt=len(record.earlier) + 1,
        seconds=record.seconds,
        upstream=_upstream(record.outcome),
        exit_code=record.outcome.exit_code if isinstance(record.outcome, Skipped | Failed) else None,
        blocked_by=skipped.blocked_by if skipped else [],
        until=skipped.until if skipped else None,
        message=tail(message),
        at=record.at,
    )


def _end_of(outcome: Outcome) -> AttemptOutcome | None:
    match outcome:
        case Generated():
            return AttemptOutcome.SUCCEEDED
        case Skipped(until=str()):
            return AttemptOutcome.DEFERRED
        case Skipped():
            return AttemptOutcome.BLOCKED if _is_blocked(outcome) else AttemptOutcome.FAILED
        case Failed(transient=transient):
            return AttemptOutcome.TRANSIENT if transient else AttemptOutcome.FAILED
        case Held():
            return None


def _cause(outcome: Outcome) -> tuple[Subcategory | None, Category | None, str]:
    match outcome:
        case Failed(subcategory=cause, category=category, message=message):
            return cause, category, message
        case Skipped(subcategory=cause, message=message):
            return cause, _category(cause), message
        case Generated(evidence=evidence) if STOOD_IN in evidence.risks:
            return Subcategory.UPSTREAM_UNAVAILABLE, _category(Subcategory.UPSTREAM_UNAVAILABLE), STOOD_IN
        case Generated() | Held():
            return None, None, ""


def _is_blocked(outcome: Skipped) -> bool:
    return outcome.subcategory is Subcategory.MISSING_RECIPE and bool(outcome.blocked_by)


def _validated(verdict: Verdict, batch_id: str) -> Iterator[Attempt]:
    """Yield the runs of a recipe on one platform, oldest first."""
    yield from _earlier(verdict.source, batch_id, Stage.VALIDATE, verdict.platform, verdict.earlier)
    if not _is_run(verdict):
        return
    if verdict.status in PASSED:
        outcome = AttemptOutcome.SUCCEEDED
    elif verdict.blocked_by:
        outcome = AttemptOutcome.BLOCKED
    elif verdict.status is VerdictStatus.INFRA_ERROR or _passes_by_itself(verdict.subcategory):
        outcome = AttemptOutcome.TRANSIENT
    else:
        outcome = AttemptOutcome.FAILED
    yield Attempt(
        source=verdict.source,
        batch_id=batch_id,
        stage=Stage.VALIDATE,
        platform=verdict.platform,
        outcome=outcome,
        category=_category(verdict.subcategory),
        subcategory=verdict.subcategory,
        exit_code=_exit_code(verdict),
        attempt=len(verdict.earlier) + 1,
        seconds=round(seconds_of(verdict), 3),
        blocked_by=verdict.blocked_by,
        message=_message(verdict),
        at=verdict.at,
    )


def _earlier(source: str, batch_id: str, stage: Stage, platform: str, tries: Sequence[EarlierTry]) -> Iterator[Attempt]:
    for number, each in enumerate(tries, start=1):
        passes = _passes_by_itself(each.subcategory)
        yield Attempt(
            source=source,
            batch_id=batch_id,
            stage=stage,
            platform=platform,
            outcome=AttemptOutcome.TRANSIENT if passes else AttemptOutcome.FAILED,
            category=each.category,
            subcategory=each.subcategory,
            attempt=number,
            seconds=each.seconds,
            message=tail(each.message),
            at=each.at,
        )


def _is_run(verdict: Verdict) -> bool:
    """Return whether a recipe was run for it; predictions and what is still awaited are no attempts."""
    return verdict.tier in MEASURED and verdict.status in _RAN


def _passes_by_itself(cause: Subcategory | None) -> bool:
    return cause is not None and TAXONOMY[cause].transient


def _category(cause: Subcategory | None) -> Category | None:
    return TAXONOMY[cause].category if cause else None


def _message(verdict: Verdict) -> str:
    """Return the reason, and as much of the end of what the phase that failed had printed as there is room for."""
    reason = tail(verdict.reason)
    phase = None if verdict.status in PASSED else _failing_phase(verdict)
    room = MESSAGE_TAIL - len(reason) - len(" | ")
    if phase is None or not phase.output_tail.strip() or room <= 1:
        return reason
    return f"{reason} | {tail(phase.output_tail, room)}"


def _exit_code(verdict: Verdict) -> int | None:
    """Return the exit code of the phase that failed; a signal as shells count it."""
    phase = None if verdict.status in PASSED else _failing_phase(verdict)
    if phase is None:
        return None
    return 128 + phase.signal if phase.signal else phase.exit_code


def _failing_phase(verdict: Verdict) -> PhaseResult | None:
    """Return the last phase that ended badly: earlier ones were tried again in another way."""
    bad = (phase for phase in reversed(verdict.phases) if phase.exit_code or phase.signal or phase.timed_out)
    return next(bad, None)
