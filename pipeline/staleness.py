"""Which results stand and which are tried again by the next run. Pure."""

from datetime import datetime

from pipeline.instants import known_instant
from pipeline.model import (
    Failed,
    Generated,
    Held,
    Outcome,
    Skipped,
    Subcategory,
    Tier,
    Timestamp,
    Verdict,
    VerdictStatus,
)

# A prediction gives way to any measurement; measurements stand beside each other.
MEASURED = frozenset({Tier.NATIVE, Tier.CONTAINER, Tier.CI, Tier.EXTERNAL})


def outcome_is_final(outcome: Outcome) -> bool:
    """Return whether an outcome stands: a network fault, a stop by control or a wait for a time is not a result."""
    match outcome:
        case Generated():
            return True
        case Skipped(until=until):
            return until is None
        case Failed(transient=transient):
            return not transient
        case Held():
            return False


def still_waits(outcome: Outcome, now: datetime) -> bool:
    """Return whether an outcome says to wait, and the time has not come: until then nothing is asked again."""
    until = known_instant(outcome.until) if isinstance(outcome, Skipped) and outcome.until else None
    return until is not None and now < until


def verdict_is_final(verdict: Verdict) -> bool:
    """Return whether a verdict stands: infrastructure errors and what is still awaited do not."""
    match verdict.status:
        case VerdictStatus.INFRA_ERROR:
            return False
        case VerdictStatus.NOT_RUN:
            return verdict.subcategory is Subcategory.NOT_GENERATED
        case VerdictStatus.UNKNOWN:
            return verdict.tier is not Tier.NONE
        case _:
            return True


def usable(
    existing: Verdict, recipe_sha256: str, made_from: str, *, measure: bool, after: Timestamp | None = None
) -> bool:
    """Return whether a verdict that is there already on a package and platform answers for a recipe.

    A measurement made elsewhere is used as it is; this is how a CI matrix works. One that this machine would make
    itself (`measure`) must also come from the same limits and revision; a prediction from the same metadata. Of a
    package that is tried again, only what was measured later than `after` counts.
    """
    if existing.recipe_sha256 != recipe_sha256 or not verdict_is_final(existing):
        return False
    if existing.tier in MEASURED and not measure:
        return after is None or _is_later(existing.at, after)
    if measure and existing.tier not in MEASURED:
        return False
    return existing.made_from == made_from


def _is_later(at: Timestamp, after: Timestamp) -> bool:
    measured, tried = known_instant(at), known_instant(after)
    return measured is not None and (tried is None or measured > tried)
