"""When each kind of alarm rings: the one place that says so. Pure.

Each predicate returns one record for each subject that it rings for; `at` is the moment of the facts.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from types import MappingProxyType

from pipeline.alarms.facts import Facts
from pipeline.control.budget import BudgetState, standings
from pipeline.history.service_levels import last_success
from pipeline.instants import known_instant, timestamp
from pipeline.model import AlarmKind, AlarmRecord, BatchMetrics, BreakerState
from pipeline.text import duration, one_line

HOUR = timedelta(hours=1)


def no_success(facts: Facts) -> list[AlarmRecord]:
    """Ring when no recipe was included for too long: of any ecosystem (subject ""), or of one that is at work.

    Where there has only ever been one ecosystem, both would say the same; the first alone rings.
    """
    limit = facts.limits.no_success_hours
    known = attempted(facts.batches)
    found: list[AlarmRecord] = []
    for name in (None, *sorted(known & facts.at_work if len(known) > 1 else ())):
        last = last_success(facts.batches, limit, facts.now, ecosystem=name)
        if last is None or not last.alarm:
            continue
        of = f" of {name}" if name else ""
        seen = f"the last was in {last.batch_id}" if last.batch_id else "there has never been one"
        why = f" --ecosystem {name}" if name else ""
        found.append(
            AlarmRecord(
                kind=AlarmKind.NO_SUCCESS,
                subject=name or "",
                since=last.since,
                value=f"no recipe{of} was included for {duration(last.hours)}; {seen}",
                limit=f"at most {limit} h (alarms.no_success_hours)",
                remedy=f"`doit status` shows what is stopped, `doit metrics{why}` what the packages ended in",
                at=timestamp(facts.now),
            )
        )
    return found


def attempted(batches: Iterable[BatchMetrics]) -> set[str]:
    """Return the ecosystems of which a package was ever tried."""
    return {name for line in batches for name in line.ecosystems}


def breaker_open(facts: Facts) -> list[AlarmRecord]:
    """Ring when an ecosystem has been ill for too long, from the first time that its breaker opened.

    A probe that fails opens it anew, and a probe that is out makes it half-open; the outage is the same.
    """
    limit = facts.limits.breaker_open_hours * HOUR
    found: list[AlarmRecord] = []
    for ecosystem, breaker in sorted(facts.breakers.items()):
        since = known_instant(breaker.opened_at or "")
        if breaker.state is BreakerState.CLOSED or since is None or facts.now - since <= limit:
            continue
        found.append(
            AlarmRecord(
                kind=AlarmKind.BREAKER_OPEN,
                subject=ecosystem,
                since=timestamp(since),
                value=f"the breaker of {ecosystem} is {breaker.state} for {duration((facts.now - since) / HOUR)}",
                limit=f"at most {facts.limits.breaker_open_hours} h (alarms.breaker_open_hours)",
                remedy=f'see whether its registry answers; `doit disable {ecosystem} --reason "..."` until it does',
                at=timestamp(facts.now),
            )
        )
    return found


def stale_review(facts: Facts) -> list[AlarmRecord]:
    """Ring for each batch that waits for its merge for too long."""
    return [
        AlarmRecord(
            kind=AlarmKind.STALE_REVIEW,
            subject=review.batch_id,
            since=review.since,
            value=f"{review.batch_id} was not merged for {duration(review.days * 24)}",
            limit=f"at most {review.limit_days} d (alarms.review_days)",
            remedy=(
                f"merge {one_line(review.pull_request) or review.branch} and run `doit publish`, or take it back: "
                f"`doit rollback --batch {review.batch_id}`"
            ),
            at=timestamp(facts.now),
        )
        for review in facts.reviews
        if review.alarm
    ]


def changed_bytes(facts: Facts) -> list[AlarmRecord]:
    """Ring for each package that is frozen, as a version of it has other bytes than before."""
    return [
        AlarmRecord(
            kind=AlarmKind.CHANGED_BYTES,
            subject=one.source,
            since=one.since,
            value=f"{one.source} is frozen: {one_line(one.message)}",
            limit="a version never changes (gates.changed_bytes)",
            remedy=f"find out why its bytes have changed; `doit requeue {one.source}` accepts the new ones",
            at=timestamp(facts.now),
        )
        for one in facts.frozen
    ]


def budget_out(facts: Facts) -> list[AlarmRecord]:
    """Ring for each class of runners whose minutes are used up before the week is over.

    A class without any minutes is switched off, not short of them.
    """
    return [
        AlarmRecord(
            kind=AlarmKind.BUDGET_OUT,
            subject=standing.runner,
            since=standing.since,
            value=f"{standing.words}; nothing is validated there until {standing.until}",
            limit=f"less than {facts.budget_limits.stop_at * 100:g} % in a week (budget.stop_at)",
            remedy=(
                f"wait for Monday, or raise budget.runners.{standing.runner}.minutes_per_week; "
                "`doit metrics --since 7d` shows what the minutes were spent on"
            ),
            at=timestamp(facts.now),
        )
        for standing in standings(facts.budget, facts.budget_limits, facts.now)
        if standing.limit and standing.state is BudgetState.SPENT
    ]


PREDICATES: MappingProxyType[AlarmKind, Callable[[Facts], list[AlarmRecord]]] = MappingProxyType({
    AlarmKind.NO_SUCCESS: no_success,
    AlarmKind.BREAKER_OPEN: breaker_open,
    AlarmKind.STALE_REVIEW: stale_review,
    AlarmKind.CHANGED_BYTES: changed_bytes,
    AlarmKind.BUDGET_OUT: budget_out,
})  # fmt: skip


def ringing(facts: Facts, kinds: Iterable[AlarmKind] = AlarmKind) -> list[AlarmRecord]:
    """Return what rings, of some kinds or of all, in the order of the kinds."""
    return [alarm for kind in kinds for alarm in PREDICATES[kind](facts)]
