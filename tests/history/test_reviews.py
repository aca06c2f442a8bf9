"""Batches that wait for their merge."""

from datetime import timedelta

from pipeline.history.reviews import open_reviews
from pipeline.instants import timestamp
from pipeline.model import BatchState
from tests.builders import NOW
from tests.builders_ledger import ledger_entry

PUBLISHED = BatchState.PUBLISHED


def waits(number, days, **fields):
    at = timestamp(NOW - timedelta(days=days))
    given = {"batch_id": f"2026-02-01-mixed-{number:03d}", "published_at": at, "state": PUBLISHED, **fields}
    return ledger_entry(**given)


def test_the_longest_wait_comes_first_and_rings_only_past_its_limit():
    """Exactly as long as it may is not too long."""
    found = open_reviews([waits(1, 7), waits(2, 7.5), waits(3, 0)], 7, NOW)
    assert [(each.batch_id[-3:], each.days, each.alarm) for each in found] == [
        ("002", 7.5, True),
        ("001", 7, False),
        ("003", 0, False),
    ]
    assert {each.recipes for each in found} == {2}


def test_what_nobody_can_merge_does_not_wait():
    """Half published, without recipes, rolled back."""
    cut_off = waits(1, 9, state=BatchState.BUILT)
    assert open_reviews([cut_off, waits(2, 9, files=[]), waits(3, 9, rolled_back=["npm:a", "pypi:b"])], 7, NOW) == []


def test_an_ecosystem_has_its_own_reviews():
    """With its own recipes; a batch without any of it is none of them."""
    assert [each.recipes for each in open_reviews([waits(1, 9)], 7, NOW, ecosystem="npm")] == [1]
    assert open_reviews([waits(1, 9)], 7, NOW, ecosystem="cargo") == []
    assert [each.recipes for each in open_reviews([waits(1, 9, rolled_back=["npm:a"])], 7, NOW)] == [1]


def test_a_clock_that_disagrees_gives_no_less_than_nothing():
    """Published tomorrow is published now."""
    assert [each.days for each in open_reviews([waits(1, -1)], 7, NOW)] == [0]
