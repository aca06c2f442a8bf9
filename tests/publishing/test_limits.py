"""How many pull requests may be opened now, and what is said of the others."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.forge.base import PullRequest
from pipeline.instants import instant, timestamp
from pipeline.publishing.limits import HOUR, room, stale_ones
from tests.builders import NOW, config

DAYS = 7
MINUTES = st.integers(min_value=0, max_value=12 * 24 * 60)


def pull(number, minutes):
    at = timestamp(NOW - timedelta(minutes=minutes))
    return PullRequest(number=number, url=f"p/{number}", branch="b", head="", state="open", title="", created_at=at)


@settings(max_examples=200)
@given(
    waiting=st.integers(min_value=0, max_value=8),
    ages=st.lists(MINUTES, max_size=8),
    earlier=st.lists(MINUTES, max_size=8),
    most=st.integers(min_value=1, max_value=6),
    hourly=st.integers(min_value=1, max_value=6),
)
def test_no_limit_is_passed_and_no_room_is_left(waiting, ages, earlier, most, hourly):
    """The oldest are opened, as many as both limits leave; each other one names a time at which one more may be."""
    batches = [f"2026-03-02-npm-{number:03d}" for number in range(waiting)]
    open_ones = [pull(number, age) for number, age in enumerate(ages)]
    openings = [timestamp(NOW - timedelta(minutes=minutes)) for minutes in earlier]
    publish = config(publish={"open_pull_requests": most, "pull_requests_per_hour": hourly}).publish
    shared = room(batches, open_ones, openings, publish, DAYS, NOW)
    assert [*shared.opened, *(each.batch_id for each in shared.postponed)] == batches
    fresh = len(open_ones) - len(stale_ones(open_ones, DAYS, NOW))
    recent = sum(instant(at) > NOW - HOUR for at in openings)
    assert len(shared.opened) == min(waiting, max(most - fresh, 0), max(hourly - recent, 0))
    for each in shared.postponed:
        assert each.until is not None
        assert instant(each.until) > NOW
        assert each.rule
