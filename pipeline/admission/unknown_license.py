"""A licence that nobody can name: whether the tool may be used is not known, and not for a machine to decide."""

from pipeline.admission.base import Candidate, Question
from pipeline.model import AdmissionGate, GateVerdict

QUESTION = Question(AdmissionGate.UNKNOWN_LICENSE, "the licence is an SPDX expression")


def judge(candidate: Candidate) -> GateVerdict:
    """Look at what was made of the declared licence."""
    found = candidate.evidence.license
    if found.spdx is not None:
        return QUESTION.passed(found.spdx)
    declared = f"upstream says {found.declared!r}" if found.declared else "upstream names none"
    policy = candidate.config.unknown_license
    return QUESTION.by_policy(
        candidate, policy, f"the licence is unknown ({declared})", "a licence upstream, or a person"
    )
