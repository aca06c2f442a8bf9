"""What a package is easily taken for: only what is much better known."""

import json
import time

import pytest

from pipeline.model import Queue
from pipeline.selection.batch import select
from pipeline.selection.resemblance import FAR, Resemblances, Standing
from pipeline.store import SHIPPED
from tests.builders import entry, queue
from tests.builders_selection import situation


def resembled(source, *entries, recipes=()):
    """Return what an entry is taken for, as `known distance`, or None."""
    found = Resemblances(queue(*entries), frozenset(recipes), [source]).of(source)
    return f"{found.known} {found.distance}" if found else None


@pytest.mark.parametrize(
    ("ours", "theirs", "far"),
    [((2, 1), (1, 500), True), ((1, 500), (2, 1), False), ((1, FAR), (1, 1), True), ((1, FAR - 1), (1, 1), False)],
)
def test_far_above_is_a_better_priority_or_ten_times_nearer_to_the_front(ours, theirs, far):
    """Neighbours in the queue are not taken for each other."""
    assert Standing(*theirs).is_far_above(Standing(*ours)) is far


@pytest.mark.parametrize(
    ("name", "found"),
    [("pretiter", "npm:prettier 1"), ("prett1er", "npm:prettier 0"), ("prettierd", None), ("petted", None)],
)
def test_a_slip_of_a_better_known_name_is_found(name, found):
    """Families and other names are not."""
    known = entry("npm:prettier", priority=1)
    assert resembled(f"npm:{name}", known, entry(f"npm:{name}", priority=3)) == found


def test_the_better_known_one_is_not_taken_for_the_other():
    """Nor are two of the same rank, or of different ecosystems."""
    slip, original = entry("npm:pretiter", priority=3), entry("npm:prettier", priority=1)
    assert resembled("npm:prettier", slip, original) is None
    assert resembled("npm:pretiter", slip, entry("npm:prettier", priority=3)) is None
    assert resembled("npm:pretiter", slip, entry("pypi:prettier", priority=1)) is None


def test_a_recipe_whose_name_looks_the_same_is_found_in_any_ecosystem():
    """Its rank is unknown, so one edit is not enough; and a recipe of its own name is its own."""
    asked = entry("npm:cross-env", priority=3)
    assert resembled("npm:cross-env", asked, recipes=["crossenv"]) == "recipes/c/crossenv.toml 0"
    assert resembled("npm:cross-env", asked, recipes=["cross-env", "cross-eny"]) is None


def test_the_likest_counts():
    """What looks the same before what is one edit away."""
    entries = [entry("npm:prettjer", priority=1), entry("npm:prettier", priority=1), entry("npm:prett1er", priority=3)]
    assert resembled("npm:prett1er", *entries) == "npm:prettier 0"


def test_a_selection_freezes_what_gates_compare_with():
    """The batch holds it, so each machine decides the same."""
    entries = entry("npm:prettier", priority=1), entry("npm:pretiter", priority=3, confidence="auto")
    first, second = (one.knowledge for one in select(situation(*entries)).selected)
    assert (first.resembles, first.curated) == (None, True)
    assert (second.resembles.known, second.curated) == ("npm:prettier", False)


def test_no_entry_of_the_shipped_queue_is_taken_for_another():
    """Measured: what people put there are no forgeries."""
    raw = json.loads((SHIPPED / "data/queues/priority-queue.json").read_text())
    known = queue(*(entry(one["source"], priority=one["priority"]) for one in raw["entries"]))
    sources = [one.source for one in known.entries]
    found = Resemblances(known, frozenset(), sources)
    assert {source: found.of(source) for source in sources if found.of(source)} == {}


def test_a_batch_of_a_large_queue_takes_no_time():
    """5,000 names and a batch of 40: no name is compared with all others. Processor time, with much room."""
    names = [f"{chr(97 + number % 26)}tool{number * 7919:x}er" for number in range(5_000)]
    large: Queue = queue(*(entry(f"npm:{name}", priority=1 + number % 3) for number, name in enumerate(names)))
    asked = [one.source for one in large.entries[-40:]]
    began = time.process_time()
    found = Resemblances(large, frozenset(names), asked)
    for source in asked:
        found.of(source)
    assert time.process_time() - began < 3
