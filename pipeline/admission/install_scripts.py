"""Install scripts run code of the package on each machine that installs it, before anybody has called the tool."""

from pipeline.admission.base import Candidate, Question
from pipeline.model import AdmissionGate, GateVerdict

QUESTION = Question(AdmissionGate.INSTALL_SCRIPTS, "installing it runs no code of the package")


def judge(candidate: Candidate) -> GateVerdict:
    """Look at what the metadata declares."""
    if not candidate.evidence.has_install_scripts:
        return QUESTION.passed("it has none")
    value = "has install scripts, which run code of the package"
    return QUESTION.by_policy(candidate, candidate.config.install_scripts, value, "a person who has read them")
