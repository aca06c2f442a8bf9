"""A record keeps the failed tries that it replaces, but only those that the journal does not know yet."""

import msgspec
import pytest

from pipeline.history.tries import KEPT, before_outcome, keeping
from pipeline.model import Category, Tier, VerdictStatus
from tests.history.test_attempts import AWAY, FAIL, GENERATED, HELD, INFRA, PASS, PREDICTED, SKIPPED, earlier, outcome

BEFORE, AFTER = "2026-03-02T11:30:00Z", "2026-03-02T12:30:00Z"


def test_a_failed_try_is_kept_behind_those_before_it():
    """With its time, its cost, its cause and its message."""
    tries = before_outcome(outcome(AWAY, earlier=[earlier(1)]), None)
    assert tries[0] == earlier(1)
    assert (tries[1].at, tries[1].seconds) == ("2026-03-02T12:01:00Z", 1.5)
    assert (tries[1].category, tries[1].subcategory, tries[1].message) == (
        Category.NETWORK_ERROR,
        AWAY.subcategory,
        AWAY.message,
    )


def test_a_skip_that_is_made_again_was_a_try():
    """A newer generator looks again at what an older one had skipped."""
    (kept,) = before_outcome(outcome(SKIPPED), None)
    assert (kept.category, kept.subcategory) == (Category.GENERATION_FAILED, SKIPPED.subcategory)


@pytest.mark.parametrize("answer", [GENERATED, HELD])
def test_what_did_not_fail_is_no_failed_try(answer):
    """A stop by control asked nothing; but the tries before it are not forgotten."""
    assert before_outcome(outcome(answer, earlier=[earlier(1)]), None) == [earlier(1)]


def test_a_record_that_is_not_there_leaves_nothing():
    """The first try has none before it."""
    assert before_outcome(None, None) == []
    assert keeping(INFRA, None, None) == INFRA


def test_what_the_journal_has_been_told_is_not_kept():
    """Results up to `after` belong to an earlier batch."""
    old = outcome(AWAY, earlier=[earlier(1)])
    assert before_outcome(old, AFTER) == []
    assert len(before_outcome(old, BEFORE)) == 2
    assert keeping(PASS, FAIL, AFTER).earlier == []
    assert len(keeping(PASS, FAIL, BEFORE).earlier) == 1


def test_the_newest_tries_are_kept():
    """A registry that is away for a week must not make records without end."""
    tries = [earlier(minute) for minute in range(KEPT)]
    kept = before_outcome(outcome(AWAY, earlier=tries), None)
    assert len(kept) == KEPT
    assert kept[:-1] == tries[1:]
    assert keeping(INFRA, msgspec.structs.replace(INFRA, earlier=tries), None).earlier[:-1] == tries[1:]


@pytest.mark.parametrize("failed", [FAIL, INFRA])
def test_a_failed_run_is_kept_with_the_seconds_that_it_took(failed):
    """They are minutes of the budget."""
    (kept,) = keeping(PASS, failed, None).earlier
    assert (kept.at, kept.seconds, kept.subcategory) == (failed.at, 2.25, failed.subcategory)


def test_runs_of_one_process_come_after_those_before_it():
    """A verdict that was tried three times in this run, and once in the run that was killed."""
    new = msgspec.structs.replace(INFRA, earlier=[earlier(5), earlier(6)])
    found = keeping(new, msgspec.structs.replace(INFRA, at="2026-03-02T11:04:00Z"), None)
    assert [each.at[14:16] for each in found.earlier] == ["04", "05", "06"]


@pytest.mark.parametrize(
    "replaced", [PASS, PREDICTED, msgspec.structs.replace(FAIL, tier=Tier.NONE, status=VerdictStatus.NOT_RUN)]
)
def test_what_was_not_a_failed_run_is_none(replaced):
    """A pass that is measured anew leaves no failure behind."""
    assert keeping(PASS, replaced, None).earlier == []
