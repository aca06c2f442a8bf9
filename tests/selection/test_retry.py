"""Backoff after what passes by itself, quarantine after what does not."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import QuarantineConfig, RetryConfig
from pipeline.instants import instant, timestamp
from pipeline.model import AttemptOutcome, Gate, Subcategory
from pipeline.selection.retry import delay_hours, needs_person, next_try, quarantine
from tests.builders import NOW, config
from tests.builders_selection import before, concluded, failed, told

RETRY = config().retry
QUARANTINE = config().quarantine
STEADY = RetryConfig(delays_hours=[0, 24, 72], longest_hours=168, jitter=0)
HOURS = st.floats(0, 8760, allow_subnormal=False)
CONFIGS = st.builds(
    RetryConfig,
    delays_hours=st.lists(HOURS, min_size=1, max_size=5),
    longest_hours=st.floats(0.1, 8760),
    jitter=st.floats(0, 0.5),
)


def test_the_delays_are_those_of_the_configuration_then_double_up_to_the_longest():
    """At once, a day, three days, six, then a week."""
    assert [delay_hours(streak, "npm:a", STEADY) for streak in range(8)] == [0, 0, 24, 72, 144, 168, 168, 168]


@given(streak=st.integers(-1, 10**9), source=st.sampled_from(["npm:a", "pypi:b"]), settings=CONFIGS)
def test_a_delay_is_bounded_for_any_count(streak, source, settings):
    """The field's delay overflowed at the 23rd failure; this one stays between 0 and the longest."""
    assert 0 <= delay_hours(streak, source, settings) <= settings.longest_hours


@given(streak=st.integers(1, 40), settings=CONFIGS)
def test_the_jitter_keeps_its_share_and_is_the_same_each_time(streak, settings):
    """It spreads packages, not the answers about one."""
    plain = RetryConfig(delays_hours=settings.delays_hours, longest_hours=settings.longest_hours, jitter=0)
    base, delay = delay_hours(streak, "npm:a", plain), delay_hours(streak, "npm:a", settings)
    assert delay == delay_hours(streak, "npm:a", settings)
    assert base * (1 - settings.jitter) - 1e-6 <= delay <= base * (1 + settings.jitter) + 1e-6


def test_packages_that_failed_together_do_not_come_back_together():
    """Also at the longest delay, where the spread may go one way only."""
    for streak in (2, 9):
        delays = {delay_hours(streak, f"npm:p{i}", RETRY) for i in range(100)}
        assert len(delays) == 100
        assert max(delays) - min(delays) > 0.08 * max(delays)


@given(streaks=st.integers(1, 60))
def test_without_jitter_a_longer_streak_never_waits_less(streaks):
    """Backoff only grows."""
    assert delay_hours(streaks, "npm:a", STEADY) <= delay_hours(streaks + 1, "npm:a", STEADY)


def test_the_next_try_counts_from_the_failure_and_not_from_a_later_deferral():
    """What was put off was no try, so it must not put off the next one either."""
    transient = concluded(AttemptOutcome.TRANSIENT, before(hours=30))
    again = concluded(AttemptOutcome.TRANSIENT, before(hours=20))
    put_off = concluded(AttemptOutcome.DEFERRED, before(hours=1))
    assert next_try(told(transient), "npm:a", STEADY) == before(hours=30)
    assert next_try(told(transient, again), "npm:a", STEADY) == before(hours=-4)
    assert next_try(told(transient, again, put_off), "npm:a", STEADY) == before(hours=-4)
    assert next_try(told(), "npm:a", STEADY) is None


def test_a_package_that_is_blocked_again_and_again_backs_off():
    """Set free each hour and blocked at once, it would be tried for ever: its blockers' names are not what it lacks."""
    blocks = [concluded(AttemptOutcome.BLOCKED, before(hours=9 - i)) for i in range(3)]
    assert next_try(told(blocks[0]), "npm:a", STEADY) is None
    assert next_try(told(*blocks[:2]), "npm:a", STEADY) == before(hours=8)
    assert next_try(told(*blocks), "npm:a", STEADY) == before(hours=7 - 24)


def test_a_next_try_beyond_the_calendar_is_its_end():
    """A date of the year 9999 in the journal is no reason to crash."""
    known = told(*(concluded(AttemptOutcome.TRANSIENT, "9999-12-31T00:00:00Z") for _ in range(9)))
    assert next_try(known, "npm:a", STEADY) == "9999-12-31T23:59:59Z"


# ------------------------------------------------------------------------------------ quarantine


def held(known, *, current="now", now=NOW):
    """Return what the quarantine says when the fingerprint is made from these."""
    return quarantine(known, "npm:a", lambda _source, upstream: f"{current} {upstream}", now, QUARANTINE)


def test_an_unchanged_failure_stands_until_its_days_have_passed():
    """Since when, until when and what would change it are told."""
    known = told(failed(before(days=9), fingerprint="now None"), failed(before(days=2), fingerprint="now None"))
    stop = held(known)
    assert (stop.gate, stop.value) == (Gate.QUARANTINED, "no_stable_version")
    assert (stop.since, stop.until) == (before(days=9), before(days=2 - QUARANTINE.days))
    assert "doit requeue" in stop.remedy


@pytest.mark.parametrize("current", ["another revision", "another policy"])
def test_a_change_of_the_generator_or_the_policy_is_seen_without_asking_anybody(current):
    """The fingerprint is made again from the upstream digest that was recorded."""
    known = told(failed(before(days=1), fingerprint="now " + "a" * 64, upstream="a" * 64))
    assert held(known) is not None
    assert held(known, current=current) is None


def test_a_change_upstream_that_a_recheck_saw_ends_the_quarantine():
    """It is seen by `doit recheck`, which writes a line."""
    failure = failed(before(days=2), fingerprint="now None")
    recheck = concluded(AttemptOutcome.CHANGED, before(days=1), stage="recheck")
    assert held(told(failure)) is not None
    assert held(told(failure, recheck)) is None


@given(days=st.integers(0, 90), limit=st.integers(1, 60))
def test_time_ends_a_quarantine_exactly_after_its_days(days, limit):
    """Not before, and not never."""
    settings = QuarantineConfig(days=limit, causes=3, share=0.02, recheck_hours=1)
    known = told(failed(before(days=days), fingerprint="same"))
    stop = quarantine(known, "npm:a", lambda *_: "same", NOW, settings)
    assert (stop is None) == (days >= limit)
    if stop is not None:
        assert instant(stop.until) > NOW
        assert quarantine(known, "npm:a", lambda *_: "same", instant(stop.until), settings) is None
        last = instant(stop.until) - timedelta(seconds=1)
        assert quarantine(known, "npm:a", lambda *_: "same", last, settings) is not None


def test_a_failure_without_a_fingerprint_ends_by_time_alone():
    """Nobody can tell whether anything has changed."""
    assert held(told(failed(before(days=1), fingerprint=None))) is not None
    assert held(told(failed(before(days=31), fingerprint=None))) is None


# ------------------------------------------------------------------------------------ a person


def test_different_causes_ask_for_a_person_and_repeats_of_one_do_not():
    """Three by the shipped configuration."""
    causes = [Subcategory.NO_STABLE_VERSION, Subcategory.NEEDS_BUILD, Subcategory.NEEDS_BUILD, Subcategory.YANKED]
    lines = [failed(before(days=9 - i), subcategory=cause) for i, cause in enumerate(causes)]
    assert [bool(needs_person(told(*lines[:count]), QUARANTINE)) for count in range(5)] == [
        False, False, False, False, True,
    ]  # fmt: skip
    assert "no_stable_version, needs_build, yanked" in needs_person(told(*lines), QUARANTINE)


def test_no_executables_asks_for_a_person_at_once():
    """A library stays one."""
    assert needs_person(told(failed(before(days=1), subcategory=Subcategory.NO_EXECUTABLES)), QUARANTINE)


def test_success_and_requeue_forget_the_causes():
    """What a person asked for again starts afresh."""
    bad = failed(before(days=3), subcategory=Subcategory.NO_EXECUTABLES)
    for end in (
        concluded(AttemptOutcome.SUCCEEDED, before(days=1)),
        concluded(AttemptOutcome.REQUEUED, before(days=1), stage="requeue"),
    ):
        assert needs_person(told(bad, end), QUARANTINE) == ""
        assert held(told(bad, end)) is None


def test_moments_are_whole_seconds_in_utc():
    """As the journal writes them, so that they sort as text."""
    known = told(*(concluded(AttemptOutcome.TRANSIENT, timestamp(NOW)) for _ in range(3)))
    assert next_try(known, "npm:a", RETRY).endswith("Z")
