"""When each kind of alarm rings: at its limit it is silent, beyond it rings."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alarms.facts import facts_of
from pipeline.alarms.predicates import PREDICATES, attempted, ringing
from pipeline.commands.metrics import asked_for
from pipeline.control.breaker import Event, admit, count
from pipeline.control.budget import week_start
from pipeline.history.fold import PackageHistory
from pipeline.instants import instant, timestamp
from pipeline.model import (
    AlarmKind,
    BatchState,
    Breaker,
    BreakerState,
    Budget,
    Control,
    EntryStatus,
    Stage,
)
from tests.builders import NOW, config, entry
from tests.builders_alarm import facts
from tests.builders_ledger import ledger_entry
from tests.builders_metrics import counts, metrics

LIMITS = config().alarms
SECONDS = st.integers(0, 400 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))
NONE = counts(excluded=1)


def rings(kind, **fields):
    return [alarm.subject for alarm in PREDICATES[kind](facts(**fields))]


def known(**fields):
    """Return the facts of a pipeline from what its files say."""
    given = {"batches": [], "entries": [], "waiting": [], "history": {}, "control": Control(), **fields}
    return facts_of(config(), NOW, **given)


def test_each_kind_has_its_predicate():
    """A kind without one would never ring."""
    assert list(PREDICATES) == list(AlarmKind)


def test_a_pipeline_in_which_nothing_happened_is_quiet():
    """Nothing has failed yet."""
    assert ringing(facts()) == []


# ------------------------------------------------------------------------------------ no success


@given(SECONDS)
def test_no_success_rings_after_its_hours(ago):
    """To the second; the subject is the whole pipeline."""
    expected = [""] if ago > timedelta(hours=LIMITS.no_success_hours) else []
    assert rings(AlarmKind.NO_SUCCESS, batches=[metrics(at=NOW - ago)]) == expected


def test_an_ecosystem_rings_by_itself_while_it_is_at_work():
    """Others that do well must not hide it; one with nothing to try, or switched off, has not failed."""
    two = {"npm": counts(included=1), "pypi": counts(included=1)}
    batches = [metrics(1, at=NOW - timedelta(hours=60), ecosystems=two), metrics(2, ecosystems={"npm": two["npm"]})]
    waits, done = entry("pypi:a"), entry("pypi:a", status=EntryStatus.SUCCESS)
    assert [alarm.subject for alarm in ringing(known(batches=batches, entries=[waits]))] == ["pypi"]
    assert ringing(known(batches=batches, entries=[done])) == []
    off = Control(disabled_ecosystems=["pypi"])
    assert ringing(known(batches=batches, entries=[waits], control=off)) == []


def test_of_the_only_ecosystem_one_alarm_rings():
    """Two would say the same; the one that rings is the pipeline's, also for who asks for the ecosystem."""
    batches = [metrics(at=NOW - timedelta(hours=60), ecosystems={"npm": counts(included=1)})]
    found = ringing(known(batches=batches, entries=[entry("npm:a")]))
    assert [alarm.subject for alarm in found] == [""]
    assert asked_for(found, "npm", attempted(batches)) == asked_for(found, None, attempted(batches)) == found
    assert asked_for(found, "pypi", attempted(batches)) == []


def test_no_success_counts_from_the_last_or_from_the_first_try():
    """`since` is what the hours are counted from."""
    tried = [metrics(n, at=NOW - timedelta(hours=60 - n), ecosystems={"npm": NONE}) for n in range(3)]
    (never,) = ringing(facts(batches=tried))
    assert never.since == tried[0].at
    assert never.value == "no recipe was included for 2.5 d; there has never been one"
    once = metrics(9, at=NOW - timedelta(hours=50))
    (late,) = ringing(facts(batches=[*tried, once]))
    assert (late.since, late.at) == (once.at, timestamp(NOW))
    assert once.batch_id in late.value


# ------------------------------------------------------------------------------------ an open breaker


def broken(ago, state=BreakerState.OPEN):
    return {"npm": Breaker(state=state, opened_at=timestamp(NOW - ago))}


@given(SECONDS, st.sampled_from(BreakerState))
def test_a_breaker_rings_after_its_hours_unless_it_is_closed(ago, state):
    """Half-open is not yet well."""
    late = ago > timedelta(hours=LIMITS.breaker_open_hours) and state is not BreakerState.CLOSED
    assert rings(AlarmKind.BREAKER_OPEN, breakers=broken(ago, state)) == (["npm"] if late else [])


@given(st.integers(1, 40))
def test_failed_probes_do_not_begin_the_outage_anew(probes):
    """The hours count from the first time that it opened, through every probe; an answer ends them."""
    limits = config().breaker
    at, breaker = NOW, Breaker()
    for _ in range(limits.failures):
        breaker = count(breaker, Event(at=timestamp(at), source="npm:a", stage=Stage.GENERATE, answered=False), limits)
    for _ in range(probes):
        at = instant(breaker.opens_at)
        breaker, stop = admit(breaker, "npm:a", at, limits)
        assert (stop, breaker.state) == (None, BreakerState.HALF_OPEN)
        breaker = count(breaker, Event(at=timestamp(at), source="npm:a", stage=Stage.GENERATE, answered=False), limits)
    late = NOW + timedelta(hours=LIMITS.breaker_open_hours, seconds=1)
    (alarm,) = ringing(facts(breakers={"npm": breaker}, now=late))
    assert alarm.since == timestamp(NOW)
    at = instant(breaker.opens_at)
    well = count(breaker, Event(at=timestamp(at), source="npm:a", stage=Stage.GENERATE, answered=True), limits)
    assert ringing(facts(breakers={"npm": well}, now=at + timedelta(days=9))) == []


def test_a_breaker_of_which_nobody_knows_since_when_is_quiet():
    """A control file written by hand; the next failure dates it."""
    assert rings(AlarmKind.BREAKER_OPEN, breakers={"npm": Breaker(state=BreakerState.OPEN)}) == []


# ------------------------------------------------------------------------------------ reviews, bytes, minutes


@given(SECONDS)
def test_a_review_rings_after_its_days(ago):
    """The one that is waited for is named, with the command that takes it back."""
    waiting = [ledger_entry(state=BatchState.PUBLISHED, published_at=timestamp(NOW - ago))]
    found = ringing(known(waiting=waiting), [AlarmKind.STALE_REVIEW])
    assert [alarm.subject for alarm in found] == [waiting[0].batch_id][: ago > timedelta(days=LIMITS.review_days)]
    assert all(f"doit rollback --batch {waiting[0].batch_id}" in alarm.remedy for alarm in found)


def test_a_review_names_its_pull_request_where_there_is_one():
    """It is what a person opens."""
    old = timestamp(NOW - timedelta(days=9))
    url = "https://forge.example/o/r/pull/7"
    waiting = [ledger_entry(state=BatchState.PUBLISHED, published_at=old, pull_request=url)]
    (found,) = ringing(known(waiting=waiting))
    assert found.remedy.startswith(f"merge {url} and run")


@pytest.mark.parametrize(("status", "subjects"), [(EntryStatus.FAILED, ["npm:a"]), (EntryStatus.EXCLUDED, [])])
def test_a_frozen_package_rings_unless_a_person_gave_it_up(status, subjects):
    """At once: a version never changes."""
    frozen = {"npm:a": PackageHistory(frozen_at=timestamp(NOW))}
    found = ringing(known(history=frozen, entries=[entry("npm:a", status=status)]), [AlarmKind.CHANGED_BYTES])
    assert [alarm.subject for alarm in found] == subjects
    assert all("doit requeue npm:a" in alarm.remedy for alarm in found)


@given(st.floats(0, 6000), st.floats(0, 1200), st.integers(0, 2))
def test_the_budget_rings_when_a_class_is_spent_in_this_week(linux, macos, weeks_ago):
    """What an earlier week used is over."""
    limits = config().budget
    week = (week_start(NOW) - timedelta(weeks=weeks_ago)).date().isoformat()
    budget = Budget(linux_minutes_used=linux, macos_minutes_used=macos, week_start=week)
    used = {"linux": linux, "macos": macos}
    spent = [
        name
        for name, runner in limits.runners.items()
        if not weeks_ago and used[name] >= limits.stop_at * runner.minutes_per_week
    ]
    assert rings(AlarmKind.BUDGET_OUT, budget=budget) == spent


def test_a_class_without_minutes_is_switched_off():
    """Nobody promised any."""
    none = config(budget={"runners": {"macos": {"minutes_per_week": 0}}}).budget
    assert rings(AlarmKind.BUDGET_OUT, budget_limits=none) == []
