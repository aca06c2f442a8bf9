"""The age of a release: three states, an exact boundary, and no way to wait for ever."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.admission.release_age import judge
from pipeline.instants import instant, timestamp
from pipeline.model import Decision, GateVerdict, Knowledge, Release
from tests.builders import NOW
from tests.builders_admission import candidate, gates
from tests.builders_payload import evidence

SECOND = timedelta(seconds=1)
FIRST, LAST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
ANY_CLOCK = st.integers(0, (LAST - FIRST) // SECOND).map(lambda seconds: FIRST + seconds * SECOND)
TIMES = st.none() | ANY_CLOCK.map(timestamp)


def released(ago: timedelta, **fields: object) -> GateVerdict:
    """Return the verdict on a release of some time ago."""
    return judge(candidate(evidence=evidence(released_at=timestamp(NOW - ago)), **fields))


def seen(since: str | None) -> Release:
    """Return the release of the sample as an earlier batch saw it."""
    sample = evidence()
    return Release(version=sample.version, artifact=sample.artifact.name, digest=sample.artifact.digest, since=since)


@pytest.mark.parametrize("late", [timedelta(0), SECOND, timedelta(days=900)])
def test_a_release_is_old_enough_from_the_very_moment_on(late):
    """72 hours are enough, to the second."""
    assert released(timedelta(hours=72) + late).decision is Decision.PASS


def test_a_second_before_it_waits_for_that_second():
    """The wait ends when it is old enough, not a day later."""
    verdict = released(timedelta(hours=72) - SECOND)
    assert (verdict.decision, verdict.until) == (Decision.HOLD, timestamp(NOW + SECOND))


@given(st.timedeltas(timedelta(0), timedelta(hours=72)))
def test_what_waits_passes_at_the_moment_that_it_was_told(age):
    """Also where times have fractions of a second, which records do not."""
    at = (NOW - age).isoformat()
    sample = candidate(evidence=evidence(released_at=at), now=NOW)
    verdict = judge(sample)
    if verdict.decision is Decision.HOLD:
        assert instant(verdict.until) > NOW
        assert judge(msgspec.structs.replace(sample, now=instant(verdict.until))).decision is Decision.PASS
    else:
        assert instant(at) + timedelta(hours=72) <= NOW


@pytest.mark.parametrize("stated", [None, timestamp(NOW + timedelta(days=900))], ids=["no time", "a time ahead"])
def test_without_a_time_it_is_as_old_as_it_is_known(stated):
    """First seen now, it waits for 72 hours; seen for so long with the same bytes, it passes."""
    without = evidence(released_at=stated, age_days=None)
    first = judge(candidate(evidence=without))
    assert (first.decision, first.until) == (Decision.HOLD, timestamp(NOW + timedelta(hours=72)))
    known = Knowledge(releases=[seen(timestamp(NOW - timedelta(hours=72)))])
    assert judge(candidate(evidence=without, knowledge=known)).decision is Decision.PASS
    other = Knowledge(releases=[msgspec.structs.replace(known.releases[0], version="3.4.1")])
    assert judge(candidate(evidence=without, knowledge=other)).decision is Decision.HOLD


def test_an_unknown_age_may_only_be_reported():
    """By policy it is a risk at once."""
    verdict = judge(candidate(evidence=evidence(released_at=None), config=gates(release_age={"unknown": "report"})))
    assert (verdict.decision, verdict.value) == (Decision.RISK, "the registry gives no release time")


@pytest.mark.parametrize(("source", "decision"), [("cask:tool", Decision.RISK), ("npm:tool", Decision.HOLD)])
def test_an_unknown_age_is_only_reported_where_people_review_each_release(source, decision):
    """A known one counts there, too."""
    assert judge(candidate(source=source, evidence=evidence(released_at=None))).decision is decision
    assert released(timedelta(hours=1), source=source).decision is Decision.HOLD


@pytest.mark.parametrize(("policy", "decision"), [("report", Decision.RISK), ("manual", Decision.PERSON)])
def test_a_package_that_releases_faster_than_it_ages_ends_its_wait_at_the_deadline(policy, decision):
    """Each release is an hour old, and the first wait began 14 days ago."""
    known = Knowledge(held_since=timestamp(NOW - timedelta(days=14)))
    verdict = released(timedelta(hours=1), knowledge=known, config=gates(release_age={"at_deadline": policy}))
    assert verdict.decision is decision
    earlier = Knowledge(held_since=timestamp(NOW - timedelta(days=14) + SECOND))
    nearly = released(timedelta(hours=1), knowledge=earlier)
    assert (nearly.decision, nearly.until) == (Decision.HOLD, timestamp(NOW + SECOND))


@given(at=TIMES, since=TIMES, held=TIMES, now=ANY_CLOCK)
def test_no_clock_makes_it_wait_longer_than_the_deadline(at, since, held, now):
    """Whatever registry, journal and machine take for the time: the end lies ahead, and not far ahead."""
    known = Knowledge(releases=[seen(since)], held_since=held)
    verdict = judge(candidate(evidence=evidence(released_at=at), knowledge=known, now=now))
    if verdict.decision is Decision.HOLD:
        assert timedelta(0) < instant(verdict.until) - now <= timedelta(hours=72)
    else:
        assert verdict.until is None


@given(steps=st.lists(st.timedeltas(timedelta(0), timedelta(days=3)), min_size=1, max_size=60), dated=st.booleans())
def test_a_story_of_holds_comes_to_an_end(steps, dated):
    """A new release at each look, with a time or without: by the deadline it goes on."""
    now, held = NOW, None
    for number, step in enumerate(steps):
        now += step
        sample = evidence(version=f"1.0.{number}", released_at=timestamp(now) if dated else None)
        verdict = judge(candidate(evidence=sample, knowledge=Knowledge(held_since=held), now=now))
        held = held or timestamp(now)
        waited = now - instant(held)
        assert (verdict.decision is Decision.HOLD) == (waited < timedelta(days=14))
