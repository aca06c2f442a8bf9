"""A release that its authors withdrew. The ecosystems know it and never choose one; here it only gets its verdict."""

from pipeline.admission.base import Candidate, Question
from pipeline.model import AdmissionGate, GateVerdict

QUESTION = Question(AdmissionGate.YANKED, "the release is not withdrawn")


def judge(candidate: Candidate) -> GateVerdict:
    """Pass: what the ecosystem chose is not withdrawn."""
    return QUESTION.passed(f"{candidate.evidence.version} is not")
