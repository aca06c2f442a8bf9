"""What a record keeps of the tries that it replaces, so that the journal gets them all. Pure."""

import msgspec

from pipeline.history.memory import in_utc
from pipeline.model import (
    EarlierTry,
    Failed,
    Generated,
    Held,
    OutcomeRecord,
    Skipped,
    Verdict,
    VerdictStatus,
)
from pipeline.staleness import MEASURED
from pipeline.taxonomy import TAXONOMY
from pipeline.verdicts import seconds_of

# Tries of one batch that are kept, the newest: with hourly runs, those of most of a day.
KEPT = 20


def before_outcome(replaced: OutcomeRecord | None, after: str | None) -> list[EarlierTry]:
    """Return the failed tries that a new outcome keeps of the one that it replaces.

    What was made up to `after`, the journal has been told with an earlier batch.
    """
    if replaced is None or was_told(replaced.at, after):
        return []
    match replaced.outcome:
        case Failed(category=category, subcategory=cause, message=message):
            pass
        case Skipped(until=str()):  # it only had to wait
            return replaced.earlier
        case Skipped(subcategory=cause, message=message):
            category = TAXONOMY[cause].category
        case Generated() | Held():
            return replaced.earlier
    last = EarlierTry(at=replaced.at, seconds=replaced.seconds, category=category, subcategory=cause, message=message)
    return [*replaced.earlier, last][-KEPT:]


def keeping(verdict: Verdict, replaced: Verdict | None, after: str | None) -> Verdict:
    """Return a verdict that keeps the failed runs of the one that it replaces; `after` as for an outcome."""
    if replaced is None or was_told(replaced.at, after):
        return verdict
    return msgspec.structs.replace(verdict, earlier=[*_runs(replaced), *verdict.earlier][-KEPT:])


def _runs(replaced: Verdict) -> list[EarlierTry]:
    failed = replaced.status in {VerdictStatus.FAILED, VerdictStatus.INFRA_ERROR} and replaced.tier in MEASURED
    if not failed or replaced.subcategory is None:
        return replaced.earlier
    last = EarlierTry(
        at=replaced.at,
        seconds=round(seconds_of(replaced), 3),
        category=TAXONOMY[replaced.subcategory].category,
        subcategory=replaced.subcategory,
        message=replaced.reason,
    )
    return [*replaced.earlier, last]


def was_told(at: str, after: str | None) -> bool:
    """Return whether a record's time is one up to which the journal knows everything; in that second, it may not."""
    return after is not None and (in_utc(at) or "") < (in_utc(after) or "")
