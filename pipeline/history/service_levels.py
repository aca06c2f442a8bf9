"""How well those are served who wait for recipes: rates, ages, times, cost, and how long nothing came. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from pipeline.history.metrics import Totals, all_of
from pipeline.history.reviews import Review
from pipeline.instants import known_instant
from pipeline.model import BatchMetrics, BatchState, EcosystemCounts, EntryStatus, QueueEntry, Traffic
from pipeline.source import ecosystem_of

T = TypeVar("T")
# States that a batch reaches only after its publication.
OUT = frozenset({BatchState.PUBLISHED, BatchState.MERGED, BatchState.CLOSED, BatchState.ROLLED_BACK})
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DIGITS = 3


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a whole; `rate` is None where there is no whole."""

    part: int
    whole: int
    rate: float | None


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Half of `count` values are at most `p50`, and 95 % at most `p95`; None where there is no value."""

    count: int
    p50: float | None
    p95: float | None


class Age(msgspec.Struct, frozen=True, kw_only=True):
    """How many days the pending entries have waited; of `unknown` more, nobody wrote down since when."""

    days: Spread
    unknown: int


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """Hours from the selection of a batch to its publication, and until its recipes were merged."""

    published: Spread
    merged: Spread


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes of validation weighed by the cost of their class, and what one of the `included` recipes cost."""

    cost: float
    included: int
    per_recipe: float | None


class LastSuccess(msgspec.Struct, frozen=True, kw_only=True):
    """The last batch that included a recipe. Without one, both are None, and `hours` are those since the first batch.

    They are counted from `since`. `alarm` says whether that is longer ago than it may be.
    """

    batch_id: str | None
    at: str | None
    since: str
    hours: float
    alarm: bool


class Milestone(msgspec.Struct, frozen=True, kw_only=True):
    """What of a line of the ledger tells how far a batch was by when."""

    batch_id: str
    state: BatchState
    created_at: str
    published_at: str
    at: str


class ServiceLevels(msgspec.Struct, frozen=True, kw_only=True):
    """What is promised, measured. `success` is included / attempted, by ecosystem and in all.

    `without_body` is the share of answers for which no body was sent: those from the cache and the 304s. The last
    successes are looked for in all batches, the rest in those that were asked for. `oldest_review` is the batch
    that has waited longest for its merge, of all, None when none waits.
    """

    success: dict[str, Share]
    success_of_all: Share
    without_body: Share
    queue_age: Age
    cycle_hours: Cycle
    cost: Cost
    last_success: LastSuccess | None
    last_success_by_ecosystem: dict[str, LastSuccess]
    oldest_review: Review | None


def service_levels(
    added: Totals,
    batch_ids: Collection[str],
    every: Sequence[BatchMetrics],
    entries: Iterable[QueueEntry],
    ledger: Iterable[Milestone],
    no_success_hours: float,
    now: datetime,
    *,
    ecosystem: str | None = None,
    reviews: Sequence[Review] = (),
) -> ServiceLevels:
    """Return the service levels of some batches, of one ecosystem or of all; `reviews` come longest first.

    `added` are the numbers of the batches `batch_ids`, added up; `every` holds all batches there are, oldest first.
    Minutes are not told apart by ecosystem, so the cost is always that of all ecosystems of these batches.
    """
    counts, traffic = only(added.ecosystems, ecosystem), only(added.traffic, ecosystem)
    names = sorted(only({name: line for line in every for name in line.ecosystems}, ecosystem))
    last = {name: last_success(every, no_success_hours, now, ecosystem=name) for name in names}
    return ServiceLevels(
        success={name: success(part) for name, part in counts.items()},
        success_of_all=success(all_of(counts, EcosystemCounts())),
        without_body=without_body(all_of(traffic, Traffic())),
        queue_age=queue_age((each for each in entries if ecosystem in {None, ecosystem_of(each.source)}), now),
        cycle_hours=cycle_hours(ledger, batch_ids),
        cost=cost_of_a_recipe(added),
        last_success=last_success(every, no_success_hours, now, ecosystem=ecosystem),
        last_success_by_ecosystem={name: found for name, found in last.items() if found is not None},
        oldest_review=next(iter(reviews), None),
    )


def success(counts: EcosystemCounts) -> Share:
    """Return how many of the packages that were attempted are included."""
    return _share(counts.included, counts.attempted)


def without_body(traffic: Traffic) -> Share:
    """Return how many of all answers came without a body: from the cache, or as a 304."""
    return _share(traffic.cache_hits + traffic.not_modified, traffic.cache_hits + traffic.requests)


def queue_age(entries: Iterable[QueueEntry], now: datetime) -> Age:
    """Return how long the pending entries have waited: since they were added, else since they were told apart."""
    pending = [entry for entry in entries if entry.status is EntryStatus.PENDING]
    since = [known_instant(entry.added_at or entry.disambiguated_at or "") for entry in pending]
    days = [_between(moment, now, DAY) for moment in since if moment is not None]
    return Age(days=spread(days), unknown=len(pending) - len(days))


def cycle_hours(ledger: Iterable[Milestone], batch_ids: Collection[str]) -> Cycle:
    """Return how long some batches took to be published, and until the first line says that they are merged."""
    published: dict[str, float] = {}
    merged: dict[str, float] = {}
    for line in ledger:
        created, out, at = map(known_instant, (line.created_at, line.published_at, line.at))
        if line.batch_id not in batch_ids or created is None or out is None or at is None:
            continue
        if line.state in OUT:
            published.setdefault(line.batch_id, _between(created, out, HOUR))
        if line.state is BatchState.MERGED:
            hours = _between(created, at, HOUR)
            merged[line.batch_id] = min(hours, merged.get(line.batch_id, hours))
    return Cycle(published=spread(published.values()), merged=spread(merged.values()))


def cost_of_a_recipe(added: Totals) -> Cost:
    """Return what one included recipe cost: all that was spent, also on packages that came to nothing."""
    included = all_of(added.ecosystems, EcosystemCounts()).included
    per_recipe = round(added.cost / included, DIGITS) if included else None
    return Cost(cost=added.cost, included=included, per_recipe=per_recipe)


def last_success(
    every: Sequence[BatchMetrics], no_success_hours: float, now: datetime, *, ecosystem: str | None = None
) -> LastSuccess | None:
    """Return when a recipe was last included, of one ecosystem or of any; None before the first batch.

    `every` is oldest first. Without a success, it is waited for since the first batch, also when all was deferred: a
    pipeline that puts off everything for ever stands still like any other.
    """
    batches = [line for line in every if ecosystem is None or ecosystem in line.ecosystems]
    if not batches:
        return None
    found = next((line for line in reversed(batches) if _included(line, ecosystem)), None)
    since = found.at if found else batches[0].at
    moment = known_instant(since) or now
    return LastSuccess(
        batch_id=found.batch_id if found else None,
        at=found.at if found else None,
        since=since,
        hours=_between(moment, now, HOUR),
        alarm=now - moment > timedelta(hours=no_success_hours),
    )


def only(parts: Mapping[str, T], name: str | None) -> dict[str, T]:
    """Return one of some parts by its name, or all of them for None."""
    return {key: part for key, part in parts.items() if name in {None, key}}


def spread(values: Iterable[float]) -> Spread:
    """Return the median and the 95th percentile of some values."""
    ordered = sorted(values)
    return Spread(count=len(ordered), p50=percentile(ordered, 50), p95=percentile(ordered, 95))


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Return the smallest value that at least `percent` of all values do not exceed: the nearest-rank method.

    So it is always one of the values. `ordered` is sorted, `percent` is 1 to 100; None for no values.
    """
    rank = -(-len(ordered) * percent // 100)  # rounded up, in whole numbers
    return ordered[rank - 1] if ordered else None


def _included(line: BatchMetrics, ecosystem: str | None) -> int:
    return sum(counts.included for counts in only(line.ecosystems, ecosystem).values())


def _share(part: int, whole: int) -> Share:
    return Share(part=part, whole=whole, rate=part / whole if whole else None)


def _between(earlier: datetime, later: datetime, unit: timedelta) -> float:
    """Return the time between two moments in a unit; clocks that disagree give no less than nothing."""
    return round(max(later - earlier, timedelta(0)) / unit, DIGITS)
