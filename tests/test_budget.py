"""The budget: minutes of an ISO week, what they still allow, and to whom."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import RunnerClass
from pipeline.control.budget import (
    DIGITS,
    BudgetState,
    in_sample,
    minutes_used,
    runner_class,
    standings,
    stop_for_class,
    updated,
    week_start,
)
from pipeline.instants import instant, timestamp
from pipeline.model import Attempt, AttemptOutcome, Budget, Gate, Stage
from pipeline.platforms import ALL_PLATFORMS
from tests.builders import NOW, config

LIMITS = config().budget
LINUX, MACOS = "linux-debian-glibc-x86_64", "darwin-arm64"
MONDAY = "2026-03-02"
NEXT_MONDAY = "2026-03-09T00:00:00Z"


def moments(first: datetime, last: datetime) -> st.SearchStrategy[datetime]:
    """Return moments in UTC to the second."""
    seconds = st.integers(int(first.timestamp()), int(last.timestamp()))
    return seconds.map(lambda second: datetime.fromtimestamp(second, UTC))


MOMENTS = moments(datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
SECONDS = st.floats(0, 1e6)
ATTEMPTS = st.builds(
    Attempt,
    source=st.sampled_from(["npm:a", "npm:b", "pypi:a"]),
    stage=st.sampled_from(Stage),
    platform=st.sampled_from([LINUX, MACOS]),
    outcome=st.sampled_from(AttemptOutcome),
    attempt=st.integers(1, 3),
    seconds=SECONDS,
    at=moments(datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC)).map(timestamp),
)


def identity(line: Attempt) -> tuple[object, ...]:
    """Return what makes a line of the journal the same as another."""
    return line.source, line.batch_id, line.stage, line.platform, line.attempt, line.at


def limits(**over):
    return config(budget=over).budget


def attempt(seconds: float = 60, *, at: datetime | str = NOW, platform: str = LINUX, number: int = 1, **fields):
    """Return the journal's line of a validation."""
    moment = at if isinstance(at, str) else timestamp(at)
    given = {"source": "npm:a", "stage": Stage.VALIDATE, "outcome": AttemptOutcome.SUCCEEDED, **fields}
    return Attempt(**given, platform=platform, attempt=number, seconds=seconds, at=moment)


def stop(linux: float, source: str = "npm:a", *, extra: float = 0, week: str | None = MONDAY, on=LIMITS, now=NOW):
    """Return what the budget says to a package on this class after so many minutes."""
    return stop_for_class(Budget(linux_minutes_used=linux, week_start=week), extra, on, LINUX, source, now)


# ------------------------------------------------------------------------------------ counting


def test_each_platform_belongs_to_a_class_of_machines():
    """darwin runs on macOS machines, all the rest on Linux."""
    assert {runner_class(p.id) for p in ALL_PLATFORMS if p.os == "darwin"} == {RunnerClass.MACOS}
    assert {runner_class(p.id) for p in ALL_PLATFORMS if p.os == "linux"} == {RunnerClass.LINUX}


def test_only_validations_of_this_week_count():
    """From Monday 00:00 UTC to the next one, whatever the offset in which a line tells its time."""
    lines = [
        attempt(60, at="2026-03-02T00:00:00Z"),
        attempt(120, at="2026-03-08T23:59:59Z"),
        attempt(240, at="2026-03-02T01:30:00+02:00"),  # Sunday in UTC
        attempt(480, at="2026-03-09T00:00:00Z"),
        attempt(960, stage=Stage.GENERATE),
        attempt(30, platform=MACOS),
        attempt(1920, at="2026-02-30T00:00:00Z"),  # no calendar has it
    ]
    assert minutes_used(lines, NOW) == {RunnerClass.LINUX: 3, RunnerClass.MACOS: 0.5}


def test_a_line_that_two_branches_brought_counts_once():
    """Another try, platform or batch is another line."""
    line = attempt(60, batch_id="2026-03-02-npm-001")
    others = [
        attempt(60, number=2),
        attempt(60, platform="linux-alpine-musl-x86_64"),
        attempt(60, batch_id="2026-03-02-npm-002"),
    ]
    assert minutes_used([line, line, *others, line], NOW)[RunnerClass.LINUX] == 4


@given(unique=st.lists(ATTEMPTS, max_size=20, unique_by=identity), data=st.data())
def test_minutes_depend_neither_on_order_nor_on_repeats(unique, data):
    """The journal is a set of lines: a merge may repeat them and change their order."""
    mixed = data.draw(st.permutations([*unique, *data.draw(st.permutations(unique))]))
    assert minutes_used(mixed, NOW) == minutes_used(unique, NOW)


@given(lines=st.lists(ATTEMPTS, max_size=20, unique_by=identity))
def test_minutes_are_those_of_the_iso_calendars_week(lines):
    """The sum is that of the validations whose ISO year and week are those of now."""
    week = NOW.isocalendar()[:2]
    for runner, minutes in minutes_used(lines, NOW).items():
        costs = [
            line.seconds / 60
            for line in lines
            if line.stage is Stage.VALIDATE
            and runner_class(line.platform) is runner
            and instant(line.at).isocalendar()[:2] == week
        ]
        assert minutes == pytest.approx(sum(costs), abs=10**-DIGITS)


@given(lines=st.lists(ATTEMPTS, max_size=20, unique_by=identity), now=MOMENTS)
def test_minutes_are_never_negative_and_more_lines_are_never_fewer_minutes(lines, now):
    """A longer journal cannot give minutes back."""
    before = minutes_used(lines[:-1], NOW)
    after = minutes_used(lines, NOW)
    assert all(minutes >= 0 for minutes in [*after.values(), *minutes_used(lines, now).values()])
    assert all(after[runner] >= before[runner] for runner in RunnerClass)


@given(now=MOMENTS)
def test_a_week_begins_on_monday_and_is_the_iso_calendars(now):
    """Also where the ISO year is not that of the calendar: 29 December may be in week 1, 3 January in week 53."""
    begin = week_start(now)
    assert timedelta(0) <= now - begin < timedelta(days=7)
    assert (begin.weekday(), begin.time()) == (0, datetime.min.time())
    assert begin.isocalendar()[:2] == now.isocalendar()[:2]


@pytest.mark.parametrize(
    ("at", "now", "counts"),
    [
        ("2026-12-28T00:00:00Z", datetime(2027, 1, 3, 23, 59, tzinfo=UTC), True),  # both in 2026-W53
        ("2026-12-31T12:00:00Z", datetime(2027, 1, 4, tzinfo=UTC), False),
        ("2025-12-29T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC), True),  # both in 2026-W01
        ("2025-12-28T23:59:59Z", datetime(2025, 12, 29, tzinfo=UTC), False),
    ],
)
def test_weeks_at_the_end_of_a_year(at, now, counts):
    """New Year does not cut a week in two."""
    assert (minutes_used([attempt(60, at=at)], now)[RunnerClass.LINUX] == 1) is counts


# ------------------------------------------------------------------------------------ the control file


def test_the_budget_is_set_not_added_to():
    """Publishing the same journal twice gives the same numbers."""
    used = {RunnerClass.LINUX: 4100.0, RunnerClass.MACOS: 12.5}
    once = updated(Budget(linux_minutes_used=3000, week_start=MONDAY), used, LIMITS, NOW)
    assert once == Budget(macos_minutes_used=12.5, linux_minutes_used=4100, week_start=MONDAY, sampling_active=True)
    assert updated(once, used, LIMITS, NOW) == once


def test_a_new_week_begins_at_zero():
    """With no line of the new week, nothing of the old one is left."""
    old = Budget(macos_minutes_used=990, linux_minutes_used=4990, week_start=MONDAY, sampling_active=True)
    later = NOW + timedelta(days=7)
    assert updated(old, minutes_used([attempt(6000)], later), LIMITS, later) == Budget(week_start="2026-03-09")


def test_a_class_without_minutes_is_not_short_of_them():
    """`sampling_active` tells of a week that runs out, not of a class that is switched off."""
    none = limits(runners={"macos": {"minutes_per_week": 0}})
    assert not updated(Budget(), {}, none, NOW).sampling_active


# ------------------------------------------------------------------------------------ what may be validated


@pytest.mark.parametrize(
    ("minutes", "state"),
    [
        (0, BudgetState.FREE),
        (3999.9, BudgetState.FREE),
        (4000, BudgetState.SAMPLING),
        (4749.9, BudgetState.SAMPLING),
        (4750, BudgetState.SPENT),
        (9000, BudgetState.SPENT),
    ],
)
def test_the_limits_hold_exactly(minutes, state):
    """Of 5,000 minutes: from 80 % on a sample, from 95 % on nothing."""
    by_class = {each.runner: each.state for each in standings(Budget(linux_minutes_used=minutes), LIMITS, NOW)}
    assert by_class == {RunnerClass.LINUX: state, RunnerClass.MACOS: BudgetState.FREE}
    stopped = [stop(minutes, f"npm:p{number}") is not None for number in range(200)]
    match state:
        case BudgetState.FREE:
            assert not any(stopped)
        case BudgetState.SAMPLING:
            assert any(stopped)
            assert not all(stopped)
        case BudgetState.SPENT:
            assert all(stopped)


def test_a_stop_says_what_why_and_until_when():
    """The reason stands in the pull request's list of left-out packages: it must tell all without the code."""
    told = stop(4740, extra=20)
    assert told is not None
    assert told.gate is Gate.BUDGET
    assert told.rule == "less than 95 % of a week's linux minutes are used"
    assert told.value == "linux: 4760.0 of 5000 minutes used (95 %)"
    assert (told.since, told.until) == ("2026-03-02T00:00:00Z", NEXT_MONDAY)
    assert "budget.runners.linux.minutes_per_week" in told.remedy
    outside = next(f"npm:p{n}" for n in range(100) if not in_sample(f"npm:p{n}", LIMITS.sample_share, NOW))
    sampled = stop(4000, outside)
    assert sampled is not None
    assert "25 %" in sampled.rule
    assert "4000.0 of 5000" in sampled.value
    assert "sample" in sampled.value


@pytest.mark.parametrize(
    "week", ["2026-02-23", "2026-03-01", "2026-03-01T23:59:59Z", "2026-03-02T00:30:00+01:00", "2026-W09"]
)
def test_minutes_of_an_earlier_week_do_not_count(week):
    """Monday's first run is not held up by last week's numbers."""
    assert stop(5000, week=week) is None
    assert stop(5000, week=week, extra=4750) is not None


@pytest.mark.parametrize("week", [MONDAY, "2026-03-04", "2026-03-02T00:00:00Z", None, "soon", ""])
def test_minutes_of_this_or_an_unknown_week_count(week):
    """A damaged date must not set the meter to zero; the next publication sets it right."""
    assert stop(5000, week=week) is not None


def test_a_class_without_minutes_runs_nothing():
    """`minutes_per_week: 0` switches a class off, sampled packages included."""
    assert stop(0, on=limits(runners={"linux": {"minutes_per_week": 0}})) is not None


def test_classes_have_minutes_of_their_own():
    """macOS at its limit leaves Linux alone."""
    budget = Budget(macos_minutes_used=1000, week_start=MONDAY)
    assert stop_for_class(budget, 0, LIMITS, MACOS, "npm:a", NOW) is not None
    assert stop_for_class(budget, 0, LIMITS, LINUX, "npm:a", NOW) is None


@given(
    fewer=st.floats(0, 6000),
    more=st.floats(0, 6000),
    extra=st.floats(0, 6000),
    number=st.integers(0, 1000),
    sample_at=st.floats(0, 1),
    stop_at=st.floats(0, 1),
    share=st.floats(0, 1),
)
def test_more_minutes_never_allow_more(fewer, more, extra, number, sample_at, stop_at, share):
    """What a budget stops, every larger use of it stops, in whatever order the two limits stand."""
    on = limits(sample_at=sample_at, stop_at=stop_at, sample_share=share)
    source = f"npm:p{number}"
    if stop(fewer, source, on=on) is not None:
        assert stop(fewer + more, source, on=on) is not None
        assert stop(fewer, source, extra=extra, on=on) is not None


@given(source=st.from_regex(r"npm:[a-z]{1,20}", fullmatch=True), share=st.floats(0, 1), now=MOMENTS, data=st.data())
def test_the_sample_is_the_same_all_week(source, share, now, data):
    """Asked at any moment of a week, by any process, a package is in the sample or not; a larger share keeps it in."""
    other = week_start(now) + data.draw(st.timedeltas(timedelta(0), timedelta(days=7) - timedelta(microseconds=1)))
    assert in_sample(source, share, now) == in_sample(source, share, other)
    assert not in_sample(source, share, now) or in_sample(source, min(1.0, share + 0.1), now)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.25, 0.5, 1.0])
def test_the_sample_is_as_large_as_asked(share):
    """Of 20,000 packages, within 4 standard deviations (1.5 % at most)."""
    count = 20_000
    taken = sum(in_sample(f"npm:package-{number}", share, NOW) for number in range(count))
    assert abs(taken / count - share) <= 4 * (share * (1 - share) / count) ** 0.5


def test_each_week_has_another_sample():
    """A package that a short week leaves out is not left out for ever."""
    weeks = [NOW + timedelta(days=7 * number) for number in range(60)]
    assert all(any(in_sample(f"npm:p{n}", 0.25, week) for week in weeks) for n in range(100))


def test_a_budget_round_trips():
    """What the control file gets is what it gave, with every key of the field's format."""
    budget = updated(Budget(), {RunnerClass.LINUX: 1 / 3}, LIMITS, NOW)
    assert msgspec.json.decode(msgspec.json.encode(budget), type=Budget) == budget
