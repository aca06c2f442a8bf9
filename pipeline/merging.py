"""Outcome + verdicts -> the final recipe and what is said about it. Pure."""

from collections.abc import Sequence
from typing import Literal

from pipeline.constraints import PASSED, Derived, derive
from pipeline.digests import sha256
from pipeline.model import (
    Constraints,
    ConstraintsRecord,
    Failed,
    Generated,
    Held,
    Outcome,
    Recipe,
    Skipped,
    Verdict,
    VerdictStatus,
    Verify,
    WorkOrder,
)
from pipeline.recipe import merge_constraints, recipe_path, runs_commands, same_package, set_verify
from pipeline.recipe_rules import strict_check
from pipeline.toml_edit import Refusal


def merge(
    order: WorkOrder,
    outcome: Outcome,
    draft: str,
    published: str | None,
    verdicts: Sequence[Verdict],
    predictions: Literal["report", "restrict"],
) -> tuple[ConstraintsRecord, str | None]:
    """Return the merged result and the recipe's text, which is None when the package cannot be in a pull request.

    `draft` is the recipe as generated, `published` the text of a recipe that already stands at its path.
    A published recipe of the same package is edited, not replaced: its comments and order are its author's.
    """
    statuses = {verdict.platform: verdict.status for verdict in verdicts}
    reasons = {verdict.platform: verdict.reason for verdict in verdicts if verdict.reason}
    if not isinstance(outcome, Generated):
        return _without_recipe(order, outcome, statuses, reasons), None
    # What waits for another recipe did not fail for its own reasons: it limits nothing.
    own = {verdict.platform: verdict.status for verdict in verdicts if not verdict.blocked_by}
    derived = derive(own, predictions=predictions, reasons=reasons)
    verify = _measured_verify(verdicts, outcome.recipe.executables)
    text, refusal = final_text(outcome.recipe, draft, published, derived, verify)
    broken = [] if refusal else strict_check(text)
    exclusion = refusal or _exclusion(derived, verdicts) or (f"recipe_rule: {broken[0]}" if broken else "")
    record = ConstraintsRecord(
        source=order.source,
        name=order.name,
        outcome="generated",
        exclusion=exclusion,
        recipe_path=recipe_path(outcome.recipe.name),
        recipe_sha256=sha256(text.encode()) if not exclusion else None,
        replaces_sha256=sha256(published.encode(errors="surrogateescape")) if published is not None else None,
        constraints=derived.constraints,
        over_excluded=list(derived.over_excluded),
        evidence=outcome.evidence,
        executables=outcome.recipe.executables,
        runs_commands=runs_commands(text),
        statuses=statuses,
        reasons=reasons,
        verify=verify,
    )
    return record, None if exclusion else text


def final_text(
    recipe: Recipe, draft: str, published: str | None, derived: Derived, verify: list[Verify]
) -> tuple[str, str]:
    """Return the recipe's text and "", or the draft and why its text cannot be made."""
    if published is not None and not _is_text(published):
        return draft, "recipe_not_editable: the published recipe is not UTF-8"
    if published is not None and not same_package(published, recipe):
        return draft, "name_taken: a recipe of another package has this name"
    text = published if published is not None else draft
    if verify:
        edited = set_verify(text, verify)
        if isinstance(edited, Refusal):
            return draft, f"recipe_not_editable: {edited.reason}"
        text = edited
    merged = merge_constraints(text, derived.constraints)
    if isinstance(merged, Refusal):
        return draft, f"recipe_not_editable: {merged.reason}"
    return merged, ""


def _is_text(published: str) -> bool:
    """Return whether a published recipe was UTF-8: other bytes were read as lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in published)


def _exclusion(derived: Derived, verdicts: Sequence[Verdict]) -> str:
    if derived.empty:
        return "no_platform_left: it failed wherever the format can say so"
    if any(verdict.status in PASSED for verdict in verdicts):
        return ""
    told = next((verdict for verdict in verdicts if verdict.status is VerdictStatus.FAILED), None)
    if told is not None:
        return f"{told.subcategory or 'failed'}: {told.reason} ({told.platform})"
    for status in (VerdictStatus.INFRA_ERROR, VerdictStatus.NOT_RUN, VerdictStatus.UNKNOWN):
        waiting = next((verdict for verdict in verdicts if verdict.status is status), None)
        if waiting is not None:
            return f"{waiting.subcategory or 'no_real_pass'}: {waiting.reason} ({waiting.platform})"
    return "no_real_pass: it was run on no platform"


def _measured_verify(verdicts: Sequence[Verdict], executables: Sequence[str]) -> list[Verify]:
    """Return how the tool was really checked, from the first platform that passed, in the platforms' order.

    Only checks that run an executable of the recipe: a verdict may come from another machine.
    """
    checks = (
        [verify for verify in verdict.verify if verify.command.partition(" ")[0] in executables]
        for verdict in verdicts
        if verdict.status in PASSED
    )
    return next((found for found in checks if found), [])


def _without_recipe(
    order: WorkOrder, outcome: Skipped | Failed | Held, statuses: dict[str, VerdictStatus], reasons: dict[str, str]
) -> ConstraintsRecord:
    match outcome:
        case Skipped():
            kind: Literal["skipped", "failed", "held"] = "held" if outcome.until else "skipped"
            why = f"{outcome.subcategory}: {outcome.message}"
        case Failed():
            kind = "failed"
            why = f"{outcome.subcategory}: {outcome.message}"
        case Held():
            kind = "held"
            why = f"{outcome.gate}: {outcome.message}"
    return ConstraintsRecord(
        source=order.source,
        name=order.name,
        outcome=kind,
        exclusion=why,
        recipe_path="",
        recipe_sha256=None,
        constraints=Constraints(),
        statuses=statuses,
        reasons=reasons,
    )
