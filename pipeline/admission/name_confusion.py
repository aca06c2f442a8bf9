"""A name that is easily taken for a better known one: how a forged package gets installed.

What it resembles was worked out when the batch was selected (`selection.resemblance`): only names that are much better
known count. Whether it is a forgery, its repository tells: the real one names the package back.
"""

from pipeline.admission.base import Candidate, Link, Question
from pipeline.model import AdmissionGate, Decision, GateVerdict

QUESTION = Question(
    AdmissionGate.NAME_CONFUSION, "it is not easily taken for something better known, or its repository names it"
)


def judge(candidate: Candidate) -> GateVerdict:
    """Ask for the link to the repository, but only of a package that resembles another."""
    resembles = candidate.knowledge.resembles
    if resembles is None:
        return QUESTION.passed("nothing much better known is called alike")
    edits = "looks the same" if resembles.distance == 0 else f"{resembles.distance} edits away"
    value = f"easily taken for {resembles.known} ({edits})".replace("1 edits", "1 edit")
    link = candidate.around.link(candidate.source, candidate.evidence)
    if link is Link.CONFIRMED:
        # Not a plain pass: a forger may have a repository of his own.
        return QUESTION.verdict(Decision.RISK, f"{value}, but its repository names it")
    told = "its repository names another package" if link is Link.CONTRADICTED else "no repository is known to name it"
    return QUESTION.by_policy(
        candidate, candidate.config.name_confusion, f"{value}; {told}", "a person who looks which one is meant"
    )
