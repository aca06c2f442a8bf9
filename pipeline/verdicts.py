"""Verdicts that need no sandbox: a prediction, a result still awaited, a package without a recipe. Pure."""

from math import fsum

import msgspec

from pipeline.control.stops import Stop
from pipeline.digests import digest_of
from pipeline.model import (
    Failed,
    Generated,
    Held,
    Outcome,
    Skipped,
    StaticRecord,
    Subcategory,
    Tier,
    Verdict,
    VerdictStatus,
)
from pipeline.staleness import outcome_is_final


def not_generated(source: str, platform: str, outcome: Outcome, now: str) -> Verdict:
    """Return the verdict on a package that has no recipe; it stands as long as the outcome does."""
    match outcome:
        case Skipped(subcategory=cause, message=message) | Failed(subcategory=cause, message=message):
            why = f"no recipe: {cause}: {message}"
        case Held(gate=gate, message=message):
            why = f"no recipe: {gate}: {message}"
        case Generated():
            raise ValueError(f"{source} has a recipe")
    return Verdict(
        source=source,
        version="",
        platform=platform,
        recipe_sha256=None,
        made_from=digest_of("not generated", source, platform),
        tier=Tier.NONE,
        status=VerdictStatus.NOT_RUN,
        subcategory=Subcategory.NOT_GENERATED if outcome_is_final(outcome) else Subcategory.NO_RESULT,
        reason=why,
        at=now,
    )


def not_run(source: str, platform: str, outcome: Generated, made_from: str, now: str, reason: str = "") -> Verdict:
    """Return the verdict on a package whose result is awaited from elsewhere, or that control held back."""
    return Verdict(
        source=source,
        version=outcome.evidence.version,
        platform=platform,
        recipe_sha256=outcome.recipe_sha256,
        made_from=made_from,
        tier=Tier.NONE,
        status=VerdictStatus.NOT_RUN,
        subcategory=Subcategory.NO_RESULT,
        reason=reason or "no result from another machine yet",
        at=now,
    )


def out_of_budget(source: str, platform: str, outcome: Generated, made_from: str, now: str, stop: Stop) -> Verdict:
    """Return the verdict on a package that the week's minutes do not reach; the next run asks again."""
    reason = f"{stop.value}; the rule: {stop.rule}; until {stop.until}"
    verdict = not_run(source, platform, outcome, made_from, now, reason)
    return msgspec.structs.replace(verdict, subcategory=Subcategory.OUT_OF_BUDGET)


def no_runner(source: str, platform: str, outcome: Generated, made_from: str, now: str, why: str) -> Verdict:
    """Return the verdict on a recipe that the sandbox can say nothing of."""
    verdict = not_run(source, platform, outcome, made_from, now, f"{why}; give the platform a command")
    return msgspec.structs.replace(verdict, subcategory=Subcategory.NO_RUNNER)


def seconds_of(verdict: Verdict) -> float:
    """Return what a verdict cost: the seconds by the clock of its phases, added up. What was not run cost nothing."""
    return fsum(phase.wall_s for phase in verdict.phases)


def unanswered(source: str, outcome: Generated, made_from: str, now: str) -> StaticRecord:
    """Return the predictions for a package whose metadata control does not let us read now: none, for this run."""
    return StaticRecord(
        source=source,
        recipe_sha256=outcome.recipe_sha256,
        made_from=made_from,
        final=False,
        predictions=[],
        at=now,
        seconds=0,
    )


def predicted(
    source: str, platform: str, outcome: Generated, static: StaticRecord, made_from: str, now: str
) -> Verdict:
    """Return the verdict that the package's metadata allows (tier T0)."""
    prediction = next((item for item in static.predictions if item.platform == platform), None)
    if prediction is None:
        status, reason = VerdictStatus.UNKNOWN, "no prediction for this platform"
    else:
        status, reason = VerdictStatus(prediction.status), prediction.reason
    return Verdict(
        source=source,
        version=outcome.evidence.version,
        platform=platform,
        recipe_sha256=outcome.recipe_sha256,
        made_from=made_from,
        # An unanswered question is asked again by the next run; an answered one stands.
        tier=Tier.STATIC if static.final and prediction is not None else Tier.NONE,
        status=status,
        reason=reason,
        at=now,
    )
