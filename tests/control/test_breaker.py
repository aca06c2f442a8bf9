"""The breaker: what moves it, what does not, and how long it waits."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import BreakerConfig
from pipeline.control.breaker import (
    INFRASTRUCTURE,
    Event,
    admit,
    catch_up,
    count,
    events_of,
    open_minutes,
    release,
)
from pipeline.control.stops import may_try
from pipeline.instants import instant, timestamp
from pipeline.model import (
    Attempt,
    AttemptOutcome,
    Breaker,
    BreakerState,
    Control,
    Gate,
    Probe,
    Stage,
    Subcategory,
)
from tests.builders import NOW, config

SHIPPED = config().breaker
CLOSED = Breaker()
SETTINGS = st.builds(
    BreakerConfig,
    failures=st.integers(1, 8),
    open_minutes=st.integers(30, 43_200),
    growth=st.floats(1, 10),
    longest_open_minutes=st.integers(30, 43_200),
    probe_lease_minutes=st.integers(1, 30),
)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def event(minutes: float, *, answered: bool, stage: Stage = Stage.GENERATE, source: str = "npm:a") -> Event:
    return Event(at=timestamp(at(minutes)), source=source, stage=stage, answered=answered)


def after(breaker: Breaker, *events: Event, settings: BreakerConfig = SHIPPED) -> Breaker:
    for one in events:
        breaker = count(breaker, one, settings)
    return breaker


def failures(number: int, *, stage: Stage = Stage.GENERATE, minutes: float = 0) -> list[Event]:
    return [event(minutes, answered=False, stage=stage, source=f"npm:f{index}") for index in range(number)]


def opened(**fields: object) -> Breaker:
    """Return a breaker that opened at `NOW` and is due an hour later."""
    return msgspec.structs.replace(after(CLOSED, *failures(5)), **fields)


# ------------------------------------------------------------------------------------ opening


@given(settings=SETTINGS)
def test_it_opens_with_the_last_of_so_many_failures_in_a_row(settings):
    """One fewer leaves it closed; the wait is counted from the last."""
    before = after(CLOSED, *failures(settings.failures - 1), settings=settings)
    assert (before.state, before.failures) == (BreakerState.CLOSED, settings.failures - 1)
    now = after(before, event(0, answered=False), settings=settings)
    assert (now.state, now.failures, now.opened_at) == (BreakerState.OPEN, settings.failures, timestamp(NOW))
    assert instant(now.opens_at) == at(min(settings.open_minutes, settings.longest_open_minutes))


def test_an_answer_of_the_same_stage_begins_the_row_anew():
    """Four failures, an answer and four more are no outage."""
    four = failures(4)
    assert after(CLOSED, *four, event(1, answered=True), *four).state is BreakerState.CLOSED


def test_an_answer_of_another_stage_says_nothing_about_this_one():
    """Metadata that is answered does not hide that no sandbox starts."""
    mixed = [one for failed in failures(5, stage=Stage.VALIDATE) for one in (event(0, answered=True), failed)]
    assert after(CLOSED, *mixed).state is BreakerState.OPEN


@given(answers=st.lists(st.sampled_from([Stage.GENERATE, Stage.VALIDATE])))
def test_a_healthy_registry_writes_nothing(answers):
    """Answers leave a breaker that never failed untouched, so that nothing needs to be kept."""
    assert after(CLOSED, *(event(i, answered=True, stage=stage) for i, stage in enumerate(answers))) is CLOSED


# ------------------------------------------------------------------------------------ waiting


@given(settings=SETTINGS, failed=st.integers(0, 10**40))
def test_a_wait_is_bounded_and_never_shrinks(settings, failed):
    """For any number of failed probes: the field's exponent overflowed at 23."""
    wait = open_minutes(failed, settings)
    first = min(settings.open_minutes, settings.longest_open_minutes)
    assert first <= open_minutes(0, settings) <= wait <= settings.longest_open_minutes
    assert wait <= open_minutes(failed + 1, settings)


def test_the_shipped_waits_double_from_an_hour_to_a_day():
    """60 minutes, growing by 2, to 24 hours."""
    assert [round(open_minutes(n, SHIPPED), 6) for n in range(7)] == [60, 120, 240, 480, 960, 1440, 1440]


def test_each_failed_probe_waits_longer():
    """The probe's failure opens it again, counted from then; who waits sees since when."""
    breaker, minutes = opened(), 60
    for wait in (120, 240, 480):
        breaker, stop = admit(breaker, "npm:p", at(minutes), SHIPPED)
        assert stop is None
        breaker = after(breaker, event(minutes, answered=False, source="npm:p"))
        assert (breaker.state, breaker.probe, breaker.opened_at) == (BreakerState.OPEN, None, timestamp(NOW))
        minutes += wait
        assert instant(breaker.opens_at) == at(minutes)


# ------------------------------------------------------------------------------------ probing


def test_an_open_breaker_admits_nobody_before_its_time():
    """The refusal names the number, since when and until when."""
    breaker, stop = admit(opened(), "npm:a", at(59), SHIPPED)
    assert breaker == opened()
    assert (stop.gate, stop.since, stop.until) == (Gate.BREAKER_OPEN, timestamp(NOW), timestamp(at(60)))
    assert "npm: open after 5 failures in a row" in stop.value


def test_one_package_is_admitted_and_everyone_else_refused():
    """Also the same package in another process: only who holds the lease may renew it."""
    probing, stop = admit(opened(), "npm:p", at(60), SHIPPED)
    assert stop is None
    assert probing.probe == Probe(source="npm:p", until=timestamp(at(90)))
    for source in ("npm:q", "npm:p"):
        same, refused = admit(probing, source, at(61), SHIPPED)
        assert same == probing
        assert refused.until == timestamp(at(90))
        assert "npm:p is the probe" in refused.value
    renewed, stop = admit(probing, "npm:p", at(61), SHIPPED, held=probing.probe)
    assert stop is None
    assert renewed.probe.until == timestamp(at(91))


def test_a_lease_ends_by_itself_and_by_being_returned():
    """A probe whose process died, or whose package was blocked, keeps nobody out for long."""
    probing, _ = admit(opened(), "npm:p", at(60), SHIPPED)
    taken, stop = admit(probing, "npm:q", at(90), SHIPPED)
    assert (taken.probe.source, stop) == ("npm:q", None)
    assert release(taken, probing.probe) == taken
    free = release(taken, taken.probe)
    assert (free.state, free.probe) == (BreakerState.HALF_OPEN, None)
    assert admit(free, "npm:r", at(91), SHIPPED)[0].probe.source == "npm:r"


def test_success_closes():
    """The probe's answer opens the way for all; only when the last failure was stays known."""
    probing, _ = admit(opened(), "npm:p", at(60), SHIPPED)
    closed = after(probing, event(60, answered=True, source="npm:p"))
    assert closed == Breaker(last_failure=timestamp(NOW), fed_until=timestamp(at(60)))
    assert admit(closed, "npm:a", at(60), SHIPPED) == (closed, None)


def test_it_closes_when_each_failing_stage_has_answered():
    """A recipe that is made says nothing about the sandbox that was missing."""
    both = after(CLOSED, *failures(3), *failures(2, stage=Stage.VALIDATE))
    probing, _ = admit(both, "npm:p", at(60), SHIPPED)
    half = after(probing, event(60, answered=True, source="npm:p"))
    assert (half.state, half.stages) == (BreakerState.HALF_OPEN, [Stage.VALIDATE])
    assert after(half, event(61, answered=True, stage=Stage.VALIDATE, source="npm:p")).state is BreakerState.CLOSED


def test_a_stage_that_is_not_tried_any_more_is_forgotten():
    """Without minutes or a runner nothing validates: two of the longest waits later any answer closes."""
    breaker = after(CLOSED, *failures(5, stage=Stage.VALIDATE))
    day = 1440
    assert after(breaker, event(2 * day, answered=True)).state is BreakerState.OPEN
    assert after(breaker, event(2 * day + 1, answered=True)).state is BreakerState.CLOSED


@pytest.mark.parametrize("answered", [True, False])
def test_what_was_under_way_when_it_opened_decides_nothing(answered):
    """A late answer does not close it, a late failure does not lengthen the wait."""
    breaker = after(opened(), event(59, answered=answered))
    assert (breaker.state, breaker.opens_at) == (BreakerState.OPEN, timestamp(at(60)))


@pytest.mark.parametrize("answered", [True, False])
def test_while_a_probe_is_out_only_the_probe_decides(answered):
    """Another's late result leaves the probe its lease."""
    probing, _ = admit(opened(), "npm:p", at(60), SHIPPED)
    breaker = after(probing, event(61, answered=answered, source="npm:late"))
    assert (breaker.state, breaker.probe) == (BreakerState.HALF_OPEN, probing.probe)


def test_results_from_another_machine_decide_without_a_lease():
    """A batch whose probe was validated elsewhere asked nobody here for a lease."""
    assert after(opened(), event(60, answered=True, source="npm:p")).state is BreakerState.CLOSED
    assert after(opened(), event(60, answered=False, source="npm:p")).failed_probes == 1


# ------------------------------------------------------------------------------------ files with the documented keys


@pytest.mark.parametrize(
    ("raw", "due"),
    [
        ({"state": "closed", "failures": 0, "last_failure": None, "opens_at": None}, True),
        ({"state": "closed", "failures": 9, "last_failure": "2026-03-01T00:00:00Z"}, True),
        ({"state": "open", "failures": 5, "opens_at": "2026-03-01T00:00:00Z"}, True),
        ({"state": "open", "failures": 5, "opens_at": "2999-01-01T00:00:00+02:00"}, False),
        ({"state": "open"}, True),
        ({"state": "half-open", "failures": 5, "opens_at": "2026-03-01T00:00:00.5Z"}, True),
        ({"state": "half-open"}, True),
        ({}, True),
    ],
)
def test_a_file_with_only_the_documented_keys_works(raw, due):
    """It admits when it is due (an open one without a time is), closes with an answer and counts failures."""
    breaker = msgspec.convert(raw, Breaker)
    assert may_try(breaker, NOW) is due
    admitted, stop = admit(breaker, "npm:p", NOW, SHIPPED)
    assert (stop is None) is due
    if due:
        assert after(admitted, event(0, answered=True, source="npm:p")).state is BreakerState.CLOSED
    more = after(breaker, *failures(5))
    assert (more.state, more.failures) == (BreakerState.OPEN, breaker.failures + 5)


# ------------------------------------------------------------------------------------ what is an event


def attempt(source: str = "npm:a", **fields: object) -> Attempt:
    given = {"stage": Stage.GENERATE, "outcome": AttemptOutcome.SUCCEEDED, "at": timestamp(NOW)}
    return Attempt(**{"source": source, **given, **fields})


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("outcome", list(AttemptOutcome))
def test_only_results_of_generate_and_validate_are_events(stage, outcome):
    """Deferred and blocked say nothing, neither does what people did."""
    cause = Subcategory.TIMEOUT if outcome is AttemptOutcome.TRANSIENT else None
    line = attempt(stage=stage, outcome=outcome, subcategory=cause)
    told = [one.answered for one in events_of([line])]
    meets = stage in {Stage.GENERATE, Stage.VALIDATE}
    says = {AttemptOutcome.SUCCEEDED: [True], AttemptOutcome.FAILED: [True], AttemptOutcome.TRANSIENT: [False]}
    assert told == (says.get(outcome, []) if meets else [])


@pytest.mark.parametrize("cause", list(Subcategory))
def test_a_transient_failure_counts_when_the_infrastructure_caused_it(cause):
    """No executables, bad metadata and all else of the package's never move the breaker towards open."""
    lines = [attempt(outcome=AttemptOutcome.TRANSIENT, subcategory=cause)]
    assert bool(events_of(lines)) is (cause in INFRASTRUCTURE)


def test_the_line_of_a_recipe_from_a_stored_answer_says_that_the_registry_did_not_answer():
    """As its live event does: whichever is counted, the breaker ends the same."""
    line = attempt(outcome=AttemptOutcome.SUCCEEDED, subcategory=Subcategory.UPSTREAM_UNAVAILABLE)
    assert [one.answered for one in events_of([line])] == [False]


def test_events_come_by_time_and_those_that_no_calendar_has_not_at_all():
    """Offsets count; a line of 30 February stops nothing."""
    lines = [
        attempt("npm:late", at="2026-03-02T12:00:01Z"),
        attempt("npm:never", at="2026-02-30T12:00:00Z"),
        attempt("npm:early", at="2026-03-02T13:00:00+02:00"),
        attempt("npm:end", at="9999-12-31T23:59:59-12:00"),
    ]
    assert [one.source for one in events_of(lines)] == ["npm:early", "npm:late"]


# ------------------------------------------------------------------------------------ twice


def test_live_events_of_one_second_all_count_and_their_records_count_no_more():
    """Records write whole seconds; five failures in one are five, and stay five when the batch is published."""
    live = failures(4)
    breaker = after(CLOSED, *live)
    assert breaker.failures == 4
    assert catch_up({"npm": breaker}, live, SHIPPED, at(9)) == {"npm": breaker}


def test_records_of_one_second_from_elsewhere_all_count_once():
    """What a matrix of machines brings is counted by the publication, and by its repetition not again."""
    events = [*failures(3), event(0, answered=False, source="pypi:b")]
    once = catch_up({}, events, SHIPPED, at(9))
    assert {name: breaker.failures for name, breaker in once.items()} == {"npm": 3, "pypi": 1}
    assert catch_up(once, events, SHIPPED, at(9)) == once


def test_a_clock_that_is_ahead_does_not_blind_the_breaker():
    """What is dated in the future happened now; what happens afterwards still counts."""
    ahead = Event(at="9999-12-31T23:59:59Z", source="npm:x", stage=Stage.GENERATE, answered=False)
    known = catch_up({}, [ahead], SHIPPED, NOW)["npm"]
    assert (known.failures, known.fed_until) == (1, timestamp(NOW))
    assert catch_up({"npm": known}, [event(1, answered=False)], SHIPPED, at(9))["npm"].failures == 2


EVENTS = st.lists(
    st.builds(
        event,
        st.integers(0, 5000),
        answered=st.booleans(),
        stage=st.sampled_from([Stage.GENERATE, Stage.VALIDATE]),
        source=st.sampled_from(["npm:a", "npm:b", "pypi:c"]),
    ),
    max_size=40,
).map(lambda events: sorted(events, key=lambda one: one.at))


@given(events=EVENTS, settings=SETTINGS, cut=st.integers(0, 40))
def test_feeding_is_idempotent_and_may_be_cut_anywhere(events, settings, cut):
    """A publication that was killed and repeated, or made in two parts, ends like one."""
    now = at(6000)
    whole = catch_up({}, events, settings, now)
    assert catch_up(whole, events, settings, now) == whole
    moment = events[cut].at if cut < len(events) else timestamp(now)
    early = catch_up({}, [one for one in events if one.at < moment], settings, now)
    assert catch_up(early, events, settings, now) == whole


@given(events=EVENTS, settings=SETTINGS)
def test_whatever_happened_it_can_be_kept(events, settings):
    """Every breaker is a valid record, with all times in UTC."""
    breakers = catch_up({}, events, settings, at(6000))
    control = Control(circuit_breaker=breakers)
    assert msgspec.json.decode(msgspec.json.encode(control), type=Control) == control
    for breaker in breakers.values():
        assert breaker.opens_at is None or instant(breaker.opens_at).tzinfo == UTC
