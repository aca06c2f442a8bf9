"""Lines of the journal become what is known of a package."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.history.fold import NOTHING, PackageHistory, fold
from pipeline.history.memory import in_order
from pipeline.model import Attempt, AttemptOutcome, Stage, Subcategory
from tests.builders_journal import CONCLUSIONS, at, line, lines

one_package = st.lists(lines(sources=("npm:tool",)), max_size=30).map(in_order)
FAILED, TRANSIENT, BLOCKED = AttemptOutcome.FAILED, AttemptOutcome.TRANSIENT, AttemptOutcome.BLOCKED


def folded(*attempts: Attempt) -> PackageHistory:
    return reduce(fold, attempts, NOTHING)


def requeue(minutes: float) -> Attempt:
    return line(minutes, stage=Stage.REQUEUE, outcome=AttemptOutcome.REQUEUED, batch_id=None)


def recheck(minutes: float, outcome: AttemptOutcome) -> Attempt:
    return line(minutes, stage=Stage.RECHECK, outcome=outcome, batch_id=None)


@given(one_package)
def test_counts_are_never_negative_and_never_more_than_the_lines(story):
    """Streaks and tries are counts of lines, whatever comes in whatever order."""
    known = folded(*story)
    ends = [each for each in story if each.stage is Stage.PAYLOAD]
    assert known.tries == sum(each.outcome is not AttemptOutcome.DEFERRED for each in ends)
    for count in (known.streak, known.blocks, known.deferrals):
        assert 0 <= count <= len(ends)
    assert len(set(known.causes)) == len(known.causes)
    assert known.failure is None or known.failure.repeats <= len(ends)


@given(one_package)
def test_times_lie_in_order(story):
    """A failure begins before it is last seen, and nothing is newer than the newest line."""
    known = folded(*story)
    times = [known.last_tried, known.succeeded_at, known.rechecked_at, known.blocked_at, known.waits_since]
    assert all(time <= known.at for time in times if time is not None)
    assert known.failure is None or known.failure.since <= known.failure.at <= known.at


@given(one_package)
def test_a_requeue_forgets_all_that_holds_a_package_back(story):
    """Afterwards it is as one that nobody has tried, except for how often and when it was."""
    before = folded(*story)
    known = fold(before, requeue(100_000))
    assert known == PackageHistory(
        tries=before.tries,
        last_tried=before.last_tried,
        succeeded_at=before.succeeded_at,
        last_outcome=AttemptOutcome.REQUEUED,
        at=at(100_000),
    )


@given(one_package)
def test_a_success_forgets_all_failures(story):
    """What is left is how often it was tried, and that it succeeded."""
    before = folded(*story)
    known = fold(before, line(100_000, outcome=AttemptOutcome.SUCCEEDED))
    assert known == PackageHistory(
        tries=before.tries + 1,
        last_tried=at(100_000),
        succeeded_at=at(100_000),
        last_outcome=AttemptOutcome.SUCCEEDED,
        at=at(100_000),
    )


@given(one_package, st.sampled_from([Stage.GENERATE, Stage.VALIDATE]), st.sampled_from(CONCLUSIONS))
def test_details_say_nothing_of_the_package_as_a_whole(story, stage, outcome):
    """Only the end of its way through a batch feeds backoff and quarantine."""
    before = folded(*story)
    assert fold(before, line(100_000, stage=stage, outcome=outcome)) == before


@given(one_package)
def test_what_was_put_off_changes_nothing_but_the_turn(story):
    """A package that control held back is not punished; it goes to the end of the row."""
    before = folded(*story)
    known = fold(before, line(100_000, outcome=AttemptOutcome.DEFERRED))
    assert known.last_tried == at(100_000)
    assert (known.tries, known.streak, known.failure) == (before.tries, before.streak, before.failure)


def test_transient_failures_are_a_streak_until_there_is_an_answer():
    """A failure of the package's own is an answer: the infrastructure worked."""
    two = folded(line(0, outcome=TRANSIENT), line(60, outcome=TRANSIENT))
    assert two.streak == 2
    assert two.waits_since == at(60)
    assert fold(two, line(120)).streak == 0


def test_the_same_failure_keeps_its_beginning_and_another_one_begins_anew():
    """`since` is what people are told; a change of the fingerprint makes it another failure."""
    same = folded(line(0), line(60))
    assert same.failure is not None
    assert (same.failure.since, same.failure.at, same.failure.repeats) == (at(0), at(60), 2)
    other = fold(same, line(120, fingerprint="d" * 64))
    assert other.failure is not None
    assert (other.failure.since, other.failure.repeats) == (at(120), 1)


def test_different_causes_are_collected():
    """Three of them ask for a person, so each counts once."""
    causes = [Subcategory.VERIFY_ERROR, Subcategory.BAD_METADATA, Subcategory.VERIFY_ERROR]
    known = folded(*(line(60 * number, subcategory=cause) for number, cause in enumerate(causes)))
    assert known.causes == (Subcategory.VERIFY_ERROR, Subcategory.BAD_METADATA)


def test_a_transient_failure_does_not_lift_a_quarantine():
    """What was found out about the package still holds."""
    known = folded(line(0), line(60, outcome=TRANSIENT))
    assert known.failure is not None
    assert known.failure.at == at(0)


def test_a_package_is_blocked_or_failed_but_not_both():
    """The newer answer counts."""
    blocked = folded(line(0), line(60, outcome=BLOCKED))
    assert (blocked.failure, blocked.blocked_at, blocked.blocks) == (None, at(60), 1)
    failed = fold(blocked, line(120))
    assert (failed.failure is not None, failed.blocked_at, failed.blocks) == (True, None, 0)


@pytest.mark.parametrize(
    ("outcomes", "changed"),
    [
        (["changed"], True),
        (["unchanged"], False),
        (["changed", "unchanged"], False),
        (["changed", "transient"], True),
        (["transient"], False),
    ],
)
def test_the_last_recheck_that_got_an_answer_counts(outcomes, changed):
    """A registry that does not answer takes nothing back; metadata that is as it was does."""
    looks = (recheck(60 * (number + 1), AttemptOutcome(outcome)) for number, outcome in enumerate(outcomes))
    known = folded(line(0), *looks)
    assert known.upstream_changed is changed
    assert known.rechecked_at == at(60 * len(outcomes))


def test_a_change_upstream_holds_until_the_next_answer():
    """Then it has been used."""
    known = folded(line(0), recheck(60, AttemptOutcome.CHANGED), line(120, outcome=TRANSIENT))
    assert known.upstream_changed
    assert not fold(known, line(180)).upstream_changed


def test_a_rollback_is_kept_beside_what_was_known():
    """It says why the package is not made again."""
    done = folded(line(0, outcome=AttemptOutcome.SUCCEEDED))
    known = fold(done, line(60, stage=Stage.ROLLBACK, outcome=AttemptOutcome.ROLLED_BACK, message="it deletes files"))
    assert (known.rolled_back_at, known.last_message) == (at(60), "it deletes files")
    assert known.succeeded_at == at(0)
