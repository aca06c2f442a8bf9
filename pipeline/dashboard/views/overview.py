"""The overview, `index.html`: health at a glance. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from pipeline.control.budget import BudgetState, Standing, standings
from pipeline.control.stops import Stop, breaker_stop, ecosystem_stop, pipeline_stop
from pipeline.dashboard.facts import Facts
from pipeline.dashboard.links import Links
from pipeline.dashboard.views.base import PageLink, View
from pipeline.dashboard.views.lines import (
    BreakerLine,
    Period,
    QueueLine,
    Reason,
    batch_periods,
    breaker_lines,
    days,
    queue_line,
    queue_lines,
    reasons,
)
from pipeline.dashboard.views.queue import QueueRow
from pipeline.dashboard.views.waits import Wait, waits
from pipeline.history.frozen import Frozen, frozen_packages
from pipeline.history.ledger import WAITING
from pipeline.history.report import Query, report
from pipeline.history.reviews import Review, open_reviews
from pipeline.history.service_levels import Milestone, ServiceLevels
from pipeline.instants import timestamp
from pipeline.model import (
    AlarmKind,
    AlarmRecord,
    EntryStatus,
)
from pipeline.selection.statuses import excluded_sources
from pipeline.text import counted

# Lines of each list on the page: what does not fit is on the pages that it links to.
DAYS, BATCHES, REASONS, BLOCKERS = 90, 50, 10, 10


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


class ClearedAlarm(View, frozen=True, kw_only=True):
    """An alarm that has ended in the last days, `at` the time at which that was seen."""

    kind: AlarmKind
    subject: PageLink
    at: str


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


class BlockerLine(View, frozen=True, kw_only=True):
    """A recipe that is missing: how many blocked packages its recipe would set free, directly or through others.

    `package` has no page, and `status` is None, where the queue has no such entry: then a person must add one.
    """

    package: PageLink
    status: EntryStatus | None
    waiting: int


class ReviewLine(View, frozen=True, kw_only=True):
    """A batch that waits for its merge. `pull_request` is its address, "" while none is open; `wait` says why."""

    batch: PageLink
    branch: str
    pull_request: str
    recipes: int
    since: str
    days: float
    limit_days: int
    alarm: bool
    wait: Wait | None


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
    cleared: list[ClearedAlarm]
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


def overview(facts: Facts, links: Links, rows: Sequence[QueueRow]) -> Overview:
    """Return the overview; `rows` are those of the queue."""
    situation = facts.situation
    now, config = situation.now, situation.config
    reviews = _reviews(facts)
    frozen = frozen_packages(situation.history, excluded_sources(situation.queue.entries))
    levels = _levels(facts, reviews, frozen)
    stops = _stops(facts)
    every_reason, every_blocker = reasons(facts, links), _blockers(facts, links)
    health, headline = _health(facts, stops, levels)
    lines = queue_lines(links, rows)
    waiting = waits(facts)
    return Overview(
        built_at=timestamp(now),
        health=health,
        headline=headline,
        stops=stops,
        alarms=[_alarm(alarm, links) for alarm in facts.alarms],
        cleared=[
            ClearedAlarm(kind=alarm.kind, subject=links.subject(alarm.subject), at=alarm.at) for alarm in facts.cleared
        ],
        no_success_hours=config.alarms.no_success_hours,
        levels=levels,
        last_batch=links.batch(levels.last_success.batch_id if levels.last_success else None),
        breakers=breaker_lines(facts, links),
        budget=[_budget(one) for one in standings(situation.control.budget, config.budget, now)],
        statuses=[status for status in EntryStatus if any(status in line.counts for line in lines)],
        queue=lines,
        queue_total=queue_line(PageLink(text="all"), rows),
        recipes=len(facts.recipes),
        days=days(facts)[-DAYS:],
        batches=batch_periods(facts, links)[-BATCHES:],
        reasons=every_reason[:REASONS],
        all_reasons=len(every_reason),
        blockers=every_blocker[:BLOCKERS],
        all_blockers=len(every_blocker),
        reviews=[_review(one, facts, links, waiting) for one in reviews],
        frozen=[(links.package(one.source), one) for one in frozen],
        under_way=_under_way(facts, links),
        damaged_lines=facts.damaged,
    )


# ------------------------------------------------------------------------------------------------ parts


def _reviews(facts: Facts) -> list[Review]:
    """Return the batches that wait for their merge, the longest first."""
    last = (lines[-1] for lines in facts.ledger.values())
    limit, now = facts.situation.config.alarms.review_days, facts.situation.now
    return open_reviews((entry for entry in last if entry.state in WAITING), limit, now)


def _review(one: Review, facts: Facts, links: Links, waiting: Mapping[str, Wait]) -> ReviewLine:
    return ReviewLine(
        batch=links.batch(one.batch_id) or PageLink(text=one.batch_id),
        branch=one.branch,
        pull_request=facts.ledger[one.batch_id][-1].pull_request,
        recipes=one.recipes,
        since=one.since,
        days=one.days,
        limit_days=one.limit_days,
        alarm=one.alarm,
        wait=waiting.get(one.batch_id),
    )


def _levels(facts: Facts, reviews: Sequence[Review], frozen: Sequence[Frozen]) -> ServiceLevels:
    situation = facts.situation
    limit = situation.config.alarms.no_success_hours
    entries, milestones = situation.queue.entries, _milestones(facts)
    return report(Query(), facts.metrics, entries, milestones, limit, situation.now, reviews, frozen).service_levels


def _health(facts: Facts, stops: Sequence[Stop], levels: ServiceLevels) -> tuple[Health, str]:
    """Return how the pipeline does, and why in one line."""
    late = levels.last_success is not None and levels.last_success.alarm
    ringing = len(facts.alarms)
    parts = []
    if not facts.situation.control.enabled:
        parts.append("stopped by an operator")
    if late:
        parts.append("no recipe for longer than it may be")
    if ringing:
        parts.append(f"{counted(ringing, 'alarm')} ringing")
    if not parts and stops:
        parts.append(f"{counted(len(stops), 'gate')} shut")
    if not parts and levels.last_success is None:
        return Health.WARNING, "no batch yet"
    health = Health.BAD if late or not facts.situation.control.enabled else Health.WARNING if parts else Health.GOOD
    return health, "; ".join(parts) or "all well"


def _stops(facts: Facts) -> list[Stop]:
    control, now = facts.situation.control, facts.situation.now
    found = [
        pipeline_stop(control),
        *(ecosystem_stop(control, name) for name in control.disabled_ecosystems),
        *(breaker_stop(control, name, now) for name in control.circuit_breaker),
    ]
    return [stop for stop in found if stop is not None]


def _alarm(alarm: AlarmRecord, links: Links) -> AlarmBox:
    return AlarmBox(
        kind=alarm.kind,
        subject=links.subject(alarm.subject),
        since=alarm.since,
        value=alarm.value,
        limit=alarm.limit,
        remedy=alarm.remedy,
    )


def _budget(one: Standing) -> BudgetLine:
    return BudgetLine(
        runner=one.runner,
        used=one.used,
        limit=one.limit,
        share=one.used / one.limit if one.limit else None,
        state=one.state,
        since=one.since,
        until=one.until,
        words=one.words,
    )


def _blockers(facts: Facts, links: Links) -> list[BlockerLine]:
    """Return the recipes that are missing, the one that would set most packages free first."""
    situation = facts.situation
    missing: Mapping[str, int] = {
        name: waiting for name, waiting in situation.impact.items() if waiting and name not in situation.available
    }
    lines = []
    for name, waiting in missing.items():
        source = links.source_of(name)
        status = situation.case(situation.first[source]).entry.status if source else None
        lines.append(BlockerLine(package=links.recipe(name), status=status, waiting=waiting))
    return sorted(lines, key=lambda line: (-line.waiting, line.package.text))


def _milestones(facts: Facts) -> list[Milestone]:
    return [
        Milestone(
            batch_id=line.batch_id,
            state=line.state,
            created_at=line.created_at,
            published_at=line.published_at,
            at=line.at,
        )
        for lines in facts.ledger.values()
        for line in lines
    ]


def _under_way(facts: Facts, links: Links) -> UnderWay | None:
    batch = facts.frozen
    if batch is None or not facts.stands:
        return None
    records = [facts.records[one.source] for one in batch.selected if one.source in facts.records]
    return UnderWay(
        batch=links.batch(batch.id) or PageLink(text=batch.id),
        created_at=batch.created_at,
        packages=len(batch.selected),
        generated=sum(one.outcome is not None for one in records),
        concluded=sum(one.merged is not None for one in records),
    )
