"""Two copies of the state made one."""

from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.model import BatchState, EntryStatus
from pipeline.publishing.joining import joined_control, joined_ledger, joined_lines, joined_queue
from pipeline.publishing.state_files import StateFiles
from pipeline.store import Paths, encode
from tests.builders import config, entry, queue
from tests.builders_ledger import FILES, ledger_entry


def text(*lines):
    return b"".join(line + b"\n" for line in lines)


TIMES = [f"2026-03-02T1{hour}:00:00Z" for hour in range(4)]
LINES = st.lists(
    st.builds(
        lambda source, at: msgspec.json.encode({"source": source, "at": at}),
        st.sampled_from("abc"),
        st.sampled_from(TIMES),
    ),
    unique=True,
    max_size=8,
)


@given(LINES, LINES)
def test_no_line_of_either_side_is_lost_and_none_is_there_twice(ours, theirs):
    """In the order of time; joining once more, from either side, changes nothing."""
    found = joined_lines(text(*ours), text(*theirs))
    lines = found.splitlines()
    assert sorted(lines) == sorted({*ours, *theirs})
    assert joined_lines(found, text(*theirs)) == found
    assert joined_lines(text(*ours), found) == found
    if set(ours) - set(theirs) and set(theirs) - set(ours):
        times = [line.partition(b'"at":')[2] for line in lines]
        assert times == sorted(times)


def test_a_torn_line_stays_where_it_was():
    """It is nobody's attempt, and spoils no other."""
    torn = b'{"source":"a","at":"2026-'
    found = joined_lines(torn, text(b'{"source":"b","at":"2026-03-02T10:00:00Z"}'))
    assert found.splitlines() == [b'{"source":"b","at":"2026-03-02T10:00:00Z"}', torn]


# ------------------------------------------------------------------------------------ ledger


def ledger(*entries):
    return text(*map(msgspec.json.encode, entries))


BUILT = ledger_entry()
DONE = ledger_entry(state=BatchState.PUBLISHED, commit="1" * 40)
LATE = {"published_at": "2026-03-02T14:00:00Z", "at": "2026-03-02T14:00:00Z"}


def test_a_batch_that_both_published_is_the_one_that_was_saved_first():
    """Our own lines of it go; what became of it here since stays."""
    mine = [ledger_entry(**LATE), ledger_entry(state=BatchState.PUBLISHED, commit="1" * 40, **LATE)]
    assert joined_ledger(ledger(*mine), ledger(BUILT, DONE)) == (ledger(BUILT, DONE), {DONE.batch_id})
    merged = ledger_entry(state=BatchState.MERGED, commit="1" * 40, at="2026-03-02T15:00:00Z")
    assert joined_ledger(ledger(*mine, merged), ledger(BUILT, DONE))[0] == ledger(BUILT, DONE, merged)


def test_what_both_have_seen_of_a_batch_is_said_once():
    """A merge that two machines note at two times is one."""
    one, two = (ledger_entry(state=BatchState.MERGED, at=f"2026-03-02T1{hour}:00:00Z") for hour in (5, 6))
    assert joined_ledger(ledger(BUILT, DONE, two), ledger(BUILT, DONE, one))[0] == ledger(BUILT, DONE, one)


def test_lines_of_one_second_stand_in_the_order_in_which_a_batch_comes_further():
    """The last line of an id counts."""
    other = ledger_entry(batch_id="2026-03-02-npm-001")
    assert joined_ledger(ledger(BUILT, DONE), ledger(other))[0] == ledger(other, BUILT, DONE)
    assert joined_ledger(ledger(other), ledger(BUILT, DONE))[0] == ledger(BUILT, other, DONE)


def test_one_id_for_two_batches_is_refused():
    """Whichever recipes differ, or packages without one."""
    with pytest.raises(PipelineError, match="was made twice, with other recipes"):
        joined_ledger(ledger(ledger_entry(files=FILES[:1])), ledger(BUILT, DONE))


STATES = st.lists(st.sampled_from(list(BatchState)), max_size=4)


@given(STATES, STATES)
def test_joining_ledgers_again_changes_nothing(ours, theirs):
    """Whatever each side knows of a batch."""
    mine, others = (
        ledger(
            *(ledger_entry(state=state, at=f"2026-03-02T1{number}:0{side}:00Z") for number, state in enumerate(states))
        )
        for side, states in enumerate((ours, theirs))
    )
    found, _ = joined_ledger(mine, others)
    assert joined_ledger(found, others)[0] == found
    assert set(others.splitlines()) <= set(found.splitlines())
    assert joined_ledger(mine, found)[0] == found


# ------------------------------------------------------------------------------------ queue

SOURCES = ("npm:a", "npm:b", "npm:c")
ENTRIES = st.builds(
    lambda source, status, priority, failures: entry(source, status=status, priority=priority, failure_count=failures),
    st.sampled_from(SOURCES),
    st.sampled_from(list(EntryStatus)[:3]),
    st.integers(1, 2),
    st.integers(0, 1),
)
QUEUES = st.lists(ENTRIES, max_size=4).map(lambda entries: encode(queue(*entries)))


@given(QUEUES, QUEUES, QUEUES, st.booleans())
def test_what_only_one_side_has_changed_is_taken(before, ours, theirs, ours_count):
    """A side that changed nothing has no say; joining what is joined already changes nothing."""
    join = joined_queue
    assert join(before, before, theirs, ours_count=ours_count) == theirs
    assert join(before, ours, before, ours_count=ours_count) == ours
    assert join(before, ours, ours, ours_count=ours_count) == ours
    found = join(before, ours, theirs, ours_count=ours_count)
    assert join(before, found, theirs, ours_count=ours_count) == found


def test_changes_of_different_entries_and_of_different_things_are_both_there():
    """Somebody wants a package more while a batch has it in review."""
    before = queue(entry("npm:a"), entry("npm:b"))
    ours = queue(entry("npm:a", status="in_review"), entry("npm:b"), entry("npm:new"))
    theirs = queue(entry("npm:a", priority=1), entry("npm:b", status="failed", failure_count=1))
    found = joined_queue(encode(before), encode(ours), encode(theirs), ours_count=False)
    told = [(each["source"], each["status"], each["priority"]) for each in msgspec.json.decode(found)["entries"]]
    assert told == [("npm:a", "in_review", 1), ("npm:b", "failed", 2), ("npm:new", "pending", 2)]


def test_a_decision_is_never_put_together_of_two():
    """Status, failures and the next retry say one thing."""
    before = queue(entry("npm:a"))
    ours = queue(entry("npm:a", status="in_review"))
    theirs = queue(entry("npm:a", status="failed", failure_count=3, next_retry_at=TIMES[0]))
    for count, status, failures in ((True, "in_review", 0), (False, "failed", 3)):
        (found,) = msgspec.json.decode(joined_queue(encode(before), encode(ours), encode(theirs), ours_count=count))[
            "entries"
        ]
        assert (found["status"], found["failure_count"]) == (status, failures)


def test_an_entry_that_one_side_removed_is_gone():
    """Also when the other has changed it: a person has decided."""
    both, one = encode(queue(entry("npm:a"), entry("npm:b"))), encode(queue(entry("npm:a")))
    changed = encode(queue(entry("npm:a"), entry("npm:b", status="failed")))
    assert joined_queue(both, one, changed, ours_count=True) == one


# ------------------------------------------------------------------------------------ control

BREAKER = {"state": "open", "failures": 5, "last_failure": TIMES[0], "opened_at": TIMES[0], "opens_at": TIMES[1]}


def control(**fields):
    return encode_json(fields)


def encode_json(fields):
    return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"


def told(content):
    return msgspec.json.decode(content)


def test_each_breaker_is_that_of_the_side_that_has_moved_it():
    """Where both have, theirs is: ours is fed to it again."""
    ours = control(circuit_breaker={"npm": BREAKER, "pypi": {"failures": 1}}, note="kept")
    theirs = control(circuit_breaker={"pypi": {"failures": 2}})
    found = told(joined_control(control(), ours, theirs))
    assert found == {"circuit_breaker": {"pypi": {"failures": 2}, "npm": BREAKER}, "note": "kept"}


def test_what_people_edit_on_the_base_moves_no_breaker_and_no_budget():
    """An old copy of these is in any checkout."""
    edit = control(enabled=False, reason="look", circuit_breaker={"npm": BREAKER}, budget={"linux_minutes_used": 1})
    state = control(enabled=True, budget={"linux_minutes_used": 7})
    found = told(joined_control(control(enabled=True), edit, state, edits_only=True))
    assert found == {"enabled": False, "reason": "look", "budget": {"linux_minutes_used": 7}}


def test_an_edit_that_is_known_already_takes_nothing_back():
    """The switch that was thrown since stays."""
    edit, state = control(enabled=True), control(enabled=False, reason="by hand")
    assert joined_control(edit, edit, state, edits_only=True) == state


@pytest.mark.parametrize(("was", "mine", "others"), list(product([True, False], repeat=3)))
def test_a_switch_is_what_was_said_last(was, mine, others):
    """By the side that changed it; ours when both did, as it is saved later."""
    found = told(joined_control(control(enabled=was), control(enabled=mine), control(enabled=others)))
    assert found["enabled"] is (others if mine is was else mine)


def test_an_order_that_only_one_side_has_ever_had_is_kept(tmp_path):
    """A rollback's batch waits for nothing; one that both had, and one side has removed, is gone."""
    files = StateFiles(Paths(tmp_path), config())
    order = {"data/pull-requests/2026-01-05-npm-001.json": b"{}"}
    assert files.joined({}, order, {}) == files.joined({}, {}, order) == order
    assert files.joined(order, order, {}) == files.joined(order, {}, order) == {}
