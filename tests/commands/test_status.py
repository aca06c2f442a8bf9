"""What `doit status` says of the queue, and which command it leads to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.commands.status import State, counts_of, render, state_of
from pipeline.model import Control, EntryStatus
from tests.builders import config, entry
from tests.builders_alarm import facts
from tests.screens import screen

ECOSYSTEMS = ("npm", "pypi", "homebrew")


def status(*entries, **control) -> State:
    """Return the state of a pipeline in which nothing has happened, with these entries."""
    return state_of(Control(**control), facts(), config(), entries, damaged_lines=0)


@given(st.lists(st.tuples(st.sampled_from(ECOSYSTEMS), st.sampled_from(EntryStatus)), max_size=60))
def test_every_entry_is_counted_once(drawn):
    """By its ecosystem and its status; what nobody has is not there."""
    found = counts_of(entry(f"{name}:p{number}", status=state) for number, (name, state) in enumerate(drawn))
    assert [
        (name, state) for name, counts in found.items() for state in sorted(counts) for _ in range(counts[state])
    ] == (sorted(drawn))


def test_the_queue_is_a_table_of_what_there_is():
    """A status that no entry has takes no room."""
    shown = screen(
        render(status(entry("npm:a"), entry("npm:b", status=EntryStatus.FAILED), entry("pypi:a")), 80), width=80
    )
    assert shown.splitlines()[-5:] == [
        "queue pending failed all",
        "────────────────────────",
        "npm         1      1   2",
        "pypi        1      -   1",
        "all         2      1   3",
    ]


def test_all_statuses_fit_a_terminal_of_80_columns():
    """Also of a queue of thousands."""
    every = [entry(f"homebrew:p{n}{state}", status=state) for n in range(1200) for state in EntryStatus]
    lines = screen(render(status(*every), 80), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1].split() == ["homebrew", *["1,200"] * 7, "8,400"]


def test_an_empty_queue_says_how_to_fill_it():
    """A table without rows would say nothing."""
    assert "· queue              it has no packages: `doit add SOURCE` adds one\n" in screen(render(status(), 80))


@pytest.mark.parametrize(
    ("control", "hint"),
    [
        ({}, None),
        ({"enabled": False, "reason": "why"}, "; `doit resume` ends a stop"),
        ({"disabled_ecosystems": ["npm"]}, "; `doit enable npm` ends what is disabled"),
    ],
)
def test_the_hint_ends_what_holds(control, hint):
    """Who reads that an ecosystem is disabled is not sent to a command that ends something else."""
    last = screen(render(status(entry("npm:a"), **control), 100)).splitlines()[-1]
    assert (last == f"`doit why SOURCE` tells what holds a package{hint}") is (hint is not None)
