"""What `doit metrics` tells of: the batches that were asked for, their numbers, the service levels. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from pipeline.history.frozen import Frozen
from pipeline.history.metrics import Totals, all_of, totals
from pipeline.history.reviews import Review
from pipeline.history.service_levels import Milestone, ServiceLevels, Share, only, service_levels, success
from pipeline.instants import instant, timestamp
from pipeline.model import AlarmRecord, BatchMetrics, EcosystemCounts, QueueEntry

# Batches that get a line each.
LAST = 10


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which batches, and what of them; None means all."""

    ecosystem: str | None = None
    platform: str | None = None
    since: datetime | None = None
    last: int | None = None


class BatchLine(msgspec.Struct, frozen=True, kw_only=True):
    """One batch in one line; `cost` is that of all its ecosystems."""

    batch_id: str
    at: str
    attempted: int
    included: int
    blocked: int
    deferred: int
    success: Share
    cost: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a query, and the JSON document of `doit metrics --json`.

    `batches` are those that were asked for, published from `first` to `last`; `known_batches` are all there are.
    `frozen` are the packages that are so now, `alarms` what rings of what was asked for.
    """

    at: str
    query: Query
    known_batches: int
    batches: int
    first: str | None
    last: str | None
    totals: Totals
    service_levels: ServiceLevels
    no_success_hours: float
    last_batches: list[BatchLine]
    frozen: list[Frozen]
    alarms: list[AlarmRecord]


def report(
    query: Query,
    every: Sequence[BatchMetrics],
    entries: Iterable[QueueEntry],
    ledger: Iterable[Milestone],
    no_success_hours: float,
    now: datetime,
    reviews: Sequence[Review] = (),
    frozen: Sequence[Frozen] = (),
    alarms: Sequence[AlarmRecord] = (),
) -> Report:
    """Answer a query. `every` holds all batches, oldest first; the newest come last in `last_batches`, too.

    `reviews` are those that wait for their merge, `frozen` the packages whose bytes have changed; both longest first.
    `alarms` are what rings (`pipeline.alarms`).
    """
    asked = chosen(query, every)
    added = totals(asked)
    return Report(
        at=timestamp(now),
        query=query,
        known_batches=len(every),
        batches=len(asked),
        first=asked[0].at if asked else None,
        last=asked[-1].at if asked else None,
        totals=msgspec.structs.replace(
            added,
            ecosystems=only(added.ecosystems, query.ecosystem),
            traffic=only(added.traffic, query.ecosystem),
            platforms=only(added.platforms, query.platform),
        ),
        service_levels=service_levels(
            added,
            {metrics.batch_id for metrics in asked},
            every,
            entries,
            ledger,
            no_success_hours,
            now,
            ecosystem=query.ecosystem,
            reviews=reviews,
        ),
        no_success_hours=no_success_hours,
        last_batches=[_line(metrics, query.ecosystem) for metrics in asked[-LAST:]],
        frozen=list(frozen),
        alarms=list(alarms),
    )


def chosen(query: Query, every: Sequence[BatchMetrics]) -> list[BatchMetrics]:
    """Return the batches that a query asks for: those with packages of its ecosystem, in its time, the last of them."""
    found = [
        metrics
        for metrics in every
        if (query.ecosystem is None or query.ecosystem in metrics.ecosystems)
        and (query.since is None or instant(metrics.at) >= query.since)
    ]
    return found if query.last is None else found[-query.last :]


def _line(metrics: BatchMetrics, ecosystem: str | None) -> BatchLine:
    counts = all_of(only(metrics.ecosystems, ecosystem), EcosystemCounts())
    return BatchLine(
        batch_id=metrics.batch_id,
        at=metrics.at,
        attempted=counts.attempted,
        included=counts.included,
        blocked=counts.blocked,
        deferred=counts.deferred,
        success=success(counts),
        cost=metrics.cost,
    )
