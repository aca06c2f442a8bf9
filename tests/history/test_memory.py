"""All lines of the journal become one memory, in whatever order and how often they are there."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.history.memory import Counts, Memory, goes_on, identity, in_order, in_utc, remember
from pipeline.model import AttemptOutcome, Stage
from tests.builders_journal import BEGAN, line, lines, stories


def memory(attempts) -> Memory:
    return remember(Memory(), in_order(attempts))


@given(st.lists(lines(), max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_matter(story, random):
    """Two branches that are joined give the same history whichever comes first."""
    shuffled = list(story)
    random.shuffle(shuffled)
    assert memory(shuffled) == memory(story)


@given(stories, st.data())
def test_a_line_that_is_there_twice_counts_once(story, data):
    """A merge keeps what both branches have."""
    again = data.draw(st.lists(st.sampled_from(story))) if story else []
    assert memory([*story, *again]) == memory(story)


@given(stories.map(in_order), st.integers(min_value=0, max_value=30))
def test_lines_may_be_added_later_when_they_are_newer(story, cut):
    """So the index need not read what it has folded; when a line is not newer, it says so."""
    first, rest = story[:cut], story[cut:]
    before = memory(first)
    if goes_on(before, rest):
        assert remember(before, rest) == memory(story)
    else:
        newest = {each.source: each.at for each in first}
        assert any(each.at <= newest.get(each.source, "") for each in rest)


@given(stories)
@settings(max_examples=50)
def test_what_is_known_already_is_never_gone_on_from(story):
    """A line that is read a second time is found to be no newer, unless it is a detail."""
    ends = [each for each in story if each.stage not in {Stage.GENERATE, Stage.VALIDATE}]
    assert goes_on(memory(story), ends) is (not ends)


@given(stories)
def test_attempts_of_all_days_are_the_tries_of_all_packages(story):
    """The counts by day and the histories come from the same lines."""
    known = memory(story)
    total = known.recent(BEGAN + timedelta(days=10), 30)
    ends = [each for each in in_order(story) if each.stage is Stage.PAYLOAD]
    assert total.attempts == sum(each.outcome is not AttemptOutcome.DEFERRED for each in ends)
    assert 0 <= total.again <= total.attempts
    assert (total.again > 0) >= any(package.repeated_at for package in known.packages.values())


def test_only_the_days_that_are_asked_for_count():
    """A day is one of UTC, and today is the first of them."""
    known = memory([line(0), line(180), line(60 * 24 * 2)])
    assert known.recent(BEGAN + timedelta(days=2), 1) == Counts(attempts=1, again=1)
    assert known.recent(BEGAN + timedelta(days=2), 3).attempts == 3
    assert known.recent(BEGAN + timedelta(days=40), 30) == Counts()


@pytest.mark.parametrize(
    ("given_time", "expected"),
    [
        ("2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z"),
        ("2026-03-02T12:00:00.999999999Z", "2026-03-02T12:00:00Z"),
        ("2026-03-31T23:30:00-02:00", "2026-04-01T01:30:00Z"),
        ("2026-02-30T12:00:00Z", None),
        ("2026-02-30T12:00:00+01:00", None),
        ("0001-01-01T00:00:00+02:00", None),
        ("9999-12-31T23:59:59-02:00", None),
        ("0999-01-01T00:00:00.5Z", "0999-01-01T00:00:00Z"),
    ],
)
def test_times_sort_as_text(given_time, expected):
    """Records allow any offset, and the 30th of February; neither may break a fold."""
    assert in_utc(given_time) == expected


def test_lines_with_an_impossible_time_are_left_out():
    """They are damage, as a torn line is."""
    assert in_order([line(0, at="2026-02-30T12:00:00Z")]) == []


def test_stages_of_one_second_come_in_their_order():
    """A package that is requeued in the second in which its batch was published is requeued."""
    requeued = line(0, stage=Stage.REQUEUE, outcome=AttemptOutcome.REQUEUED)
    assert [each.stage for each in in_order([requeued, line(0)])] == [Stage.PAYLOAD, Stage.REQUEUE]


def test_the_identity_of_a_line_is_the_attempt_not_what_came_of_it():
    """So a line that is made again with another message is not appended a second time."""
    first = line(0)
    assert identity(msgspec.structs.replace(first, message="other")) == identity(first)
    for field, value in {"source": "npm:b", "batch_id": None, "platform": "x", "attempt": 2, "at": line(1).at}.items():
        assert identity(msgspec.structs.replace(first, **{field: value})) != identity(first)


def test_what_is_rolled_back_and_asked_for_again_in_one_second_was_asked_for():
    """A script is quicker than the journal's clock; the requeue stands, whichever line is read first."""
    taken_out = line(stage=Stage.ROLLBACK, outcome=AttemptOutcome.ROLLED_BACK, at="2026-03-02T12:00:00Z")
    asked_for = line(stage=Stage.REQUEUE, outcome=AttemptOutcome.REQUEUED, at="2026-03-02T12:00:00Z")
    for story in ([taken_out, asked_for], [asked_for, taken_out]):
        known = memory(story).packages[taken_out.source]
        assert known.rolled_back_at is None
        assert known.last_outcome is AttemptOutcome.REQUEUED
