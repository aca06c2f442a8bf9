"""The order among what may be tried: impact, rotation, probes, the share of repeats."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import BatchConfig
from pipeline.history.fold import NOTHING, fold
from pipeline.instants import timestamp
from pipeline.model import AttemptOutcome, Breaker, BreakerState, Control, EntryStatus, Gate, Probe
from pipeline.selection.batch import select
from tests.builders import NOW, config, entry
from tests.builders_selection import before, concluded, failed, situation, sized, told

DEFERRED, TRANSIENT, FAILED = AttemptOutcome.DEFERRED, AttemptOutcome.TRANSIENT, AttemptOutcome.FAILED
HALF_OPEN = Breaker(state=BreakerState.HALF_OPEN, failures=5)


def chosen(*entries, size=40, **fields):
    """Return the selected sources in order."""
    return [one.source for one in select(situation(*entries, config=config(batch={"size": size}), **fields)).selected]


def tried(outcome, **ago):
    """Return the history of a package that was tried once."""
    return told(concluded(outcome, before(**ago)))


def aged(days):
    """Return the history of a package whose quarantine is over by time alone."""
    return told(failed(before(days=days), now=situation()))


def test_what_sets_many_free_comes_before_what_sets_few():
    """Then the order of the queue."""
    waiting = [entry(f"npm:w{i}", status=EntryStatus.BLOCKED, blocked_by=["d", "c"][: 1 + i]) for i in range(2)]
    assert chosen(*(entry(f"npm:{name}") for name in "abcd"), *waiting) == ["npm:d", "npm:c", "npm:a", "npm:b"]


def test_new_entries_come_before_retries_and_retries_rotate():
    """The least recently tried first; being wanted by many does not let one retry pass the others."""
    history = {
        "npm:a": tried(TRANSIENT, days=1),
        "npm:b": tried(TRANSIENT, days=3),
        "npm:c": tried(DEFERRED, days=2),
    }
    waiting = entry("npm:w", status=EntryStatus.BLOCKED, blocked_by=["a"])
    entries = [entry(f"npm:{name}") for name in "abcd"]
    assert chosen(*entries, waiting, history=history) == ["npm:d", "npm:b", "npm:c", "npm:a"]


def test_what_changed_or_was_asked_for_again_comes_with_the_new_entries():
    """A retry that can end otherwise is no repeat."""
    requeued = concluded(AttemptOutcome.REQUEUED, before(hours=1), stage="requeue")
    history = {
        "npm:a": tried(TRANSIENT, days=9),
        "npm:b": told(failed(before(days=3)), requeued),
        "npm:c": told(failed(before(days=2))),  # its fingerprint is another one now
    }
    assert chosen(*(entry(f"npm:{name}") for name in "abc"), history=history) == ["npm:b", "npm:c", "npm:a"]


@pytest.mark.parametrize("outcome", [DEFERRED, TRANSIENT, AttemptOutcome.BLOCKED])
def test_what_never_gets_on_stands_back_for_all_others(outcome):
    """Else packages of priority 1 that never get their minutes would take every place for ever."""
    put_off = told(*(concluded(outcome, before(days=39 - i)) for i in range(4)))
    entries = entry("npm:a", priority=1), entry("npm:b", priority=3), entry("npm:c", priority=1)
    history = {"npm:a": put_off, "npm:c": tried(DEFERRED, days=1)}
    assert chosen(*entries, history=history) == ["npm:c", "npm:b", "npm:a"]


def test_each_place_is_explained():
    """In words that a person understands, with what they rest on."""
    waiting = entry("npm:w", status=EntryStatus.BLOCKED, blocked_by=["a"])
    history = {"npm:b": tried(TRANSIENT, days=1)}
    breakers = Control(circuit_breaker={"pypi": HALF_OPEN})
    asked = situation(entry("npm:a"), entry("npm:b"), entry("pypi:c"), waiting, history=history, control=breakers)
    assert {one.source: one.reason for one in select(asked).selected} == {
        "npm:a": "priority 2, never tried, 1 waits for it",
        "npm:b": f"priority 2, retry 1 of what passes by itself, last tried {before(days=1)}",
        "pypi:c": "probe of pypi, priority 2, never tried",
    }


# ------------------------------------------------------------------------------------ probes


def test_the_probe_is_the_least_recently_tried_and_comes_first():
    """The field probed one package 970 times, while 2,150 others starved."""
    history = {"npm:a": tried(TRANSIENT, days=1), "npm:b": tried(TRANSIENT, days=2)}
    control = Control(circuit_breaker={"npm": HALF_OPEN})
    entries = [entry("npm:a"), entry("npm:b", priority=3), entry("pypi:c", priority=1)]
    assert chosen(*entries, history=history, control=control) == ["npm:b", "pypi:c"]
    assert chosen(*entries, history=history, control=control, size=1) == ["npm:b"]


def test_probes_rotate_while_each_of_them_fails():
    """Each eligible entry has its turn before one has a second."""
    entries = [entry(f"npm:{name}") for name in "abcde"]
    history, seen = {}, []
    for hour in range(10):
        (source,) = chosen(*entries, history=history, control=Control(circuit_breaker={"npm": HALF_OPEN}))
        seen.append(source)
        history = {**history, source: tried(TRANSIENT, days=9 - hour)}
    assert sorted(seen[:5]) == [one.source for one in entries]
    assert seen[5:] == seen[:5]


@pytest.mark.parametrize(("hours", "probe"), [(-1, []), (1, ["npm:a"])])
def test_a_live_lease_of_another_entry_lets_none_through(hours, probe):
    """Another process probes; when its lease has ended, the next may."""
    leased = msgspec.structs.replace(HALF_OPEN, probe=Probe(source="npm:gone", until=before(hours=hours)))
    asked = situation(entry("npm:a"), entry("npm:b"), control=Control(circuit_breaker={"npm": leased}))
    found = select(asked)
    assert [one.source for one in found.selected] == probe
    assert {left.gate for left in found.left_out} == {Gate.BREAKER_OPEN}
    if not probe:
        assert [left.until for left in found.left_out] == [before(hours=hours)]


def test_the_entry_that_holds_the_lease_goes_on():
    """Its own batch may be made anew while it is the probe."""
    leased = msgspec.structs.replace(HALF_OPEN, probe=Probe(source="npm:b", until=before(hours=-1)))
    assert chosen(entry("npm:a"), entry("npm:b"), control=Control(circuit_breaker={"npm": leased})) == ["npm:b"]


def test_hard_gates_hold_for_probes_as_well():
    """An ecosystem in which nothing may be tried has no probe."""
    known = told(failed(before(days=1), now=situation()))
    assert chosen(entry("npm:a"), history={"npm:a": known}, control=Control(circuit_breaker={"npm": HALF_OPEN})) == []


# ------------------------------------------------------------------------------------ the share of repeats


def share(entries, history, **fields):
    """Return the selected sources, and those beyond the share."""
    found = select(situation(*entries, history=history, **fields))
    beyond = [source for left in found.left_out if left.gate is Gate.RETRY_SHARE for source in left.sources]
    return [one.source for one in found.selected], beyond


@pytest.mark.parametrize(("attempts", "again", "room"), [(0, 0, 1), (200, 0, 3), (200, 1, 2), (300, 0, 4), (200, 9, 1)])
def test_repeats_after_a_quarantine_keep_to_their_share(attempts, again, room):
    """1.5 % of the tries of 30 days, but one a day in any case; the least recently tried first."""
    entries = [entry(f"npm:{name}") for name in "abcdef"]
    history = {one.source: aged(40 + i) for i, one in enumerate(entries)}
    selected, beyond = share(entries, history, attempts=attempts, again=again)
    assert selected == [f"npm:{name}" for name in "fedcba"][:room]
    assert len(beyond) == 6 - room


def test_after_todays_repeat_in_vain_the_next_has_to_wait_a_day():
    """And the gate says until when."""
    again = told(failed(before(days=90), now=situation()), failed(before(hours=5), now=situation()))
    entries = [entry("npm:a"), entry("npm:b")]
    found = select(situation(*entries, history={"npm:a": again, "npm:b": aged(40)}, attempts=10, again=1))
    assert found.selected == []
    assert {left.gate: left.until for left in found.left_out}[Gate.RETRY_SHARE] == before(hours=-19)


def test_repeats_come_last_but_one_place_a_day_is_theirs():
    """A queue that never runs dry must not starve them."""
    new = [entry(f"npm:n{i}", priority=3) for i in range(9)]
    repeats = entry("npm:a", priority=1), entry("npm:b", priority=1)
    history = {"npm:a": aged(40), "npm:b": aged(50)}
    assert chosen(*repeats, *new, history=history, attempts=1000)[-2:] == ["npm:b", "npm:a"]
    assert chosen(*repeats, *new, history=history, attempts=1000, size=3) == ["npm:n0", "npm:n1", "npm:b"]


def test_a_wait_for_an_unknown_recipe_that_is_over_by_time_is_such_a_repeat():
    """It most likely ends as before."""
    entries = [entry(f"npm:{name}", status=EntryStatus.BLOCKED, blocked_by=["nobody"]) for name in "ab"]
    history = {one.source: tried(AttemptOutcome.BLOCKED, days=40) for one in entries}
    assert share(entries, history) == (["npm:a"], ["npm:b"])


# ------------------------------------------------------------------------------------ nobody starves


FATES = st.dictionaries(
    st.sampled_from([f"{eco}:{name}" for eco in ("npm", "pypi") for name in "abcd"]),
    st.tuples(st.integers(1, 3), st.sampled_from([DEFERRED, TRANSIENT, FAILED, AttemptOutcome.BLOCKED])),
    min_size=1,
    max_size=8,
)


@given(fates=FATES, size=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_no_entry_starves_whatever_becomes_of_the_others(fates, size):
    """Each is tried, and tried again, however often those before it are put off, fail, or are blocked by nobody."""
    entries = [entry(source, priority=priority) for source, (priority, _) in fates.items()]
    history, tries = {}, dict.fromkeys(fates, 0)
    asked = situation(*entries, config=sized(BatchConfig(size=size, ecosystems=[])))
    for round_ in range(12 * len(fates) // size + 40):
        now = NOW + timedelta(days=round_)
        found = select(replace(asked, now=now, history=history))
        for one in found.selected:
            tries[one.source] += 1
            line = concluded(fates[one.source][1], timestamp(now), source=one.source)
            if line.outcome is FAILED:
                line = failed(timestamp(now), source=one.source, fingerprint=asked.fingerprint_of(one.source, None))
            history = {**history, one.source: fold(history.get(one.source, NOTHING), line)}
    assert min(tries.values()) >= 2
