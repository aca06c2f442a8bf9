"""The arithmetic of the rate limit."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pipeline.slots import (
    LONGEST_PENALTY,
    PUNCTUAL,
    Slots,
    claim,
    delay,
    due,
    from_bytes,
    is_late,
    push_back,
    to_bytes,
    unknown,
)

rates = st.floats(min_value=0.01, max_value=100.0)
times = st.floats(min_value=0.0, max_value=1e7)
gaps = st.floats(min_value=0.0, max_value=3.0)
penalties = st.floats(min_value=-10.0, max_value=1e6)


@given(rate=rates, start=times, steps=st.lists(gaps, max_size=60))
def test_any_window_of_claims_keeps_the_rate(rate, start, steps):
    """Of N requests granted at any moments whatever, the first and the last are (N - 1) / rate apart."""
    slots, now, granted = Slots(), start, []
    for step in steps:
        now += step
        slots, wait = claim(slots, now, rate)
        if wait == 0.0:
            granted.append(now)
    for first in range(len(granted)):
        for last in range(first, len(granted)):
            assert granted[last] - granted[first] >= (last - first) / rate * 0.9999


@given(rate=rates, start=times, count=st.integers(min_value=2, max_value=50))
def test_who_waits_as_told_uses_99_percent(rate, start, count):
    """A requester that comes back exactly when told gets one slot each 1.01 / rate seconds, without loss."""
    slots, now = Slots(), start
    for _ in range(count):
        slots, wait = claim(slots, now, rate)
        while wait > 0.0:
            now = math.nextafter(now + wait, math.inf)
            slots, wait = claim(slots, now, rate)
    assert (count - 1) / rate / (now - start) >= 0.97


@given(slow=rates, fast=rates, start=times)
def test_each_requester_keeps_its_own_rate(slow, fast, start):
    """After anybody's request the next one waits for its own interval, not for that of the one before."""
    slots, _ = claim(Slots(), start, fast)
    assert due(slots, slow) - start >= 1.0 / slow * 0.9999


@given(start=times, late=st.floats(min_value=0.01, max_value=60.0), rate=rates)
def test_a_late_departure_is_kept_away_from(start, late, rate):
    """When a request leaves long after its slot was claimed, the next one keeps its distance to it."""
    slots, _ = claim(Slots(), start, rate)
    assert is_late(start, start + late)
    assert due(delay(slots, start + late), rate) >= start + late - PUNCTUAL + 1.0 / rate * 0.9999


@given(start=times, gap=gaps, rate=rates)
def test_no_departure_moves_a_slot_forward(start, gap, rate):
    """Whoever reports first: the latest of all requests counts."""
    slots, _ = claim(Slots(), start + gap, rate)
    assert due(delay(slots, start), rate) >= due(slots, rate)
    assert not is_late(start, start + PUNCTUAL / 2)


@given(start=times, first=penalties, second=penalties, rate=rates)
def test_penalties_only_ever_push_back(start, first, second, rate):
    """A second, shorter wish for patience does not shorten the first, and none is longer than a day."""
    once = push_back(Slots(), start, first)
    twice = push_back(once, start, second)
    assert due(twice, rate) >= due(once, rate)
    assert due(twice, rate) - start <= LONGEST_PENALTY + 1e-3


@given(start=times, seconds=st.floats(min_value=0.1, max_value=1e4), rate=rates)
def test_nobody_passes_before_a_penalty_ends(start, seconds, rate):
    """While the host wishes patience, no claim is granted and each is told the time left."""
    slots, wait = claim(push_back(Slots(), start, seconds), start, rate)
    assert wait > 0.0
    assert abs(wait - seconds) < 1e-6 * max(1.0, start)
    assert slots.last is None


@given(last=st.none() | times, more=gaps, penalty=penalties)
def test_the_state_survives_its_file(last, more, penalty):
    """What is written is what is read, at the same moment and later."""
    now = (last or 0.0) + more
    slots = push_back(Slots(last=last), now, penalty)
    assert from_bytes(to_bytes(slots), now) == slots
    assert from_bytes(to_bytes(slots), now + 100.0) == slots


@given(raw=st.binary(max_size=200), now=times)
def test_no_bytes_crash_it(raw, now):
    """Whatever stands in the file gives a state that holds nobody up for more than a day, or None."""
    slots = from_bytes(raw, now)
    if slots is not None:
        assert due(slots, 1.0) <= now + LONGEST_PENALTY + 1.0


def test_a_file_from_before_a_reboot_counts_for_nothing():
    """The monotonic clock starts anew at boot, so a time in the future is from before."""
    before = push_back(Slots(last=90_000.0), 90_000.0, 500.0)
    assert from_bytes(to_bytes(before), 30.0) == Slots()


def test_a_damaged_file_costs_one_interval():
    """When nothing is known, the limit is kept as if a request had just gone out."""
    for raw in (b"{", b"[1]", b'{"last": "x"}', b'{"last": 5.0, "written_at": 1.0}', b'{"not_before": 1e9}'):
        assert from_bytes(raw, 10.0) is None
    assert 10.5 <= due(unknown(10.0), 2.0) < 10.6
