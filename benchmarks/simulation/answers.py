"""What a stage would answer for a package, from the truth table and the events: outcomes and verdicts."""

import random
from collections.abc import Mapping, Set

from benchmarks.simulation.events import TRANSIENT_AT_VALIDATION, TRANSIENT_SHARE, Events
from benchmarks.simulation.truth import CAUSES, Reason, Truth, is_ready
from pipeline.digests import digest_of, sha256
from pipeline.ecosystems.base import Draft
from pipeline.model import (
    Artifact,
    Evidence,
    Failed,
    FieldEvidence,
    Generated,
    License,
    Origin,
    PhaseResult,
    Recipe,
    Skipped,
    Step,
    Subcategory,
    Tier,
    Verdict,
    VerdictStatus,
    Verify,
    WorkOrder,
)
from pipeline.recipe_rules import PACKAGE_KEY
from pipeline.source import ecosystem_of, identifier_of
from pipeline.taxonomy import TAXONOMY
from pipeline.text import kebab

VERSION = "1.0.0"
# The median of 240 real validations, in seconds; see docs/benchmarks.md.
VALIDATION_SECONDS = 4.0
_ACTIONS = {
    "npm": "npm_install",
    "pypi": "pipx_install",
    "cargo": "cargo_install",
    "rubygems": "gem_install",
    "go": "go_install",
    "cpan": "cpan_install",
    "homebrew": "homebrew",
}
# Facts of the package: a generator says `Skipped`. The rest went wrong, and is `Failed`.
_FACTS = frozenset(
    {Subcategory.NO_EXECUTABLES, Subcategory.BAD_NAME, Subcategory.NEEDS_BUILD, Subcategory.NO_PLATFORM_BUILD}
)


class Answers:
    """Answers for one course of the world; each attempt draws anew whether the network fails it."""

    def __init__(self, table: Mapping[str, Truth], events: Events) -> None:
        self._table, self._events = table, events
        self._chance = random.Random(f"attempts of {events.seed}")

    def generation(self, order: WorkOrder, hour: int, merged: Set[str]) -> Draft | Skipped | Failed:
        """Return what a generator would; `merged` are the names of the recipes that there are."""
        if self._events.is_down(ecosystem_of(order.source), hour):
            return _transient(Subcategory.UPSTREAM_UNAVAILABLE, "the registry answered with 503")
        if self._chance.random() < TRANSIENT_SHARE * (1 - TRANSIENT_AT_VALIDATION):
            return _transient(Subcategory.CONNECTION_ERROR, "the connection broke")
        truth = self._table[order.source]
        upstream = digest_of("simulated upstream", order.source)
        if truth.reason is Reason.MISSING_DEP and not is_ready(truth, merged):
            return Skipped(
                subcategory=Subcategory.MISSING_RECIPE,
                message=f"needs recipes for {', '.join(truth.blocked_by)}",
                blocked_by=[name for name in truth.blocked_by if kebab(name) not in merged],
                upstream=upstream,
            )
        if truth.may_succeed or truth.reason in {None, Reason.INSTALL_FAILED}:
            return Draft(recipe=_recipe(order), evidence=_evidence(order, upstream))
        return _deterministic(truth.reason, upstream)

    def validation(self, order: WorkOrder, outcome: Generated, platform: str, at: str) -> Verdict:
        """Return what the sandbox would: the recipe works, does not, or the network failed it."""
        status, cause, exit_code = VerdictStatus.VALIDATED, None, 0
        if self._chance.random() < TRANSIENT_SHARE * TRANSIENT_AT_VALIDATION:
            status, cause, exit_code = VerdictStatus.INFRA_ERROR, Subcategory.CONNECTION_ERROR, 1
        elif self._table[order.source].reason is Reason.INSTALL_FAILED:
            status, cause, exit_code = VerdictStatus.FAILED, CAUSES[Reason.INSTALL_FAILED], 1
        command = f"{outcome.recipe.executables[0]} --version"
        return Verdict(
            source=order.source,
            version=VERSION,
            platform=platform,
            recipe_sha256=outcome.recipe_sha256,
            made_from=digest_of("simulated verdict", order.source, order.after),
            tier=Tier.NATIVE,
            status=status,
            subcategory=cause,
            reason="" if cause is None else f"fetch ended with exit code 1 ({cause})",
            phases=[PhaseResult(name="fetch", exit_code=exit_code, wall_s=VALIDATION_SECONDS, network=True)],
            observed_version=VERSION if cause is None else "",
            verify=[Verify(command=command, pattern="{version}")] if cause is None else [],
            at=at,
        )


def _transient(cause: Subcategory, message: str) -> Failed:
    return Failed(category=TAXONOMY[cause].category, subcategory=cause, transient=True, message=message)


def _deterministic(reason: Reason, upstream: str) -> Skipped | Failed:
    cause = CAUSES[reason]
    message = f"the table says {reason}"
    if cause in _FACTS:
        return Skipped(subcategory=cause, message=message, upstream=upstream)
    category = TAXONOMY[cause].category
    return Failed(category=category, subcategory=cause, transient=False, message=message, upstream=upstream)


def _recipe(order: WorkOrder) -> Recipe:
    action = _ACTIONS.get(ecosystem_of(order.source), "github_archive")
    name = kebab(order.name)
    return Recipe(
        name=name,
        description=f"Simulated tool {name}",
        steps=[Step(action=action, params={PACKAGE_KEY[action]: identifier_of(order.source)})],
        executables=[name],
    )


def _evidence(order: WorkOrder, upstream: str) -> Evidence:
    identifier = identifier_of(order.source)
    return Evidence(
        version=VERSION,
        artifact=Artifact(name="tool.tar.gz", url="https://registry.example/tool.tar.gz"),
        license=License(spdx="MIT", declared="MIT", origin=Origin.REGISTRY),
        released_at=None,
        age_days=None,
        fields=[FieldEvidence(field="executables", origin=Origin.ARTIFACT, detail=sha256(identifier.encode()))],
        upstream=upstream,
    )
