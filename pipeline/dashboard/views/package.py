"""A package's page, `packages/<ecosystem>/<slug>.html`: all that is known of it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from pipeline.build_records import PackageRecords, result_lines
from pipeline.constraints import PASSED
from pipeline.dashboard import addresses
from pipeline.dashboard.facts import Facts
from pipeline.dashboard.links import Links
from pipeline.dashboard.views.base import PageLink, View
from pipeline.history.ledger import WAITING, standing_files
from pipeline.model import (
    Attempt,
    AttemptOutcome,
    EntryStatus,
    Evidence,
    Generated,
    LedgerFile,
    OutcomeRecord,
    Selected,
    Stage,
    Verdict,
    VerdictStatus,
)
from pipeline.platforms import BY_ID
from pipeline.recipe import recipe_path
from pipeline.selection.blockers import missing, recipe_name
from pipeline.selection.explain import Explanation, explain
from pipeline.source import ecosystem_of
from pipeline.taxonomy import TAXONOMY
from pipeline.verdicts import seconds_of

# Lines of the journal on a package's page, the newest: some batches on all platforms.
ATTEMPTS = 60
NOTHING_READ = PackageRecords()
MEASURED = PASSED | {VerdictStatus.FAILED}
# What a line of the journal says of a platform; it keeps only what was run there.
OF_OUTCOME = {
    AttemptOutcome.SUCCEEDED: VerdictStatus.VALIDATED,
    AttemptOutcome.FAILED: VerdictStatus.FAILED,
    AttemptOutcome.BLOCKED: VerdictStatus.FAILED,
    AttemptOutcome.TRANSIENT: VerdictStatus.INFRA_ERROR,
}


class AttemptLine(View, frozen=True, kw_only=True):
    """One line of the journal; `owner` and `remedy` are those of its cause, "" where it has none."""

    attempt: Attempt
    batch: PageLink | None
    owner: str
    remedy: str


class VerdictCell(View, frozen=True, kw_only=True):
    """What is known of the package on one platform.

    `status` is a `VerdictStatus`, "" where nothing is known; `measured` says whether it was run there. `tier` is ""
    where only the journal knows of it. `cause` is a `Subcategory`, "" for none.
    """

    platform: str
    os: str
    family: str
    libc: str
    arch: str
    status: str
    measured: bool
    tier: str
    cause: str
    reason: str
    version: str
    seconds: float | None
    at: str
    batch: PageLink | None


class RecipeText(View, frozen=True, kw_only=True):
    """The recipe's TOML. `published` says whether it is the file in recipes/, else it is the batch's under way."""

    path: str
    text: str
    published: bool


class KeptIn(View, frozen=True, kw_only=True):
    """The last run that made a recipe: its batch, when, and the branch on which the recipe waits, "" for none."""

    batch: PageLink | None
    at: str
    branch: str


class PackagePage(View, frozen=True, kw_only=True):
    """All that is known of one source.

    `why.attempts` is empty here: `attempts` has them with their links, newest first, and `earlier_attempts` more were
    left out. `evidence` is what `build/` still has, None where only the journal remembers; `kept_in` is then the run
    that made the recipe, None if there was none. `waits_for` are its missing recipes, `waiting` how many packages wait
    for its own.
    """

    path: str
    source: str
    name: str
    ecosystem: PageLink
    why: Explanation
    attempts: list[AttemptLine]
    earlier_attempts: int
    verdicts: list[VerdictCell]
    recipe: RecipeText | None
    executables: list[str]
    evidence: Evidence | None
    kept_in: KeptIn | None
    alternatives: list[PageLink]
    waits_for: list[PageLink]
    waiting: int
    batches: list[PageLink]


@dataclass(frozen=True, kw_only=True)
class Packages:
    """Makes the pages of packages; what all of them need is worked out once."""

    facts: Facts
    links: Links

    @cached_property
    def _files(self) -> Mapping[str, LedgerFile]:
        """The recipe of each source that stands in the ledger: that of its newest batch."""
        last = (lines[-1] for lines in self.facts.ledger.values())
        return {file.source: file for entry in last for file in standing_files(entry)}

    @cached_property
    def _chosen(self) -> Mapping[str, Selected]:
        frozen = self.facts.frozen
        return {one.source: one for one in frozen.selected} if frozen is not None and self.facts.stands else {}

    def page(self, source: str) -> PackagePage:
        """Return a source's page."""
        facts, links = self.facts, self.links
        attempts = facts.attempts.get(source, ())
        records = facts.records.get(source, NOTHING_READ)
        made = records.outcome or facts.outcomes.get(source)
        chosen = self._chosen.get(source)
        why = explain(
            source,
            facts.situation,
            batch=facts.frozen if facts.stands else None,
            results=result_lines(records, chosen) if chosen is not None else [],
            made=made,
            attempts=attempts,
            selection=facts.selection,
        )
        entry = why.entry
        shown = why.attempts[:ATTEMPTS]
        file = self._files.get(source)
        return PackagePage(
            path=addresses.package_path(source),
            source=source,
            name=entry.name,
            ecosystem=links.ecosystem(ecosystem_of(source)),
            why=msgspec.structs.replace(why, attempts=[]),
            attempts=[_attempt_line(attempt, links) for attempt in shown],
            earlier_attempts=len(attempts) - len(shown),
            verdicts=_verdicts(facts, links, records, attempts),
            recipe=self._recipe(source, entry.name, entry.status, file),
            executables=_executables(records, made, file),
            evidence=made.outcome.evidence if made is not None and isinstance(made.outcome, Generated) else None,
            kept_in=self._kept_in(source, attempts),
            alternatives=links.packages(entry.alternatives),
            waits_for=[links.recipe(name) for name in missing(entry, facts.situation.available)],
            waiting=facts.situation.impact.get(recipe_name(entry.name), 0),
            batches=_batches(attempts, links),
        )

    def _recipe(self, source: str, name: str, status: EntryStatus, file: LedgerFile | None) -> RecipeText | None:
        """Return the published recipe, by the ledger; else that of the batch; else the one of an entry that succeeded
        before there was a ledger, which bears its name.
        """
        recipes = self.facts.recipes
        draft = self.facts.drafts.get(source, "")
        named = recipe_path(recipe_name(name)) if recipe_name(name) else ""
        if file is not None and file.path in recipes:
            return RecipeText(path=file.path, text=recipes[file.path], published=True)
        if draft:
            return RecipeText(path=file.path if file is not None else named, text=draft, published=False)
        if status is EntryStatus.SUCCESS and named in recipes:
            return RecipeText(path=named, text=recipes[named], published=True)
        return None

    def _kept_in(self, source: str, attempts: Sequence[Attempt]) -> KeptIn | None:
        """Return the last run that the journal says to have made a recipe: it was generated, or went on from there."""
        facts = self.facts
        made = [
            line for line in attempts if line.stage is not Stage.GENERATE or line.outcome is AttemptOutcome.SUCCEEDED
        ]
        if not made:
            return None
        lines = facts.ledger.get(made[-1].batch_id or "", ())
        waits = bool(lines) and lines[-1].state in WAITING
        there = waits and any(file.source == source for file in standing_files(lines[-1]))
        return KeptIn(
            batch=self.links.batch(made[-1].batch_id),
            at=made[-1].at,
            branch=lines[-1].branch if there else "",
        )


def _attempt_line(attempt: Attempt, links: Links) -> AttemptLine:
    cause = TAXONOMY.get(attempt.subcategory) if attempt.subcategory is not None else None
    return AttemptLine(
        attempt=attempt,
        batch=links.batch(attempt.batch_id),
        owner=cause.owner if cause is not None else "",
        remedy=cause.remedy if cause is not None else "",
    )


def _batches(attempts: Iterable[Attempt], links: Links) -> list[PageLink]:
    """Return the batches that a package was in, newest first."""
    names = dict.fromkeys(attempt.batch_id for attempt in attempts if attempt.batch_id)
    return [link for link in map(links.batch, reversed(names)) if link is not None]


def _executables(records: PackageRecords, made: OutcomeRecord | None, file: LedgerFile | None) -> list[str]:
    """Return what the recipe installs: by the batch's merged result, by what was made last, or by the ledger."""
    if records.merged is not None and records.merged.executables:
        return records.merged.executables
    if made is not None and isinstance(made.outcome, Generated):
        return list(made.outcome.recipe.executables)
    return list(file.executables) if file is not None else []


# ----------------------------------------------------------------------------------------------- verdicts


def statuses_of(
    records: PackageRecords, attempts: Iterable[Attempt]
) -> dict[str, tuple[VerdictStatus, Verdict | None, Attempt | None]]:
    """Return what is known by platform: the verdict of the batch in `build/`, else the journal's last run there.

    A verdict that was not run (a prediction, say) does not hide a run that the journal remembers.
    """
    runs = {line.platform: line for line in attempts if line.stage is Stage.VALIDATE and line.outcome in OF_OUTCOME}
    found: dict[str, tuple[VerdictStatus, Verdict | None, Attempt | None]] = {
        platform: (OF_OUTCOME[line.outcome], None, line) for platform, line in runs.items()
    }
    for verdict in records.verdicts:
        if verdict.status in MEASURED or verdict.platform not in found:
            found[verdict.platform] = verdict.status, verdict, None
    return found


def _verdicts(facts: Facts, links: Links, records: PackageRecords, attempts: Sequence[Attempt]) -> list[VerdictCell]:
    """Return a cell for each platform of the model, in its order."""
    known = statuses_of(records, attempts)
    batch = links.batch(facts.frozen.id) if facts.frozen is not None else None
    return [_cell(platform, known.get(platform), batch, links) for platform in BY_ID]


def _cell(
    name: str,
    known: tuple[VerdictStatus, Verdict | None, Attempt | None] | None,
    batch: PageLink | None,
    links: Links,
) -> VerdictCell:
    empty = _EMPTY[name]
    match known:
        case (status, Verdict() as verdict, None):
            return msgspec.structs.replace(
                empty,
                status=status,
                measured=status in MEASURED,
                tier=verdict.tier,
                cause=verdict.subcategory or "",
                reason=verdict.reason,
                version=verdict.observed_version or verdict.version,
                seconds=seconds_of(verdict),
                at=verdict.at,
                batch=batch,
            )
        case (status, None, Attempt() as line):
            return msgspec.structs.replace(
                empty,
                status=status,
                measured=status in MEASURED,
                cause=line.subcategory or "",
                reason=line.message,
                seconds=line.seconds,
                at=line.at,
                batch=links.batch(line.batch_id),
            )
        case _:
            return empty


_EMPTY = {
    name: VerdictCell(
        platform=name,
        os=platform.os,
        family=platform.family,
        libc=platform.libc,
        arch=platform.arch,
        status="",
        measured=False,
        tier="",
        cause="",
        reason="",
        version="",
        seconds=None,
        at="",
        batch=None,
    )
    for name, platform in BY_ID.items()
}
