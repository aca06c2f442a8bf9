"""Selection: gates in their order, turns between ecosystems, priority first."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.control.stops import stop_for
from pipeline.instants import timestamp
from pipeline.model import Breaker, BreakerState, Control, EntryStatus, Gate, InputFingerprints
from pipeline.selection.batch import make_batch, select
from pipeline.selection.situation import Situation
from pipeline.selection.statuses import CANDIDATES
from pipeline.source import ecosystem_of
from tests.builders import NOW, config, entry, queue

GENERATORS = frozenset({"npm", "pypi"})
FINGERPRINTS = InputFingerprints(queue="0" * 64, control="1" * 64, config="2" * 64)


def situation(*entries, control=None, **fields):
    """Return a situation in which npm and PyPI packages may be tried."""
    given = {"config": config(), "generators": GENERATORS, "revisions": dict.fromkeys(GENERATORS, 1), "now": NOW}
    return Situation(queue=queue(*entries), control=control or Control(), **{**given, **fields})


def sources(*entries, control=None, **over):
    """Return the selected sources and the gate of each entry that was left out."""
    chosen = select(situation(*entries, control=control, config=config(**over)))
    gates = {source: left.gate for left in chosen.left_out for source in left.sources}
    return [item.source for item in chosen.selected], gates


def test_ecosystems_take_turns_within_a_priority():
    """A long list of one ecosystem does not push the other back."""
    selected, _ = sources(*(entry(f"npm:n{i}") for i in range(3)), *(entry(f"pypi:p{i}") for i in range(3)))
    assert selected == ["npm:n0", "pypi:p0", "npm:n1", "pypi:p1", "npm:n2", "pypi:p2"]


def test_priority_comes_before_turns():
    """All of priority 1 is taken before any of priority 2."""
    selected, _ = sources(entry("npm:a", priority=2), entry("pypi:b", priority=1), entry("pypi:c", priority=1))
    assert selected == ["pypi:b", "pypi:c", "npm:a"]


def test_the_batch_has_its_size_and_the_rest_is_named():
    """What does not fit is left out by `batch_full`, not forgotten."""
    selected, gates = sources(entry("npm:a"), entry("npm:b"), batch={"size": 1})
    assert selected == ["npm:a"]
    assert gates == {"npm:b": Gate.BATCH_FULL}


@pytest.mark.parametrize("status", [status for status in EntryStatus if status not in CANDIDATES])
def test_what_is_done_or_needs_a_person_is_no_candidate(status):
    """Pending, failed and blocked entries are; every other status is a gate of its own."""
    assert sources(entry("npm:a", status=status)) == ([], {"npm:a": Gate.STATUS})


def test_a_second_entry_of_a_source_is_left_out():
    """A duplicate would be worked on twice."""
    chosen = select(situation(entry("npm:a"), entry("npm:a", name="b")))
    assert [item.source for item in chosen.selected] == ["npm:a"]
    assert [(left.gate, left.count) for left in chosen.left_out] == [(Gate.DUPLICATE_SOURCE, 1)]


def test_ecosystems_without_a_generator_are_named_when_the_queue_is_read():
    """What cannot work is decided before anything is tried."""
    assert sources(entry("manual:x"))[1] == {"manual:x": Gate.NO_GENERATOR}


def test_what_nothing_can_try_is_left_out_until_a_platform_waits_for_others():
    """A recipe that can never pass is not made each hour; the remedy names the runner that would do."""
    chosen = select(situation(entry("npm:a"), untried=frozenset({"npm"})))
    (left,) = chosen.left_out
    assert (left.gate, left.sources) == (Gate.NO_RUNNER, ["npm:a"])


def test_a_batch_can_be_limited_to_ecosystems():
    """`batch.ecosystems` leaves the others out, with a gate."""
    selected, gates = sources(entry("npm:a"), entry("pypi:b"), batch={"ecosystems": ["pypi"]})
    assert (selected, gates) == (["pypi:b"], {"npm:a": Gate.NOT_IN_BATCH_ECOSYSTEMS})


def test_the_kill_switch_leaves_nothing():
    """`enabled: false` holds everything, with the operator's reason."""
    chosen = select(situation(entry("npm:a"), control=Control(enabled=False, reason="incident")))
    assert chosen.selected == []
    assert chosen.left_out[0].gate is Gate.PIPELINE_DISABLED
    assert "incident" in chosen.left_out[0].value


def test_a_disabled_ecosystem_is_held_and_the_other_goes_on():
    """`disabled_ecosystems` is enforced in the plan."""
    selected, gates = sources(entry("npm:a"), entry("pypi:b"), control=Control(disabled_ecosystems=["npm"]))
    assert (selected, gates) == (["pypi:b"], {"npm:a": Gate.ECOSYSTEM_DISABLED})


def test_an_open_breaker_holds_until_its_time_and_then_lets_one_probe_through():
    """`opens_at` is the time from which an open breaker may be probed."""
    later = timestamp(NOW + timedelta(minutes=1))
    open_breaker = Control(circuit_breaker={"npm": Breaker(state=BreakerState.OPEN, opens_at=later)})
    assert sources(entry("npm:a"), control=open_breaker) == ([], {"npm:a": Gate.BREAKER_OPEN})
    due = Control(circuit_breaker={"npm": Breaker(state=BreakerState.OPEN, opens_at=timestamp(NOW))})
    assert sources(entry("npm:a"), entry("npm:b"), control=due) == (["npm:a"], {"npm:b": Gate.BREAKER_OPEN})


def test_an_entry_is_due_from_its_retry_time_on():
    """A retry time in the year 1734, which the field's overflow wrote, is simply past."""
    old = entry("npm:old", next_retry_at="1734-11-05T09:10:11.123456789Z")
    now = entry("npm:now", next_retry_at=timestamp(NOW))
    later = entry("npm:later", next_retry_at="2026-03-02T14:00:01+02:00")
    selected, gates = sources(old, now, later)
    assert selected == ["npm:old", "npm:now"]
    assert gates == {"npm:later": Gate.NOT_DUE}


ENTRIES = st.lists(
    st.builds(
        entry,
        st.sampled_from([f"{eco}:{name}" for eco in ("npm", "pypi", "nix") for name in "abcdef"]),
        priority=st.integers(1, 3),
        status=st.sampled_from(EntryStatus),
        next_retry_at=st.sampled_from([None, "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]),
    ),
    max_size=30,
)


@given(entries=ENTRIES, size=st.integers(1, 20), disabled=st.sets(st.sampled_from(["npm", "pypi"])))
def test_every_entry_is_selected_or_left_out_with_a_gate(entries, size, disabled):
    """No package leaves the pipeline without a reason."""
    control = Control(disabled_ecosystems=sorted(disabled))
    chosen = select(situation(*entries, control=control, config=config(batch={"size": size})))
    told = Counter(item.source for item in chosen.selected)
    for left in chosen.left_out:
        assert left.count == len(left.sources) > 0
        told.update(left.sources)
    assert told == Counter(item.source for item in entries)
    assert len(chosen.selected) <= size
    for item in chosen.selected:
        assert stop_for(control, ecosystem_of(item.source), NOW) is None


@given(entries=ENTRIES)
def test_no_ecosystem_gets_two_more_turns_than_another_that_still_waits(entries):
    """Rotation is fair within each priority."""
    chosen = select(situation(*entries, config=config(batch={"size": 1000})))
    for priority in (1, 2, 3):
        lane = [ecosystem_of(item.source) for item in chosen.selected if item.priority == priority]
        totals = Counter(lane)
        for end in range(len(lane)):
            seen = Counter(lane[:end])
            for one in totals:
                for other in totals:
                    if seen[other] < totals[other]:
                        assert seen[one] <= seen[other] + 1


def test_a_batch_id_is_never_used_twice():
    """The number follows the highest of the day, whatever ecosystem it was for."""
    chosen = select(situation(entry("npm:a")))
    used = ["2026-03-02-mixed-001", "2026-03-02-npm-007", "2026-03-01-npm-090"]
    assert make_batch(chosen, FINGERPRINTS, NOW, used).id == "2026-03-02-npm-008"
    both = select(situation(entry("npm:a"), entry("pypi:b")))
    assert make_batch(both, FINGERPRINTS, NOW, []).id == "2026-03-02-mixed-001"
