"""The overview, `index.html`: health at a glance. Pure."""

from enum import StrEnum

from pipeline.control.budget import BudgetState
from pipeline.control.stops import Stop
from pipeline.dashboard.views.base import PageLink, View
from pipeline.history.frozen import Frozen
from pipeline.history.service_levels import ServiceLevels, Share
from pipeline.model import AlarmKind, BreakerState, EntryStatus
from pipeline.taxonomy import Owner


class Health(StrEnum):
    """How the pipeline does: all well, something to look at, or standing still."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


class AlarmBox(View, frozen=True, kw_only=True):
    """An alarm that rings: what it is about, the value that it saw and its limit, what to do, since when (None: not
    known).
    """

    kind: AlarmKind
    subject: PageLink
    since: str | None
    value: str
    limit: str
    remedy: str


class BreakerLine(View, frozen=True, kw_only=True):
    """One ecosystem's circuit breaker; an open one may be probed from `opens_at` on."""

    ecosystem: PageLink
    state: BreakerState
    failures: int
    stages: list[str]
    opened_at: str | None
    opens_at: str | None
    last_failure: str | None
    failed_probes: int


class BudgetLine(View, frozen=True, kw_only=True):
    """The minutes of one class of machines in this week: `used` of `limit`; `share` is None where there is no limit.

    `words` says the same in one sentence.
    """

    runner: str
    used: float
    limit: float
    share: float | None
    state: BudgetState
    since: str
    until: str
    words: str


class QueueLine(View, frozen=True, kw_only=True):
    """How many entries of one ecosystem stand how; statuses without an entry are left out of `counts`."""

    ecosystem: PageLink
    counts: dict[EntryStatus, int]
    total: int


class Period(View, frozen=True, kw_only=True):
    """What became of packages in one day (`2026-03-02`, UTC), or in one batch; `label` names which."""

    label: PageLink
    batches: int
    attempted: int
    included: int
    excluded: int
    blocked: int
    deferred: int
    success: Share


class Reason(View, frozen=True, kw_only=True):
    """A cause that `packages` of the queue stand on now, by their last attempt: whose it is, and what to do.

    `transient` ones pass by themselves. `examples` are a few of these packages.
    """

    cause: str
    category: str
    owner: Owner
    transient: bool
    remedy: str
    packages: int
    ecosystems: dict[str, int]
    examples: list[PageLink]


class BlockerLine(View, frozen=True, kw_only=True):
    """A recipe that is missing: how many blocked packages its recipe would set free, directly or through others.

    `package` has no page, and `status` is None, where the queue has no such entry: then a person must add one.
    """

    package: PageLink
    status: EntryStatus | None
    waiting: int


class ReviewLine(View, frozen=True, kw_only=True):
    """A batch that waits for its merge. `pull_request` is its address, "" while none is open."""

    batch: PageLink
    branch: str
    pull_request: str
    recipes: int
    since: str
    days: float
    limit_days: int
    alarm: bool


class UnderWay(View, frozen=True, kw_only=True):
    """The batch that the next run goes on with: how many packages, and how many have what result so far."""

    batch: PageLink
    created_at: str
    packages: int
    generated: int
    concluded: int


class Overview(View, frozen=True, kw_only=True):
    """All of the overview at `built_at`. Lists are sorted as they are to be shown.

    `days` has a line for each day with a batch, oldest first, `batches` one for each of the last batches, too.
    `reasons` and `blockers` are the first few of `all_reasons` and `all_blockers`. `damaged_lines` are lines of the
    journal that cannot be read.
    """

    built_at: str
    health: Health
    headline: str
    stops: list[Stop]
    alarms: list[AlarmBox]
    no_success_hours: float
    levels: ServiceLevels
    last_batch: PageLink | None
    breakers: list[BreakerLine]
    budget: list[BudgetLine]
    statuses: list[EntryStatus]
    queue: list[QueueLine]
    queue_total: QueueLine
    recipes: int
    days: list[Period]
    batches: list[Period]
    reasons: list[Reason]
    all_reasons: int
    blockers: list[BlockerLine]
    all_blockers: int
    reviews: list[ReviewLine]
    frozen: list[tuple[PageLink, Frozen]]
    under_way: UnderWay | None
    damaged_lines: int
