"""What a gate on what is generated is: a module that judges one candidate, and what it is given to do so."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from pipeline.config import GatesConfig, Policy
from pipeline.model import AdmissionGate, Decision, Evidence, GateVerdict, Knowledge, Recipe
from pipeline.recipe import recipe_path
from pipeline.text import one_line

# Characters of a value: what upstream writes may be longer.
VALUE_LIMIT = 300
APPROVED = "approved in pipeline.yaml"
_BY_POLICY = {Policy.REPORT: Decision.RISK, Policy.MANUAL: Decision.PERSON, Policy.REFUSE: Decision.REFUSE}


class Link(StrEnum):
    """Whether a package and the repository that it names speak of each other."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"


class Surroundings(Protocol):
    """What gates may ask of the world. An answer costs something, so only a gate that needs one asks."""

    def provider(self, executable: str, path: str) -> str:
        """Return the recipe that provides an executable, other than the one at `path`; "" when none does."""

    def link(self, source: str, evidence: Evidence) -> Link:
        """Return whether the repository that a package names names the package; it never fails."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One recipe that was generated, and all that gates look at."""

    source: str
    recipe: Recipe
    evidence: Evidence
    knowledge: Knowledge
    config: GatesConfig
    around: Surroundings
    now: datetime

    @property
    def path(self) -> str:
        """Where its recipe would stand."""
        return recipe_path(self.recipe.name)


class Question(msgspec.Struct, frozen=True):
    """A gate and the rule that opens it; makes the gate's verdicts."""

    gate: AdmissionGate
    rule: str

    def passed(self, value: str) -> GateVerdict:
        """Return the verdict on a candidate with which nothing is wrong."""
        return self.verdict(Decision.PASS, value)

    def by_policy(self, candidate: Candidate, policy: Policy, value: str, remedy: str) -> GateVerdict:
        """Return the verdict that the configuration wants on what was found; a person's approval makes it a risk."""
        if policy is not Policy.REPORT and self.gate in candidate.config.approved.get(candidate.source, ()):
            return self.verdict(Decision.RISK, f"{value}; {APPROVED}")
        decision = _BY_POLICY[policy]
        if decision is Decision.RISK:
            return self.verdict(decision, value)
        approve = f"name `{self.gate}` for it under `gates.approved`, then `doit requeue {candidate.source}`"
        return self.verdict(decision, value, remedy=f"{remedy}: {approve}")

    def verdict(self, decision: Decision, value: str, *, until: str | None = None, remedy: str = "") -> GateVerdict:
        """Return a verdict of this gate; the value is cut to one printable line."""
        shown = one_line(value[:VALUE_LIMIT])
        return GateVerdict(gate=self.gate, decision=decision, rule=self.rule, value=shown, until=until, remedy=remedy)


class GateModule(Protocol):
    """One gate, as a module."""

    QUESTION: Question

    def judge(self, candidate: Candidate) -> GateVerdict:
        """Return what the gate says of a candidate."""
