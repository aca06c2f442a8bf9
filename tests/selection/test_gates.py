"""Each gate, its order, and that no package leaves the pipeline without a reason."""

from collections import Counter

import pytest
from hypothesis import given, settings

from pipeline.model import AttemptOutcome, Breaker, BreakerState, Control, EntryStatus, Gate
from pipeline.selection.batch import select
from pipeline.selection.explain import answers
from pipeline.selection.gates import ENTRY_GATES, checks
from tests.builders import config, entry
from tests.builders_selection import SITUATIONS, before, concluded, failed, first_stop, situation, stop_of, told

BLOCKED = EntryStatus.BLOCKED


def gate_of(*given, **fields):
    """Return the first gate that is shut, None when all are open."""
    stop = stop_of(*given, **fields)
    return stop.gate if stop else None


def test_the_gates_are_asked_in_their_order():
    """The same one for the batch, for `why` and in the documentation of records."""
    assert [gate.gate for gate in ENTRY_GATES] == [
        Gate.PIPELINE_DISABLED,
        Gate.DUPLICATE_SOURCE,
        Gate.STATUS,
        Gate.NO_GENERATOR,
        Gate.NO_RUNNER,
        Gate.NOT_IN_BATCH_ECOSYSTEMS,
        Gate.ECOSYSTEM_DISABLED,
        Gate.BLOCKED,
        Gate.QUARANTINED,
        Gate.NOT_DUE,
        Gate.BREAKER_OPEN,
    ]


def test_every_gate_answers_behind_one_that_is_shut():
    """`why` shows all that holds a package, not only the first."""
    switches = Control(
        enabled=False,
        disabled_ecosystems=["npm"],
        circuit_breaker={"npm": Breaker(state=BreakerState.OPEN, opens_at=before(hours=-1))},
    )
    lost = entry("npm:a", status=BLOCKED, blocked_by=["b"], next_retry_at=before(hours=-1))
    asked = situation(lost, entry("npm:b"), control=switches, config=config(batch={"ecosystems": ["pypi"]}))
    shut = [check.gate for check in checks(asked.case(0), asked) if check.stop]
    assert shut == [
        Gate.PIPELINE_DISABLED,
        Gate.NOT_IN_BATCH_ECOSYSTEMS,
        Gate.ECOSYSTEM_DISABLED,
        Gate.BLOCKED,
        Gate.NOT_DUE,
        Gate.BREAKER_OPEN,
    ]


@pytest.mark.parametrize("status", [EntryStatus.PENDING, EntryStatus.FAILED, BLOCKED])
def test_failed_and_blocked_entries_are_candidates_once_their_gates_open(status):
    """No status is an end but those that a person set."""
    assert gate_of(entry("npm:a", status=status)) is None


# ------------------------------------------------------------------------------------ blocked


def test_a_blocked_entry_waits_until_all_its_blockers_are_there():
    """A recipe that is published, or an entry that succeeded."""
    waiting = entry("npm:a", status=BLOCKED, blocked_by=["b", "lib@2"])
    asked = entry("pypi:b"), entry("npm:lib", name="lib@2")
    stop = stop_of(waiting, told(concluded(AttemptOutcome.BLOCKED, before(days=3))), *asked, recipes=frozenset("b"))
    assert (stop.gate, stop.value) == (Gate.BLOCKED, "waits for lib@2")
    assert (stop.since, stop.until) == (before(days=3), None)
    done = entry("npm:lib", name="lib@2", status=EntryStatus.SUCCESS)
    assert gate_of(waiting, told(), asked[0], done, recipes=frozenset("b")) is None


def test_a_blocked_entry_that_names_nobody_passes():
    """Never blocked for ever for want of data."""
    assert gate_of(entry("npm:a", status=BLOCKED)) is None


def test_a_blocker_that_nobody_asks_for_holds_as_long_as_a_quarantine():
    """Thirty days from when it was found; at once when nobody knows when."""
    waiting = entry("npm:a", status=BLOCKED, blocked_by=["nobody"])
    stop = stop_of(waiting, told(concluded(AttemptOutcome.BLOCKED, before(days=29))))
    assert (stop.gate, stop.until) == (Gate.BLOCKED, before(days=-1))
    assert "nobody has asked for nobody" in stop.value
    assert gate_of(waiting, told(concluded(AttemptOutcome.BLOCKED, before(days=30)))) is None
    assert gate_of(waiting) is None


# ------------------------------------------------------------------------------------ the journal beats the queue


def test_a_quarantined_entry_is_held_whatever_the_queue_says():
    """A queue that was set back by hand or by a merge does not undo what was learned."""
    now = situation()
    assert gate_of(entry("npm:a"), told(failed(before(days=1), now=now))) is Gate.QUARANTINED
    assert gate_of(entry("npm:a", status=EntryStatus.FAILED), told(failed(before(days=1), now=now))) is Gate.QUARANTINED


def test_a_new_revision_of_the_generator_or_a_new_policy_ends_a_quarantine():
    """Both are seen by making the fingerprint again."""
    known = told(failed(before(days=1), now=situation()))
    one = entry("npm:a", status=EntryStatus.FAILED)
    assert gate_of(one, known) is Gate.QUARANTINED
    assert gate_of(one, known, revisions={"npm": 2, "pypi": 1}) is None
    assert gate_of(one, known, config=config(network={"max_answer_mb": 65})) is None
    assert gate_of(one, known, config=config(batch={"size": 3})) is Gate.QUARANTINED


def test_a_recipe_that_was_rolled_back_is_not_made_again_unless_asked_for():
    """Even where the queue's status was lost."""
    rolled_back = concluded(AttemptOutcome.ROLLED_BACK, before(days=90), stage="rollback")
    stop = stop_of(entry("npm:a"), told(rolled_back))
    assert (stop.gate, stop.until, stop.remedy) == (Gate.QUARANTINED, None, "`doit requeue npm:a`")
    asked = concluded(AttemptOutcome.REQUEUED, before(days=1), stage="requeue")
    assert gate_of(entry("npm:a"), told(rolled_back, asked)) is None


def test_the_queues_retry_time_counts_only_where_the_journal_knows_nothing():
    """A copy for readers must not hold back what a person asked for again."""
    copied = entry("npm:a", next_retry_at="2030-01-01T00:00:00Z", failure_count=3)
    assert stop_of(copied).until == "2030-01-01T00:00:00Z"
    assert gate_of(copied, told(concluded(AttemptOutcome.REQUEUED, before(days=1), stage="requeue"))) is None


def test_what_is_not_due_says_until_when():
    """The second transient failure in a row waits a day."""
    known = told(*(concluded(AttemptOutcome.TRANSIENT, before(hours=hours)) for hours in (9, 2)))
    stop = stop_of(entry("npm:a"), known)
    assert (stop.gate, stop.since) == (Gate.NOT_DUE, before(hours=2))
    assert before(hours=-17) < stop.until < before(hours=-27)


# ------------------------------------------------------------------------------------ no package without a reason


@given(SITUATIONS)
@settings(max_examples=200, deadline=None)
def test_every_source_is_selected_or_held_by_exactly_one_gate_and_why_says_the_same(asked):
    """Over any queue, history and control file: no package leaves the pipeline without a reason."""
    chosen = select(asked)
    held = {source: left.gate for left in chosen.left_out for source in left.sources}
    told_of = Counter(one.source for one in chosen.selected)
    for left in chosen.left_out:
        assert left.count == len(left.sources) > 0
        told_of.update(left.sources)
    assert told_of == Counter(one.source for one in asked.queue.entries)
    selected = {one.source for one in chosen.selected}
    for source, position in asked.first.items():
        case = asked.case(position)
        shut = [answer for answer in answers(case, asked, chosen) if answer.open is False]
        stop = first_stop(case, asked)
        assert (stop is None) == all(check.stop is None for check in checks(case, asked))
        if source in selected:
            assert shut == []
            assert stop is None
        else:
            assert shut[0].gate is chosen.stops[source].gate
            assert shut[0].rule
            assert shut[0].value
            assert shut[0].remedy
            if Counter(one.source for one in asked.queue.entries)[source] == 1:
                assert held[source] is shut[0].gate
            if stop is not None:
                assert shut[0].gate is stop.gate


@given(SITUATIONS)
@settings(max_examples=100, deadline=None)
def test_the_hard_gates_hold_for_every_package_that_is_selected(asked):
    """Probes of a breaker included; and no more than the batch holds."""
    chosen = select(asked)
    assert len(chosen.selected) <= asked.config.batch.size
    assert len({one.source for one in chosen.selected}) == len(chosen.selected)
    ecosystems = Counter(one.source.partition(":")[0] for one in chosen.selected)
    for one in chosen.selected:
        assert first_stop(asked.case(asked.first[one.source]), asked) is None
        assert one.after == asked.history.get(one.source, told()).last_tried
    for name, breaker in asked.control.circuit_breaker.items():
        if breaker.state is not BreakerState.CLOSED:
            assert ecosystems[name] <= 1


@given(SITUATIONS)
@settings(max_examples=50, deadline=None)
def test_selecting_twice_gives_the_same(asked):
    """Nothing is drawn, nothing depends on what was asked before."""
    assert select(asked) == select(asked)
