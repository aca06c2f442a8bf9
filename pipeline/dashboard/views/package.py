"""A package's page, `packages/<ecosystem>/<slug>.html`: all that is known of it. Pure."""

from pipeline.dashboard.views.base import PageLink, View
from pipeline.model import Attempt, Evidence
from pipeline.selection.explain import Explanation


class AttemptLine(View, frozen=True, kw_only=True):
    """One line of the journal; `owner` and `remedy` are those of its cause, "" where it has none."""

    attempt: Attempt
    batch: PageLink | None
    owner: str
    remedy: str


class VerdictCell(View, frozen=True, kw_only=True):
    """What is known of the package on one platform.

    `status` is a `VerdictStatus`, "" where nothing is known; `measured` says whether it was run there. `tier` is ""
    where only the journal knows of it. `exclusion` is "" unless the recipe excludes the platform.
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


class PackagePage(View, frozen=True, kw_only=True):
    """All that is known of one source.

    `why.attempts` is empty here: `attempts` has them with their links, newest first, and `earlier_attempts` more were
    left out. `evidence` is that of the batch under way, None where only the journal remembers. `waits_for` are its
    missing recipes, `waiting` how many packages wait for its own.
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
    alternatives: list[PageLink]
    waits_for: list[PageLink]
    waiting: int
    batches: list[PageLink]
