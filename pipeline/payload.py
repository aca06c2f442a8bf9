"""The pull request as data: which packages are in it, which are not and why, and whether it may merge by itself."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from enum import StrEnum
from pathlib import PurePosixPath

import msgspec

from pipeline.config import PayloadConfig
from pipeline.constraints import PASSED
from pipeline.digests import sha256
from pipeline.model import (
    AutoMerge,
    Batch,
    ConstraintsRecord,
    Excluded,
    Payload,
    PayloadFile,
    VerdictStatus,
)
from pipeline.platforms import BY_ID
from pipeline.source import ecosystem_of

BODY_FILE = "body.md"
COMMIT_MESSAGE_FILE = "commit-message.txt"
TITLE_LIMIT = 72  # characters; longer subjects of a commit are cut by what shows them


MODEL_ORDER = list(BY_ID)


class Exclusion(StrEnum):
    """Why a package of the batch is not in the pull request, when no earlier stage has said so."""

    NO_RECORD = "no_record"
    NOT_GENERATED = "not_generated"
    NO_RECIPE = "no_recipe"
    DIGEST_MISMATCH = "digest_mismatch"
    NO_REAL_PASS = "no_real_pass"  # noqa: S105  # a verdict, not a password
    NAME_COLLISION = "name_collision"
    TAKEN_EXECUTABLE = "taken_executable"


class Owners(msgspec.Struct, frozen=True, kw_only=True):
    """Who has which executable before a batch.

    `recipes` names for an executable the recipes that provide it. The sources in `approved` may provide one all the
    same; `manual` says whether a person must look at the others.
    """

    recipes: Mapping[str, Sequence[str]] = {}
    approved: Set[str] = frozenset()
    manual: bool = True


def build(
    batch: Batch,
    records: Sequence[ConstraintsRecord],
    config: PayloadConfig,
    recipes: Mapping[str, bytes],
    held: Mapping[str, str],
    owners: Owners | None = None,
) -> Payload:
    """Return the pull request for a batch; each package of it is in exactly one of `included` and `excluded`.

    `recipes` maps a source to the bytes of its recipe. Of two packages that want one file, the one selected first gets
    it, and none gets one of `held`: the paths that an earlier batch waits with for its merge, with its id. The same
    goes for executables, unless `owners` is None. Records of packages that are not in the batch are left alone.
    """
    by_source = {record.source: record for record in records}
    included: list[ConstraintsRecord] = []
    excluded: list[Excluded] = []
    holders = dict(held)
    taken: dict[str, str] = {}
    for selected in batch.selected:
        record = by_source.get(selected.source)
        reason = _objection(record, recipes.get(selected.source), holders)
        if record is None or reason:
            excluded.append(Excluded(source=selected.source, reason=reason))
            continue
        clash = _clash(record, owners, taken) if owners is not None else ""
        if owners is not None and clash:
            excluded.append(Excluded(source=selected.source, reason=clash, needs_person=owners.manual))
            continue
        holders[record.recipe_path] = record.source
        taken.update({name: record.source for name in record.executables if name not in taken})
        included.append(record)
    return Payload(
        batch_id=batch.id,
        branch=f"{config.branch_prefix}{batch.id}",
        title=title(included, batch.id),
        labels=config.labels,
        body_file=BODY_FILE,
        commit_message_file=COMMIT_MESSAGE_FILE,
        files=[PayloadFile(path=record.recipe_path, sha256=sha256(recipes[record.source])) for record in included],
        included=[record.source for record in included],
        excluded=excluded,
        platforms=platform_counts(by_source[each.source] for each in batch.selected if each.source in by_source),
        auto_merge=auto_merge(included),
    )


def real_passes(record: ConstraintsRecord) -> list[str]:
    """Return the platforms that the package was really run on with success and that its constraints still admit."""
    return [
        platform
        for platform, status in record.statuses.items()
        if status in PASSED and platform not in record.over_excluded
    ]


def success(payload: Payload, records: Sequence[ConstraintsRecord]) -> tuple[int, int]:
    """Return how many packages are in the pull request and how many were attempted; what control held was not."""
    held = {record.source for record in records if record.outcome == "held"}
    answered = {record.source for record in records} - held
    attempted = [each for each in payload.excluded if each.source in answered]
    return len(payload.included), len(payload.included) + len(attempted)


def auto_merge(included: Sequence[ConstraintsRecord]) -> AutoMerge:
    """Say whether a pull request of these recipes may merge without a person; each reason stands against it."""
    reasons = [] if included else ["there is nothing to merge"]
    for record in included:
        if record.runs_commands:
            reasons.append(f"{record.source} runs commands of its own (run_command)")
        if not real_passes(record):
            reasons.append(f"{record.source} was not really run on any platform")
        if record.evidence is None or record.evidence.license.spdx is None:
            reasons.append(f"{record.source} has an unknown licence")
    return AutoMerge(allowed=not reasons, reasons=reasons)


def title(included: Sequence[ConstraintsRecord], batch_id: str) -> str:
    """Return one line: what is added and updated, from where, in at most 72 characters with the batch's id.

    The id is part of it because the title of a squash is made of it, by whoever presses the button.
    """
    told = [f"{words} [{batch_id}]" for words in _wordings(included)]
    return next((line for line in told if len(line) <= TITLE_LIMIT), told[-1])


def _wordings(included: Sequence[ConstraintsRecord]) -> list[str]:
    """Return what is added and updated, from the longest wording to the shortest."""
    if not included:
        return ["Add no recipes: none of the batch passed"]
    updated = sum(record.replaces_sha256 is not None for record in included)
    added = len(included) - updated
    verbs = [*([f"add {added}"] if added else []), *([f"update {updated}"] if updated else [])]
    line = f"{' and '.join(verbs)} {'recipe' if len(included) == 1 else 'recipes'}".capitalize()
    ecosystems = ", ".join(sorted({ecosystem_of(record.source) for record in included}))
    names = [PurePosixPath(record.recipe_path).stem for record in included]
    only = [f"{'Update' if updated else 'Add'} {names[0]} ({ecosystems})"] if len(names) == 1 else []
    return [*only, f"{line} ({ecosystems})", line]


def _objection(record: ConstraintsRecord | None, recipe: bytes | None, holders: Mapping[str, str]) -> str:
    """Return why a package is not in the pull request as `code: words`, or "" when it is."""
    if record is None:
        return f"{Exclusion.NO_RECORD}: no stage has answered for it"
    if record.exclusion:
        return record.exclusion
    if record.outcome != "generated":
        return f"{Exclusion.NOT_GENERATED}: {record.outcome}"
    if recipe is None:
        return f"{Exclusion.NO_RECIPE}: its record names a recipe that is not there"
    if sha256(recipe) != record.recipe_sha256:
        return f"{Exclusion.DIGEST_MISMATCH}: its recipe is not the one that was validated"
    if not real_passes(record):
        return f"{Exclusion.NO_REAL_PASS}: {_why_no_pass(record)}"
    if holder := holders.get(record.recipe_path):
        return f"{Exclusion.NAME_COLLISION}: {holder} has {record.recipe_path}"
    return ""


def _clash(record: ConstraintsRecord, owners: Owners, taken: Mapping[str, str]) -> str:
    """Return which of its executables another recipe has: a published one, or one of a package before it; or ""."""
    if record.source in owners.approved:
        return ""
    for name in record.executables:
        published = (path for path in owners.recipes.get(name, ()) if path != record.recipe_path)
        if owner := taken.get(name) or next(published, ""):
            return f"{Exclusion.TAKEN_EXECUTABLE}: {name} is provided by {owner}"
    return ""


def _why_no_pass(record: ConstraintsRecord) -> str:
    """Return what was found instead of a pass: the first measured failure, else how the platforms stand."""
    if record.over_excluded and any(status in PASSED for status in record.statuses.values()):
        return "it passed only where the format cannot tell it from a platform that failed"
    for platform, status in record.statuses.items():
        if status == VerdictStatus.FAILED and record.reasons.get(platform):
            return f"{platform}: {record.reasons[platform]}"
    found = Counter(record.statuses.values())
    return ", ".join(f"{count} {status}" for status, count in sorted(found.items())) or "no platform was looked at"


def platform_counts(records: Iterable[ConstraintsRecord]) -> dict[str, dict[VerdictStatus, int]]:
    """Return for each platform how many packages have each status there."""
    counts: dict[str, Counter[VerdictStatus]] = {}
    for record in records:
        for platform, status in record.statuses.items():
            counts.setdefault(platform, Counter())[status] += 1
    return {name: dict(sorted(counts[name].items())) for name in sorted(counts, key=MODEL_ORDER.index)}
