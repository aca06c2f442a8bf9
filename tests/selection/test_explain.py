"""`doit why`: what a person is told of a package, and how."""

import re

import msgspec
import pytest

from pipeline.commands.why import words
from pipeline.errors import UnknownName
from pipeline.model import (
    AttemptOutcome,
    Batch,
    Breaker,
    BreakerState,
    Category,
    Control,
    EntryStatus,
    Gate,
    Subcategory,
)
from pipeline.selection.batch import make_batch, select
from pipeline.selection.explain import explain
from tests.builders import NOW, config, entry
from tests.builders_selection import before, concluded, failed, situation, told
from tests.test_selection import FINGERPRINTS


def told_of(source, *entries, batch=None, attempts=(), results=(), **fields):
    """Return the explanation of one source of a queue."""
    return explain(source, situation(*entries, **fields), batch=batch, attempts=attempts, results=results)


def frozen(*entries) -> Batch:
    """Return a frozen batch of these entries."""
    return make_batch(select(situation(*entries)), FINGERPRINTS, NOW, [])


def test_a_package_that_may_be_tried_is_told_its_number():
    """In the next batch, or behind it."""
    entries = [entry(f"npm:{name}") for name in "abc"]
    small = config(batch={"size": 2})
    assert told_of("npm:b", *entries, config=small).conclusion == "would be number 2 of the next batch"
    last = told_of("npm:c", *entries, config=small)
    assert (last.place, last.conclusion) == (3, "may be tried: number 3 in line, and a batch takes 2")
    assert last.gates[-1].open is False


def test_a_package_that_is_held_back_is_told_by_what_and_until_when():
    """The first gate that is shut says it; the others are told as well."""
    known = told(failed(before(days=1), now=situation()))
    found = told_of("npm:a", entry("npm:a", status=EntryStatus.FAILED), history={"npm:a": known})
    assert found.conclusion == f"held back until {before(days=-29)} by quarantined: no_stable_version"
    shut = [answer for answer in found.gates if answer.open is False]
    assert [(answer.gate, answer.since) for answer in shut] == [(Gate.QUARANTINED, before(days=1))]
    assert [answer.gate for answer in found.gates if answer.open is None] == [Gate.RETRY_SHARE, Gate.BATCH_FULL]


def test_every_gate_is_told_once_in_order_with_its_input_and_rule():
    """Nothing that decides is left out."""
    gates = told_of("npm:a", entry("npm:a")).gates
    assert [answer.gate for answer in gates] == [
        "pipeline_disabled", "duplicate_source", "status", "no_generator", "not_in_batch_ecosystems",
        "ecosystem_disabled", "blocked", "quarantined", "not_due", "breaker_open", "retry_share", "batch_full",
    ]  # fmt: skip
    assert all(answer.input and answer.rule and answer.value for answer in gates)


def test_the_entry_behind_a_probe_is_told_of_the_breaker():
    """A gate that all entries share is shut for this one."""
    control = Control(circuit_breaker={"npm": Breaker(state=BreakerState.HALF_OPEN, failures=5)})
    found = told_of("npm:b", entry("npm:a"), entry("npm:b"), control=control)
    (shut,) = [answer for answer in found.gates if answer.open is False]
    assert shut.gate is Gate.BREAKER_OPEN
    assert "npm:a is the probe" in shut.value


def test_a_package_of_the_batch_under_way_is_told_so_until_its_end():
    """The journal knows when it has come to its end there."""
    batch = frozen(entry("npm:a"))
    found = told_of("npm:a", entry("npm:a"), batch=batch, results=["generate  generated"])
    assert found.conclusion.startswith(f"in batch {batch.id}, which is under way: priority 2, never tried")
    assert (found.batch, found.results) == (batch.id, ["generate  generated"])
    done = concluded(AttemptOutcome.TRANSIENT, before(hours=1), batch_id=batch.id)
    ended = told_of("npm:a", entry("npm:a"), batch=batch, attempts=[done], history={"npm:a": told(done)})
    assert (ended.batch, ended.results) == (None, [])
    assert ended.conclusion == "would be number 1 of the next batch"


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("tool", "`doit why npm:@scope/tool` or `doit why pypi:tool`"),
        ("@scope/tool", "`doit why npm:@scope/tool`"),
        ("npm:pretier", "`doit why npm:prettier`"),
    ],
)
def test_an_unknown_source_names_what_is_probably_meant(asked, meant):
    """By the tool's name, without the ecosystem, or mistyped."""
    entries = entry("npm:@scope/tool"), entry("pypi:tool"), entry("npm:prettier")
    with pytest.raises(UnknownName) as refused:
        told_of(asked, *entries)
    assert refused.value.remedy == f"did you mean {meant}?"


def test_the_screen_says_all_in_plain_text():
    """Each gate with its sign, value, rule and input; the last attempts, newest first, with their causes."""
    end = "x" * 300 + "\n\x1b[31mcause"
    lines = [
        concluded(AttemptOutcome.TRANSIENT, before(days=9), subcategory=Subcategory.TIMEOUT),
        failed(before(days=1), now=situation(), category=Category.INSTALL_FAILED, message=end),
    ]
    known = told(*lines)
    screen = words(told_of("npm:a", entry("npm:a"), history={"npm:a": known}, attempts=lines))
    assert screen.isprintable() or set(filter(lambda char: not char.isprintable(), screen)) == {"\n"}
    assert re.search(r"✓ pipeline_disabled +true\n +`enabled` in batch-control.json is true", screen)
    assert re.search(r"✗ quarantined +no_stable_version\n", screen)
    assert f"since {before(days=1)}, until {before(days=-29)}; what changes it: a change upstream" in screen
    assert re.search(r"· batch_full +not asked", screen)
    tail = screen.splitlines()[-2:]
    assert tail[0].startswith(f"  {before(days=1)}  payload failed no_stable_version: ")
    assert tail[0].endswith("xx [31mcause")
    assert tail[1] == f"  {before(days=9)}  payload transient timeout"
    assert len(screen.splitlines()) < 50


def test_a_package_that_needs_a_person_is_told_why():
    """Beside its status, which says only that."""
    known = told(failed(before(days=1), subcategory=Subcategory.NO_EXECUTABLES))
    manual = entry("npm:a", status=EntryStatus.REQUIRES_MANUAL)
    assert "It needs a person: it has no executables." in words(told_of("npm:a", manual, history={"npm:a": known}))


def test_the_document_holds_the_same_as_the_screen():
    """One JSON document, for programs."""
    found = told_of("npm:a", entry("npm:a"))
    document = msgspec.json.decode(msgspec.json.encode(found))
    assert document["conclusion"] == found.conclusion
    assert [gate["gate"] for gate in document["gates"]] == [gate.gate for gate in found.gates]
