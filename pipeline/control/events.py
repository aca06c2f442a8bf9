"""What a result that was just made says of the infrastructure; its line in the journal will say the same. Pure."""

from pipeline.control.breaker import INFRASTRUCTURE, Event
from pipeline.model import (
    STOOD_IN,
    Failed,
    Generated,
    Held,
    OutcomeRecord,
    Skipped,
    Stage,
    Subcategory,
    Verdict,
    VerdictStatus,
)


def event_of_outcome(record: OutcomeRecord) -> Event | None:
    """Return what a generation says, None when control held it, or when it fails for another reason for the moment.

    A recipe from a stored answer shows that the registry did not answer. A package that waits for other recipes is no
    success, so it says nothing.
    """
    match record.outcome:
        case Generated(evidence=evidence):
            answered = STOOD_IN not in evidence.risks
        case Skipped(subcategory=cause):
            if cause is Subcategory.MISSING_RECIPE:
                return None
            answered = True
        case Failed(transient=transient, subcategory=cause):
            if transient and cause not in INFRASTRUCTURE:
                return None
            answered = not transient
        case Held():
            return None
    return Event(at=record.at, source=record.source, stage=Stage.GENERATE, answered=answered)


def event_of_verdict(verdict: Verdict) -> Event | None:
    """Return what a verdict says, None when nothing was run."""
    match verdict.status:
        case VerdictStatus.FAILED if verdict.blocked_by:  # no success, as for an outcome
            return None
        case VerdictStatus.VALIDATED | VerdictStatus.VALIDATED_EMULATED | VerdictStatus.FAILED:
            answered = True
        case VerdictStatus.INFRA_ERROR if verdict.subcategory in INFRASTRUCTURE:
            answered = False
        case _:
            return None
    return Event(at=verdict.at, source=verdict.source, stage=Stage.VALIDATE, answered=answered)
