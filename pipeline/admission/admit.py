"""Between generation and the record: every gate is asked, and the first one that is shut decides."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from pipeline.admission import (
    changed_bytes,
    common_command,
    deprecated,
    install_scripts,
    name_confusion,
    release_age,
    taken_executable,
    unknown_license,
    yanked,
)
from pipeline.admission.base import Candidate, GateModule, Surroundings
from pipeline.config import GatesConfig
from pipeline.ecosystems.base import Draft, Made
from pipeline.ecosystems.drafting import no_answer
from pipeline.model import (
    STOOD_IN,
    AdmissionGate,
    Decision,
    Evidence,
    Failed,
    GateVerdict,
    Release,
    Skipped,
    Subcategory,
    WorkOrder,
)

# What must never happen unseen comes first, a wait before what needs a person: most of what is malicious is gone when
# the wait is over, and nobody has to look at it.
GATES: Mapping[AdmissionGate, GateModule] = {
    AdmissionGate.YANKED: yanked,
    AdmissionGate.DEPRECATED: deprecated,
    AdmissionGate.CHANGED_BYTES: changed_bytes,
    AdmissionGate.RELEASE_AGE: release_age,
    AdmissionGate.NAME_CONFUSION: name_confusion,
    AdmissionGate.UNKNOWN_LICENSE: unknown_license,
    AdmissionGate.INSTALL_SCRIPTS: install_scripts,
    AdmissionGate.COMMON_COMMAND: common_command,
    AdmissionGate.TAKEN_EXECUTABLE: taken_executable,
}
OPEN = frozenset({Decision.PASS, Decision.RISK})
_CAUSES = {gate: Subcategory.TOO_YOUNG if gate is AdmissionGate.RELEASE_AGE else Subcategory(gate) for gate in GATES}
# What the ecosystems decide themselves, when no release is left that may be used.
_DECIDED = {Subcategory.YANKED: AdmissionGate.YANKED, Subcategory.DEPRECATED: AdmissionGate.DEPRECATED}


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What became of something made: what goes on, what each gate said, and the release that was looked at."""

    made: Made
    gates: list[GateVerdict] = []
    release: Release | None = None


def admit(made: Made, order: WorkOrder, config: GatesConfig, around: Surroundings, now: datetime) -> Admission:
    """Return a draft with the risks that its gates report, or what the first gate that is shut makes of it.

    What no recipe was made of passes through; a release that is yanked or deprecated gets that gate's verdict.
    """
    match made:
        case Draft():
            return _judged(made, order, config, around, now)
        case Skipped(subcategory=cause, message=message) if cause in _DECIDED:
            question = GATES[_DECIDED[cause]].QUESTION
            refused = question.verdict(Decision.REFUSE, message, remedy="a release that may be used")
            return Admission(made=made, gates=[refused])
        case _:
            return Admission(made=made)


def _judged(draft: Draft, order: WorkOrder, config: GatesConfig, around: Surroundings, now: datetime) -> Admission:
    candidate = Candidate(
        source=order.source,
        recipe=draft.recipe,
        evidence=draft.evidence,
        knowledge=order.knowledge,
        config=config,
        around=around,
        now=now,
    )
    verdicts = [gate.judge(candidate) for gate in GATES.values()]
    shut = next((verdict for verdict in verdicts if verdict.decision not in OPEN), None)
    made = _with_risks(draft, verdicts) if shut is None else _stopped(draft, shut)
    return Admission(made=made, gates=verdicts, release=_release(draft.evidence))


def _with_risks(draft: Draft, verdicts: list[GateVerdict]) -> Draft:
    risks = [verdict.value for verdict in verdicts if verdict.decision is Decision.RISK]
    evidence = msgspec.structs.replace(draft.evidence, risks=[*draft.evidence.risks, *risks])
    return msgspec.structs.replace(draft, evidence=evidence)


def _stopped(draft: Draft, shut: GateVerdict) -> Skipped | Failed:
    """Return what a shut gate makes of a draft; what only a stored answer says is asked for again instead."""
    if STOOD_IN in draft.evidence.risks and shut.decision is not Decision.HOLD:
        return no_answer(shut.value)
    return Skipped(
        subcategory=_CAUSES[shut.gate],
        message=shut.value,
        upstream=draft.evidence.upstream,
        until=shut.until,
        needs_person=shut.decision in {Decision.PERSON, Decision.FREEZE},
    )


def _release(evidence: Evidence) -> Release | None:
    """Return what is remembered of a release; None of one without a version, which a command need not say."""
    if not evidence.version:
        return None
    artifact = evidence.artifact
    return Release(version=evidence.version, artifact=artifact.name[:500], digest=artifact.digest[:300])
