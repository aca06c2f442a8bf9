"""An executable with the name of a common system command: whoever installs it gets another program by an old name.

A package that *is* the command is another matter: `git` is wanted by whoever asks for it. It passes when the recipe has
the command's own name and a person has looked at its source (`confidence: curated` in the queue); that stays a risk,
because the package of a registry may bear the name without being the command.
"""

from pipeline.admission.base import Candidate, Question
from pipeline.admission.command_names import COMMON_COMMANDS
from pipeline.ecosystems.drafting import shown
from pipeline.model import AdmissionGate, Decision, GateVerdict

QUESTION = Question(AdmissionGate.COMMON_COMMAND, "no executable has the name of a common system command")


def judge(candidate: Candidate) -> GateVerdict:
    """Compare its executables with the closed list."""
    names = sorted(COMMON_COMMANDS.intersection(candidate.recipe.executables))
    if not names:
        return QUESTION.passed("none has")
    if names == [candidate.recipe.name] and candidate.knowledge.curated:
        value = f"takes the place of the common command {names[0]}, which it is called as"
        return QUESTION.verdict(Decision.RISK, value)
    value = f"takes the place of {'a common command' if len(names) == 1 else 'common commands'}: {shown(names)}"
    policy = candidate.config.common_command
    return QUESTION.by_policy(candidate, policy, value, "a person who knows that users want it")
