"""All gates together: each leaves a verdict, and the first that is shut decides."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.admission.admit import GATES, OPEN, admit
from pipeline.admission.base import Link
from pipeline.ecosystems.base import Draft
from pipeline.instants import timestamp
from pipeline.model import (
    STOOD_IN,
    AdmissionGate,
    Category,
    Decision,
    Failed,
    Gate,
    Held,
    Knowledge,
    License,
    Origin,
    OutcomeRecord,
    Release,
    Resemblance,
    Skipped,
    Subcategory,
    WorkOrder,
)
from pipeline.taxonomy import TAXONOMY
from tests.builders import NOW
from tests.builders_admission import SHIPPED, FakeSurroundings, draft, gates

ORDER = WorkOrder(source="npm:tool", name="tool")
POLICIES = st.sampled_from(["report", "manual", "refuse"])
CONFIGS = st.builds(
    gates,
    changed_bytes=st.sampled_from(["freeze", "report"]),
    release_age=st.fixed_dictionaries({"unknown": st.sampled_from(["hold", "report"])}),
    name_confusion=POLICIES,
    unknown_license=POLICIES,
    install_scripts=POLICIES,
    common_command=POLICIES,
    taken_executable=POLICIES,
)
KNOWLEDGE = st.builds(
    Knowledge,
    releases=st.lists(
        st.builds(
            Release,
            version=st.just("3.4.2"),
            artifact=st.just("tool-3.4.2.tgz"),
            digest=st.sampled_from(["", f"sha512:{'ab' * 64}", f"sha512:{'cd' * 64}"]),
        ),
        max_size=2,
    ),
    held_since=st.sampled_from([None, "2025-01-01T00:00:00Z", timestamp(NOW)]),
    resembles=st.none() | st.just(Resemblance(known="npm:toll", distance=1)),
)
DRAFTS = st.builds(
    draft,
    released_at=st.sampled_from([None, timestamp(NOW), "2026-01-01T00:00:00Z"]),
    has_install_scripts=st.booleans(),
    license=st.sampled_from([None, "MIT"]).map(lambda spdx: License(spdx=spdx, declared="", origin=Origin.REGISTRY)),
    risks=st.sampled_from([[], ["declared"], [STOOD_IN]]),
)
AROUND = st.builds(
    FakeSurroundings, st.sampled_from([{}, {"tool": "recipes/o/other.toml"}]), st.sampled_from(list(Link))
)


@settings(max_examples=200)
@given(made=DRAFTS, knowledge=KNOWLEDGE, config=CONFIGS, around=AROUND)
def test_a_draft_is_admitted_or_stopped_by_exactly_the_first_gate_that_is_shut(made, knowledge, config, around):
    """Every gate answers, in its order, and what comes of the draft is what the first shut one says."""
    order = msgspec.structs.replace(ORDER, knowledge=knowledge)
    found = admit(made, order, config, around, NOW)
    assert [verdict.gate for verdict in found.gates] == list(AdmissionGate)
    shut = next((verdict for verdict in found.gates if verdict.decision not in OPEN), None)
    match found.made:
        case Draft(recipe=recipe, evidence=evidence):
            assert shut is None
            assert recipe == made.recipe
            told = [verdict.value for verdict in found.gates if verdict.decision is Decision.RISK]
            assert evidence.risks == [*made.evidence.risks, *told]
        case Skipped() as skipped:
            assert shut is not None
            assert skipped.message == shut.value
            assert (skipped.until is not None) == (shut.decision is Decision.HOLD)
            assert skipped.needs_person == (shut.decision in {Decision.PERSON, Decision.FREEZE})
            assert skipped.subcategory in {shut.gate, Subcategory.TOO_YOUNG}
        case Failed() as failed:
            assert shut is not None
            assert STOOD_IN in made.evidence.risks
            assert failed.transient
        case Held():
            pytest.fail("control has no part in this")


def test_the_gates_are_all_there_in_the_order_of_the_model():
    """Records and documentation list them so."""
    assert list(GATES) == list(AdmissionGate)
    assert [module.QUESTION.gate for module in GATES.values()] == list(AdmissionGate)


@pytest.mark.parametrize("cause", [Subcategory.YANKED, Subcategory.DEPRECATED])
def test_what_the_ecosystems_decide_appears_as_a_gate(cause):
    """There is no second way of deciding it: the outcome is left as it is."""
    made = Skipped(subcategory=cause, message="all stable versions are")
    found = admit(made, ORDER, SHIPPED, FakeSurroundings(), NOW)
    assert found.made is made
    (verdict,) = found.gates
    assert (verdict.gate, verdict.decision, verdict.value) == (cause, Decision.REFUSE, made.message)


@pytest.mark.parametrize(
    "made",
    [
        Skipped(subcategory=Subcategory.NO_EXECUTABLES, message="none"),
        Failed(category=Category.NETWORK_ERROR, subcategory=Subcategory.TIMEOUT, transient=True, message="late"),
        Held(gate=Gate.ECOSYSTEM_DISABLED, message="off"),
    ],
    ids=["skipped", "failed", "held"],
)
def test_what_no_recipe_was_made_of_passes_through(made):
    """There is nothing to judge."""
    found = admit(made, ORDER, SHIPPED, FakeSurroundings(), NOW)
    assert (found.made, found.gates, found.release) == (made, [], None)


def test_a_wait_comes_before_a_person():
    """Most of what is malicious is gone when it is over."""
    order = msgspec.structs.replace(ORDER, knowledge=Knowledge(resembles=Resemblance(known="npm:toll", distance=1)))
    found = admit(draft(released_at=timestamp(NOW)), order, SHIPPED, FakeSurroundings(), NOW)
    assert isinstance(found.made, Skipped)
    assert found.made.subcategory is Subcategory.TOO_YOUNG


def test_each_cause_has_its_remedy():
    """A gate that stops a package is in the taxonomy."""
    assert {Subcategory(gate) for gate in AdmissionGate if gate is not AdmissionGate.RELEASE_AGE} <= set(TAXONOMY)


def test_what_was_judged_can_be_written_down():
    """The record's schema admits verdicts and release."""
    found = admit(draft(), ORDER, SHIPPED, FakeSurroundings(), NOW)
    record = OutcomeRecord(
        source="npm:tool",
        name="tool",
        made_from="0" * 64,
        at=timestamp(NOW),
        seconds=0,
        outcome=Skipped(subcategory=Subcategory.TOO_YOUNG, message="wait", until=timestamp(NOW)),
        gates=found.gates,
        release=found.release,
    )
    assert msgspec.convert(msgspec.to_builtins(record), OutcomeRecord) == record
    assert found.release == Release(version="3.4.2", artifact="tool-3.4.2.tgz", digest=f"sha512:{'ab' * 64}")


def test_a_release_without_a_version_is_not_remembered():
    """A command need not say which one it is; the record holds nothing that its schema refuses."""
    found = admit(draft(version=""), ORDER, SHIPPED, FakeSurroundings(), NOW)
    assert found.release is None
    assert found.gates[0].decision in OPEN
