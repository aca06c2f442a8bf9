"""Who waits for whom, and how many a recipe would set free."""

import time

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import EntryStatus
from pipeline.selection.blockers import available, impact, missing, recipe_name, waiting_for
from tests.builders import entry

BLOCKED = EntryStatus.BLOCKED
NAMES = tuple("abcdefghij")
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from([*NAMES, "x", "y"]), max_size=5))


def blocked(name, *blockers, **fields):
    """Return an entry that waits for some recipes."""
    return entry(f"homebrew:{name}", status=BLOCKED, blocked_by=list(blockers), **fields)


def dependents(entries, name):
    """Return the sources that wait for a name, directly or through others: the plain way."""
    reached, todo = set(), [name]
    while todo:
        asked = todo.pop()
        for one in entries:
            if asked in one.blocked_by and one.source not in reached:
                reached.add(one.source)
                todo.append(one.name)
    return {source for source in reached if source != f"homebrew:{name}"}


@given(GRAPHS)
def test_impact_is_the_size_of_the_set_of_dependents_also_in_cycles(graph):
    """A package that two ways lead to counts once, and none waits for itself."""
    entries = [blocked(name, *blockers) for name, blockers in graph.items()]
    found = impact(entries)
    for name in (*NAMES, "x", "y"):
        assert found.get(name, 0) == len(dependents(entries, name))


@given(GRAPHS, st.randoms())
def test_impact_does_not_depend_on_the_order_of_the_queue(graph, chance):
    """Nor do two runs differ."""
    entries = [blocked(name, *blockers) for name, blockers in graph.items()]
    shuffled = chance.sample(entries, len(entries))
    assert impact(entries) == impact(shuffled)


def test_only_entries_that_are_blocked_count():
    """What is done, or waits for another reason, is not set free."""
    entries = [blocked("a", "z"), entry("homebrew:b", blocked_by=["z"]), blocked("c", "a")]
    assert impact(entries) == {"z": 2, "a": 1}


def test_a_deep_chain_needs_no_deep_stack():
    """Recursion would end at a thousand."""
    chain = [blocked(f"n{i}", f"n{i + 1}") for i in range(5_000)]
    assert impact(chain)["n5000"] == 5_000


def test_a_queue_with_many_blocked_entries_is_answered_at_once():
    """724 entries with 60 blockers each took 20 ms where this was written; the limit leaves room for a busy machine."""
    entries = [blocked(f"n{i}", *(f"n{(i * 7 + j * j) % 900}" for j in range(60))) for i in range(724)]
    began = time.perf_counter()
    impact(entries)
    assert time.perf_counter() - began < 1


def test_names_are_compared_as_recipes_are_called():
    """A formula of a version, a name with capitals."""
    done = [entry("homebrew:icu4c@78", name="icu4c@78", status=EntryStatus.SUCCESS), entry("homebrew:b", name="b")]
    names = available(done, frozenset({"hdrhistogram-c"}))
    assert missing(blocked("n", "icu4c@78", "hdrhistogram_c", "b"), names) == ("b",)


def test_a_blocker_without_entry_and_recipe_is_unknown():
    """Nobody would ever make it."""
    waiting = blocked("n", "known", "nobody", "there")
    known = frozenset(map(recipe_name, ["known", "n"]))
    found = waiting_for(waiting, frozenset({"there"}), known)
    assert (found.missing, found.unknown) == (("known", "nobody"), ("nobody",))
