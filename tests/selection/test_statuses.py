"""The queue's statuses after a batch, a merge, a requeue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import AttemptOutcome, Confidence, EntryStatus, Subcategory
from pipeline.selection.statuses import CANDIDATES, after_batch, merged, requeued, unblocked
from tests.builders import entry, queue
from tests.builders_selection import ENTRIES, SHIPPED, before, concluded, failed, told

AT = "2026-03-02T13:00:00Z"
OUTCOMES = [one for one in AttemptOutcome if one.value in "succeeded failed transient blocked deferred"]


def after(*entries, line, succeeded=EntryStatus.IN_REVIEW, earlier=()):
    """Return the first entry after a batch that ended for it with this line."""
    history = {line.source: told(*earlier, line)}
    return after_batch(queue(*entries), [line], history, SHIPPED, at=AT, succeeded=succeeded).entries[0]


def test_a_success_waits_for_its_pull_request_or_is_done_where_there_is_none():
    """And what it had failed for before is forgotten."""
    line = concluded(AttemptOutcome.SUCCEEDED, AT)
    was = entry("npm:a", status=EntryStatus.FAILED, failure_count=3, blocked_by=["b"])
    assert after(was, line=line) == entry("npm:a", status=EntryStatus.IN_REVIEW)
    assert after(was, line=line, succeeded=EntryStatus.SUCCESS).status is EntryStatus.SUCCESS


def test_what_passes_by_itself_stays_pending_with_its_time():
    """The queue repeats for readers what the journal says."""
    line = concluded(AttemptOutcome.TRANSIENT, AT)
    found = after(entry("npm:a"), line=line, earlier=[concluded(AttemptOutcome.TRANSIENT, before(days=1))])
    assert (found.status, found.failure_count) == (EntryStatus.PENDING, 2)
    assert "2026-03-03T" <= found.next_retry_at < "2026-03-04T"


def test_a_failure_is_failed_and_one_that_needs_a_person_says_so():
    """Three different causes, or no executables."""
    assert after(entry("npm:a"), line=failed(AT)).status is EntryStatus.FAILED
    library = failed(AT, subcategory=Subcategory.NO_EXECUTABLES)
    assert after(entry("npm:a"), line=library).status is EntryStatus.REQUIRES_MANUAL


def test_a_blocked_package_names_its_blockers_until_all_are_there():
    """Then it is pending again, and only then."""
    line = concluded(AttemptOutcome.BLOCKED, AT, blocked_by=["b", "c"])
    found = after(entry("npm:a"), line=line)
    assert (found.status, found.blocked_by) == (EntryStatus.BLOCKED, ["b", "c"])
    assert unblocked(queue(found), frozenset({"b"}), at=AT).entries == [found]
    assert unblocked(queue(found), frozenset({"b", "c"}), at=AT).entries == [entry("npm:a")]


def test_what_was_deferred_is_left_as_it_was():
    """It was not tried."""
    was = entry("npm:a", status=EntryStatus.FAILED, failure_count=2)
    assert after(was, line=concluded(AttemptOutcome.DEFERRED, AT)) == was


@pytest.mark.parametrize("status", [status for status in EntryStatus if status not in CANDIDATES])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_entry_that_a_person_changed_meanwhile_is_left_alone(status, outcome):
    """Excluded stays excluded, whatever the batch came to."""
    was = entry("npm:a", status=status)
    assert after(was, line=concluded(outcome, AT)) == was


CONCLUSIONS = st.lists(
    st.builds(
        concluded,
        st.sampled_from(OUTCOMES),
        st.just(AT),
        source=st.sampled_from([f"npm:{name}" for name in "abcdefgh"]),
        subcategory=st.sampled_from([None, Subcategory.YANKED, Subcategory.NO_EXECUTABLES]),
        blocked_by=st.lists(st.sampled_from(["b", "nobody"]), max_size=2),
    ),
    max_size=8,
    unique_by=lambda line: line.source,
)


@given(entries=st.lists(ENTRIES, max_size=12), lines=CONCLUSIONS)
def test_repeating_a_batch_changes_nothing_and_only_first_entries_change(entries, lines):
    """A publication that was killed is done again from the start."""
    history = {line.source: told(line) for line in lines}
    known = queue(*entries)
    once = after_batch(known, lines, history, SHIPPED, at=AT)
    assert after_batch(once, lines, history, SHIPPED, at=AT) == once
    seen = set()
    asked = {line.source for line in lines if line.outcome is not AttemptOutcome.DEFERRED}
    for was, now in zip(known.entries, once.entries, strict=True):
        may_change = was.source in asked and was.source not in seen and was.status in CANDIDATES
        assert was == now or may_change
        assert (was.name, was.source, was.priority) == (now.name, now.source, now.priority)
        seen.add(was.source)
    assert once.updated_at == (AT if once.entries != known.entries else known.updated_at)


def test_a_merge_ends_the_review_of_its_sources_only():
    """What somebody excluded meanwhile stays so."""
    review = EntryStatus.IN_REVIEW
    known = queue(*(entry(f"npm:{name}", status=review) for name in "ab"), entry("npm:c", status=EntryStatus.EXCLUDED))
    done = merged(known, frozenset({"npm:a", "npm:c"}), at=AT)
    assert [one.status for one in done.entries] == [EntryStatus.SUCCESS, review, EntryStatus.EXCLUDED]


def test_who_asks_for_a_doubtful_entry_has_decided():
    """It is a tool of its own from then on, and what it was like is no other source of it."""
    doubtful = {"status": EntryStatus.REQUIRES_MANUAL, "confidence": Confidence.DOUBTFUL, "rank": 7}
    was = entry("npm:a", **doubtful, alternatives=["pypi:a"])
    (now,) = requeued(queue(was), frozenset({"npm:a"}), at=AT).entries
    assert now == entry("npm:a", confidence=Confidence.CURATED, disambiguated_at=AT, rank=7)


def test_a_requeued_entry_is_as_new():
    """Count, time and blockers are gone."""
    was = entry("npm:a", status=EntryStatus.BLOCKED, failure_count=7, next_retry_at=AT, blocked_by=["b"])
    assert requeued(queue(was), frozenset({"npm:a"}), at=AT).entries == [entry("npm:a")]
