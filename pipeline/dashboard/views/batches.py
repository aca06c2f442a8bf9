"""Batches, `batches.html`, and one of them, `batches/<id>.html`. Pure."""

from pipeline.dashboard.views.base import PageLink, View
from pipeline.history.service_levels import Share
from pipeline.model import BatchMetrics, BatchState


class BatchLine(View, frozen=True, kw_only=True):
    """One batch in one line. `state` is "" for the batch under way; `success` is None where no numbers were kept."""

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
    steps: list[Step]
    recipes: list[BatchRecipe]
    excluded: list[BatchExcluded]
    selected: list[PageLink]
    numbers: BatchMetrics | None
    rollback: str
    rollback_one: str
