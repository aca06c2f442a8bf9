"""What its authors advise against. The ecosystems know it and never choose it; here it only gets its verdict."""

from pipeline.admission.base import Candidate, Question
from pipeline.model import AdmissionGate, GateVerdict

QUESTION = Question(AdmissionGate.DEPRECATED, "its authors do not advise against it")


def judge(candidate: Candidate) -> GateVerdict:
    """Pass: nothing that is deprecated is chosen."""
    return QUESTION.passed(f"{candidate.evidence.version} is not deprecated")
