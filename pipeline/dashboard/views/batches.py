"""Batches, `batches.html`, and one of them, `batches/<id>.html`. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from pipeline.dashboard.addresses import batch_path
from pipeline.dashboard.facts import Facts
from pipeline.dashboard.links import Links
from pipeline.dashboard.views.base import PageLink, View
from pipeline.dashboard.views.waits import Wait
from pipeline.history.ledger import standing_files, taken_out
from pipeline.history.metrics import all_of
from pipeline.history.service_levels import Share, success
from pipeline.model import BatchMetrics, BatchState, EcosystemCounts, Excluded, LedgerEntry, LedgerFile

# States in which a batch can be taken back as a whole.
TAKEN_BACK = frozenset({BatchState.PUBLISHED, BatchState.MERGED})


class BatchLine(View, frozen=True, kw_only=True):
    """One batch in one line. `state` is None for the batch under way; `success` is None where no numbers were kept."""

    batch: PageLink
    state: BatchState | None
    created_at: str
    published_at: str
    at: str
    recipes: int
    excluded: int
    attempted: int
    success: Share | None
    minutes: float
    cost: float
    pull_request: str


class Batches(View, frozen=True, kw_only=True):
    """All batches, newest first."""

    lines: list[BatchLine]


class BatchRecipe(View, frozen=True, kw_only=True):
    """A recipe of a batch, what it installs, and whether it was rolled back or replaced another."""

    package: PageLink
    path: str
    executables: list[str]
    replaces: bool
    rolled_back: bool


class BatchExcluded(View, frozen=True, kw_only=True):
    """A package of a batch that is not in its pull request, and why."""

    package: PageLink
    reason: str
    needs_person: bool


class Step(View, frozen=True, kw_only=True):
    """A state that a batch reached, and when."""

    state: BatchState
    at: str


class BatchPage(View, frozen=True, kw_only=True):
    """One batch. `body` is the pull request's text in Markdown, "" when it is not kept any more.

    `wait` says why its pull request is not open yet, None where there is one or none is ordered.
    `rollback` is the command that takes it back, "" when there is nothing to take back; `rollback_one` that for one of
    its packages. `squash` is the message of its merge.
    """

    path: str
    line: BatchLine
    branch: str
    commit: str
    title: str
    body: str
    squash: str
    auto_merge: bool | None
    wait: Wait | None
    steps: list[Step]
    recipes: list[BatchRecipe]
    excluded: list[BatchExcluded]
    selected: list[PageLink]
    numbers: BatchMetrics | None
    rollback: str
    rollback_one: str


def batches(facts: Facts, links: Links) -> Batches:
    """Return the page of all batches."""
    return Batches(lines=[_line(facts, links, batch_id) for batch_id in reversed(links.batches)])


def batch_page(facts: Facts, links: Links, batch_id: str, waiting: Mapping[str, Wait]) -> BatchPage:
    """Return the page of one batch, from the ledger and whatever is still kept of it; `waiting` are all that wait."""
    lines = facts.ledger.get(batch_id, ())
    last = lines[-1] if lines else None
    order = facts.orders.get(batch_id)
    payload = facts.payload if facts.payload is not None and facts.payload.batch_id == batch_id else None
    frozen = facts.frozen if facts.frozen is not None and facts.frozen.id == batch_id else None
    standing = standing_files(last) if last is not None and last.state in TAKEN_BACK else []
    command = f"doit rollback --batch {batch_id}"
    return BatchPage(
        path=batch_path(batch_id),
        line=_line(facts, links, batch_id),
        branch=last.branch if last is not None else payload.branch if payload is not None else "",
        commit=last.commit if last is not None else "",
        title=order.title if order is not None else payload.title if payload is not None else "",
        body=order.body if order is not None else facts.body if payload is not None else "",
        squash=f"{order.squash_title}\n\n{order.squash_body}" if order is not None else "",
        auto_merge=order.auto_merge if order is not None else payload.auto_merge.allowed if payload else None,
        wait=waiting.get(batch_id),
        steps=_steps(lines),
        recipes=[_recipe(file, last, links) for file in last.files] if last is not None else [],
        excluded=_excluded(last.excluded if last is not None else payload.excluded if payload else [], links),
        selected=links.packages(one.source for one in frozen.selected) if frozen is not None else [],
        numbers=facts.numbers.get(batch_id),
        rollback=command if standing else "",
        rollback_one=f"{command} --source {standing[0].source}" if len(standing) > 1 else "",
    )


def _line(facts: Facts, links: Links, batch_id: str) -> BatchLine:
    lines = facts.ledger.get(batch_id, ())
    last = lines[-1] if lines else None
    numbers = facts.numbers.get(batch_id)
    counts = all_of(numbers.ecosystems, EcosystemCounts()) if numbers is not None else EcosystemCounts()
    frozen = facts.frozen
    created = last.created_at if last is not None else frozen.created_at if frozen is not None else ""
    return BatchLine(
        batch=links.batch(batch_id) or PageLink(text=batch_id),
        state=last.state if last is not None else None,
        created_at=created,
        published_at=last.published_at if last is not None else "",
        at=last.at if last is not None else "",
        recipes=len(last.files) if last is not None else 0,
        excluded=len(last.excluded) if last is not None else 0,
        attempted=counts.attempted,
        success=success(counts) if numbers is not None else None,
        minutes=round(sum(numbers.minutes.values()), 3) if numbers is not None else 0,
        cost=numbers.cost if numbers is not None else 0,
        pull_request=last.pull_request if last is not None else "",
    )


def _steps(lines: Sequence[LedgerEntry]) -> list[Step]:
    """Return each state with the time of the first line that has it."""
    first: dict[BatchState, str] = {}
    for line in lines:
        first.setdefault(line.state, line.at)
    return [Step(state=state, at=at) for state, at in first.items()]


def _recipe(file: LedgerFile, last: LedgerEntry, links: Links) -> BatchRecipe:
    return BatchRecipe(
        package=links.package(file.source),
        path=file.path,
        executables=list(file.executables),
        replaces=file.previous_sha256 is not None,
        rolled_back=file in taken_out(last),
    )


def _excluded(excluded: Iterable[Excluded], links: Links) -> list[BatchExcluded]:
    return [
        BatchExcluded(package=links.package(one.source), reason=one.reason, needs_person=one.needs_person)
        for one in excluded
    ]
