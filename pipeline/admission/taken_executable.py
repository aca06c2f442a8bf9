"""An executable that another recipe provides already: of two, users would get the one that was installed last.

Recipes that are published count, and those of batches that wait for their merge; between two packages of one batch,
`payload` decides when all are made, in the order of the batch.
"""

from pipeline.admission.base import Candidate, Question
from pipeline.ecosystems.drafting import shown
from pipeline.model import AdmissionGate, GateVerdict

QUESTION = Question(AdmissionGate.TAKEN_EXECUTABLE, "no other recipe provides one of its executables")


def judge(candidate: Candidate) -> GateVerdict:
    """Ask for each executable whether another recipe has it."""
    found = {name: candidate.around.provider(name, candidate.path) for name in candidate.recipe.executables}
    taken = [f"{name} is provided by {provider}" for name, provider in found.items() if provider]
    if not taken:
        return QUESTION.passed("none does")
    policy = candidate.config.taken_executable
    return QUESTION.by_policy(candidate, policy, shown(taken), "a person who decides which one has it")
