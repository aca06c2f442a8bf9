"""What a result says of the infrastructure, before it is a line of the journal."""

import pytest

from pipeline.control.breaker import INFRASTRUCTURE
from pipeline.control.events import event_of_outcome, event_of_verdict
from pipeline.model import (
    STOOD_IN,
    Artifact,
    Category,
    Evidence,
    Failed,
    Gate,
    Generated,
    Held,
    License,
    Origin,
    Outcome,
    OutcomeRecord,
    Recipe,
    Skipped,
    Step,
    Subcategory,
    Tier,
    Verdict,
    VerdictStatus,
)

AT = "2026-03-02T12:00:00Z"


def answered(outcome: Outcome) -> bool | None:
    record = OutcomeRecord(source="npm:a", name="a", made_from="0" * 64, at=AT, seconds=1, outcome=outcome)
    event = event_of_outcome(record)
    assert event is None or (event.at, event.source, event.stage) == (AT, "npm:a", "generate")
    return event.answered if event else None


def generated(*risks: str) -> Generated:
    recipe = Recipe(name="a", steps=[Step(action="npm_install", params={"package": "a"})], executables=["a"])
    evidence = Evidence(
        version="1",
        artifact=Artifact(name="a", url="https://files.example/a"),
        license=License(spdx=None, declared="", origin=Origin.REGISTRY),
        released_at=None,
        age_days=None,
        fields=[],
        risks=list(risks),
    )
    return Generated(recipe=recipe, recipe_sha256="0" * 64, evidence=evidence)


def test_a_recipe_is_an_answer_unless_a_stored_copy_stood_in():
    """Otherwise copies of a week would hide an outage, and close a breaker that is probed."""
    assert answered(generated("the licence is unknown")) is True
    assert answered(generated(STOOD_IN)) is False


def test_what_waits_or_was_held_says_nothing():
    """Blocked is not success."""
    assert answered(Skipped(subcategory=Subcategory.MISSING_RECIPE, message="", blocked_by=["b"])) is None
    assert answered(Skipped(subcategory=Subcategory.NO_EXECUTABLES, message="")) is True
    assert answered(Held(gate=Gate.BREAKER_OPEN, message="")) is None


@pytest.mark.parametrize("cause", list(Subcategory))
@pytest.mark.parametrize("transient", [True, False])
def test_a_failure_counts_when_it_is_transient_and_of_the_infrastructure(cause, transient):
    """Any other answer, however bad, is one."""
    failed = Failed(category=Category.NETWORK_ERROR, subcategory=cause, transient=transient, message="")
    expected = True if not transient else False if cause in INFRASTRUCTURE else None
    assert answered(failed) is expected


def verdict(status: VerdictStatus, cause: Subcategory | None, *blocked_by: str) -> Verdict:
    return Verdict(
        source="npm:a",
        version="1",
        platform="linux-debian-glibc-x86_64",
        recipe_sha256=None,
        made_from="0" * 64,
        tier=Tier.NATIVE,
        status=status,
        subcategory=cause,
        reason="",
        at=AT,
        blocked_by=list(blocked_by),
    )


def test_a_verdict_that_waits_for_recipes_says_nothing():
    """As an outcome that does: it is neither a success nor an outage."""
    assert event_of_verdict(verdict(VerdictStatus.FAILED, Subcategory.MISSING_RECIPE, "b")) is None


@pytest.mark.parametrize("status", list(VerdictStatus))
@pytest.mark.parametrize("cause", [None, Subcategory.TIMEOUT, Subcategory.UPSTREAM_REFUSED])
def test_a_verdict_speaks_when_something_was_run(status, cause):
    """A package that hangs failed for its own reasons; a registry that hangs did not answer."""
    event = event_of_verdict(verdict(status, cause))
    ran = {VerdictStatus.VALIDATED, VerdictStatus.VALIDATED_EMULATED, VerdictStatus.FAILED}
    silent = None if cause is not Subcategory.TIMEOUT or status is not VerdictStatus.INFRA_ERROR else False
    assert (event.answered if event else None) is (True if status in ran else silent)
