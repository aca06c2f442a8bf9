"""The lines of the alarms: one when it begins, one when it ends, and what the receiver of the webhook was told."""

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alarms.course import name_of, news, overview, standing, untold
from pipeline.instants import timestamp
from pipeline.model import AlarmKind
from tests.builders import NOW
from tests.builders_alarm import alarm

HOUR = timedelta(hours=1)
SUBJECTS = ("npm", "pypi", "cargo")


def told(records):
    return [msgspec.structs.replace(record, told=True) for record in records]


def kept(*hours):
    """Return the lines after checks that are an hour apart, each with what rang then."""
    records = []
    for number, rings in enumerate(hours):
        records += news(records, rings, NOW + number * HOUR)
    return records


def test_an_alarm_that_rings_for_months_is_one_line():
    """And its end is the second."""
    lines = kept(*([[alarm(value=f"for {hour} h")] for hour in range(2000)]), [])
    assert [(line.cleared, line.value) for line in lines] == [(False, "for 0 h"), (True, "for 0 h")]
    assert lines[1].at == timestamp(NOW + 2000 * HOUR)


def test_an_alarm_that_comes_and_goes_has_a_line_each_time():
    """Flapping is seen as what it is."""
    assert [line.cleared for line in kept([alarm()], [], [alarm()], [])] == [False, True, False, True]


def test_another_occasion_is_another_line():
    """The breaker closed and opened again between two checks: nobody saw the end, yet it is not the same outage."""
    again = alarm(since="2026-03-02T13:00:00Z")
    lines = kept([alarm()], [again], [again])
    assert [line.since for line in lines] == [alarm().since, again.since]


def test_a_clock_that_was_put_back_keeps_the_order():
    """An end before its beginning would never be read as the end, and be written again each hour."""
    records = news([], [alarm()], NOW)
    records += news(records, [], NOW - 5 * HOUR)
    assert [line.at for line in records] == [timestamp(NOW)] * 2
    assert news(records, [], NOW - 4 * HOUR) == []


@given(st.lists(st.sets(st.sampled_from(SUBJECTS)), max_size=12))
def test_the_lines_say_what_rang_last_and_repeating_adds_nothing(hours):
    """Whatever came and went; also when two branches wrote the same and stand in another order."""
    rings = [[alarm(subject=name) for name in sorted(names)] for names in hours]
    lines = kept(*rings)
    last = {subject for (_, subject), record in standing(lines).items() if not record.cleared}
    assert last == (hours[-1] if hours else set())
    if hours:
        assert news(lines, rings[-1], NOW + len(hours) * HOUR) == []
    assert standing(reversed([*lines, *lines])) == standing(lines)


@given(st.lists(st.tuples(st.sets(st.sampled_from(SUBJECTS)), st.booleans()), max_size=12))
def test_the_receiver_knows_what_rings_once_it_is_reached(checks):
    """Told at least once, nothing twice while it answers, and no end of what it never heard of."""
    records, believed = [], set()
    for number, (names, reached) in enumerate(checks):
        records += news(records, [alarm(subject=name) for name in sorted(names)], NOW + number * HOUR)
        asked = untold(records)
        for one in asked:
            assert (one.subject in believed) is one.cleared
        if reached:
            believed = (believed - {one.subject for one in asked if one.cleared}) | {
                one.subject for one in asked if not one.cleared
            }
            records += told(asked)
            assert believed == names
            assert untold(records) == []


def test_what_ended_lately_is_shown_and_what_rings_since_it_was_first_seen():
    """A week of what is over; the value is that of now."""
    old, late = alarm(subject="old", cleared=True), alarm(subject="late", cleared=True)
    now = NOW + timedelta(days=7)
    records = [
        msgspec.structs.replace(old, at=timestamp(NOW - HOUR)),
        late,
        alarm(AlarmKind.NO_SUCCESS, ""),
    ]
    shown = overview(records, [alarm(AlarmKind.NO_SUCCESS, "", value="9 d", at=timestamp(now))], now)
    assert [name_of(one) for one in shown.cleared] == [name_of(late)]
    assert [(one.at, one.value) for one in shown.ringing] == [(timestamp(NOW), "9 d")]


def test_a_line_with_an_impossible_time_is_left_out():
    """A merge gone wrong costs its line, not the file."""
    assert standing([alarm(at="2026-02-30T00:00:00Z")]) == {}
