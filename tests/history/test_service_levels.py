"""Service levels: rates, ages, times, cost, and the alarm on the absence of success."""

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.history.metrics import totals
from pipeline.history.report import Query, chosen, report
from pipeline.history.service_levels import (
    Milestone,
    Share,
    Spread,
    cycle_hours,
    last_success,
    percentile,
    queue_age,
    service_levels,
    success,
    without_body,
)
from pipeline.instants import timestamp
from pipeline.model import BatchMetrics, BatchState, EntryStatus, Traffic
from tests.builders import NOW, entry
from tests.builders_metrics import counts, metrics

HOURS = 48
NONE = counts(excluded=2)


def ago(hours: float):
    return NOW - timedelta(hours=hours)


def levels(asked: list[BatchMetrics], **fields):
    """Return the service levels of some batches, which are all there are."""
    return service_levels(totals(asked), {line.batch_id for line in asked}, asked, [], [], HOURS, NOW, **fields)


# ------------------------------------------------------------------------------------ percentiles


@given(values=st.lists(st.integers(-50, 50), min_size=1, max_size=60), percent=st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values, percent):
    """Against brute force: of all values that at least that share stays within, the smallest."""
    within = [value for value in values if Fraction(sum(v <= value for v in values), len(values)) * 100 >= percent]
    assert percentile(sorted(values), percent) == min(within)


@pytest.mark.parametrize(
    ("values", "p50", "p95"),
    [([], None, None), ([7], 7, 7), ([1, 2], 1, 2), (range(1, 21), 10, 19), (range(1, 101), 50, 95)],
)
def test_percentiles_by_hand(values, p50, p95):
    """Always one of the values; none of none."""
    assert (percentile(list(values), 50), percentile(list(values), 95)) == (p50, p95)


# ------------------------------------------------------------------------------------ rates


def test_failures_and_blocked_packages_stand_below_the_line():
    """success = included / attempted: 1 of 4; what was deferred was not attempted."""
    assert success(counts(included=1, excluded=2, blocked=1, deferred=9)) == Share(part=1, whole=4, rate=0.25)
    assert success(counts(deferred=3)) == Share(part=0, whole=0, rate=None)


def test_answers_without_a_body():
    """Stored answers and 304s, of all answers: the stored ones needed no request at all."""
    traffic = Traffic(requests=10, cache_hits=10, not_modified=5)
    assert without_body(traffic) == Share(part=15, whole=20, rate=0.75)
    assert without_body(Traffic()).rate is None


# ------------------------------------------------------------------------------------ age of the queue


def test_the_age_of_the_queue_is_that_of_its_pending_entries():
    """Since they were added, else since they were told apart; without both it is unknown, and said to be."""
    entries = [
        entry("npm:a", added_at=timestamp(ago(24)), disambiguated_at=timestamp(ago(2400))),
        entry("npm:b", disambiguated_at=timestamp(ago(72))),
        entry("npm:c"),
        entry("npm:d", added_at="2026-02-30T00:00:00Z"),
        entry("npm:e", added_at=timestamp(ago(-24))),
        entry("npm:f", added_at=timestamp(ago(9999)), status=EntryStatus.SUCCESS),
    ]
    age = queue_age(entries, NOW)
    assert (age.days, age.unknown) == (Spread(count=3, p50=1, p95=3), 2)
    assert queue_age([], NOW).days == Spread(count=0, p50=None, p95=None)


# ------------------------------------------------------------------------------------ cycle time


def line(state: BatchState, at: float, batch_id: str = "a", created: float = 10, published: float = 8) -> Milestone:
    """Return a line of the ledger; times are hours ago."""
    created_at, published_at, moment = (timestamp(ago(hours)) for hours in (created, published, at))
    return Milestone(batch_id=batch_id, state=state, created_at=created_at, published_at=published_at, at=moment)


def test_cycle_times_are_counted_from_the_selection():
    """To the publication, and to the first line that says merged; a later rollback does not change that."""
    ledger = [
        line(BatchState.BUILT, 8),
        line(BatchState.PUBLISHED, 8),
        line(BatchState.MERGED, 4),
        line(BatchState.MERGED, 2),
        line(BatchState.ROLLED_BACK, 1),
        line(BatchState.BUILT, 8, "built only"),
        line(BatchState.MERGED, 0, "not asked for"),
    ]
    found = cycle_hours(ledger, {"a", "built only"})
    assert found.published == Spread(count=1, p50=2, p95=2)
    assert found.merged == Spread(count=1, p50=6, p95=6)
    assert cycle_hours(reversed(ledger), {"a", "built only"}) == found


def test_impossible_times_are_left_out():
    """A line that a person spoiled must not stop the report; clocks that disagree give nothing less than zero."""
    spoiled = Milestone(
        batch_id="a", state=BatchState.MERGED, created_at="2026-02-30T00:00:00Z", published_at="x", at="y"
    )
    backwards = line(BatchState.PUBLISHED, 8, "b", created=7)
    assert cycle_hours([spoiled, backwards], {"a", "b"}).published == Spread(count=1, p50=0, p95=0)


# ------------------------------------------------------------------------------------ cost


def test_a_recipe_pays_for_the_failures_too():
    """All weighted minutes by the recipes that came of them; none came: no price."""
    assert levels([metrics(1, cost=30), metrics(2, cost=10, ecosystems={"npm": NONE})]).cost.per_recipe == 40
    nothing = levels([metrics(ecosystems={"npm": NONE}, cost=5)]).cost
    assert (nothing.cost, nothing.included, nothing.per_recipe) == (5, 0, None)


# ------------------------------------------------------------------------------------ last success and alarm


def test_before_the_first_batch_there_is_no_alarm():
    """A pipeline that never ran has not failed."""
    assert last_success([], HOURS, NOW) is None
    assert last_success([metrics(at=ago(999))], HOURS, NOW, ecosystem="pypi") is None


def test_a_pipeline_that_puts_off_everything_stands_still():
    """Held back by an operator, a breaker or the budget for days: somebody must be told of that as well."""
    found = last_success([metrics(at=ago(49), ecosystems={"npm": counts(deferred=3)})], HOURS, NOW)
    assert found is not None
    assert (found.at, found.alarm) == (None, True)


@pytest.mark.parametrize(("hours", "alarm"), [(0, False), (47.9, False), (48, False), (48.1, True), (9999, True)])
def test_the_alarm_rings_after_more_than_its_hours(hours, alarm):
    """At the limit it is silent, beyond it rings."""
    found = last_success([metrics(1, at=ago(hours)), metrics(2, ecosystems={"npm": NONE})], HOURS, NOW)
    assert found is not None
    assert (found.alarm, found.hours) == (alarm, pytest.approx(hours, abs=0.001))
    assert found.batch_id is not None
    assert found.batch_id.endswith("-001")


def test_whoever_never_succeeded_waits_since_the_first_try():
    """Absence of success is alarming also where there never was one."""
    tries = [metrics(n, at=ago(60 - n), ecosystems={"npm": NONE}) for n in range(3)]
    found = last_success(tries, HOURS, NOW)
    assert found is not None
    assert (found.at, found.batch_id, found.alarm) == (None, None, True)
    assert found.hours == pytest.approx(60)


def test_each_ecosystem_has_its_own_last_success():
    """One that does well must not hide one that does not; asked for alone, its alarm is the one that rings."""
    every = [
        metrics(1, at=ago(60), ecosystems={"npm": counts(included=1), "pypi": counts(included=1)}),
        metrics(2, at=ago(1), ecosystems={"npm": counts(included=1), "pypi": NONE}),
    ]
    found = levels(every)
    assert found.last_success is not None
    assert not found.last_success.alarm
    assert {name: last.alarm for name, last in found.last_success_by_ecosystem.items()} == {"npm": False, "pypi": True}
    alone = levels(every, ecosystem="pypi")
    assert alone.last_success == found.last_success_by_ecosystem["pypi"]
    assert list(alone.last_success_by_ecosystem) == list(alone.success) == ["pypi"]


# ------------------------------------------------------------------------------------ what is asked for

EVERY = [
    metrics(1, at=ago(30), ecosystems={"npm": counts(included=1)}),
    metrics(2, at=ago(20), ecosystems={"pypi": counts(included=1)}),
    metrics(3, at=ago(10), ecosystems={"npm": NONE, "pypi": NONE}, platforms={"darwin-arm64": {}, "darwin-x86_64": {}}),
]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (Query(), [1, 2, 3]),
        (Query(last=2), [2, 3]),
        (Query(last=9), [1, 2, 3]),
        (Query(ecosystem="npm"), [1, 3]),
        (Query(ecosystem="npm", last=1), [3]),
        (Query(since=ago(20)), [2, 3]),
        (Query(since=ago(20), ecosystem="npm"), [3]),
        (Query(since=NOW), []),
        (Query(ecosystem="cargo"), []),
    ],
)
def test_batches_are_chosen(query, numbers):
    """The last ones are counted among those that the other options leave."""
    assert [int(line.batch_id[-3:]) for line in chosen(query, EVERY)] == numbers


def test_a_report_is_narrowed_to_what_was_asked_for():
    """An ecosystem's packages and traffic, a platform's verdicts; the last success is looked for in all batches."""
    found = report(Query(ecosystem="npm", platform="darwin-arm64", last=1), EVERY, [entry("pypi:a")], [], HOURS, NOW)
    assert (found.batches, found.known_batches) == (1, 3)
    assert found.totals.ecosystems == {"npm": NONE}
    assert list(found.totals.platforms) == ["darwin-arm64"]
    assert found.service_levels.queue_age.days.count + found.service_levels.queue_age.unknown == 0
    assert found.service_levels.last_success is not None
    assert found.service_levels.last_success.batch_id == EVERY[0].batch_id
    assert [(each.attempted, each.included) for each in found.last_batches] == [(2, 0)]
