"""`doit why`: what a person is told of a package, and how."""

import re

import msgspec
import pytest

from pipeline.commands.why import SCREEN, WIDTH, render
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
    Stage,
    Subcategory,
)
from pipeline.selection.batch import make_batch, select
from pipeline.selection.explain import STATUS_WORDS, explain
from pipeline.terminal import minute, moments
from tests.builders import NOW, config, entry
from tests.builders_selection import before, concluded, failed, situation, told
from tests.screens import screen
from tests.test_selection import FINGERPRINTS


def told_of(source, *entries, batch=None, attempts=(), results=(), **fields):
    """Return the explanation of one source of a queue."""
    return explain(source, situation(*entries, **fields), batch=batch, attempts=attempts, results=results)


def why(explanation) -> str:
    """Return what a person sees on a screen of the usual width."""
    return screen(render(explanation, WIDTH), width=WIDTH)


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
        "pipeline_disabled", "duplicate_source", "status", "no_generator", "no_runner", "not_in_batch_ecosystems",
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
    seen = why(told_of("npm:a", entry("npm:a"), history={"npm:a": known}, attempts=lines))
    assert seen.isprintable() or set(filter(lambda char: not char.isprintable(), seen)) == {"\n"}
    assert re.search(r"✓ pipeline_disabled +true\n +`enabled` in batch-control.json is true", seen)
    assert re.search(r"✗ quarantined +no_stable_version\n", seen)
    assert f"since {moments(before(days=1))}, until {moments(before(days=-29))}; what changes it: a change" in seen
    assert re.search(r"· batch_full +not asked", seen)
    newest, *more, oldest = seen.partition("Tried 2 times")[2].splitlines()[1:]
    assert newest.split()[:6] == ["✗", *minute(before(days=1)).split(), "payload", "failed", "no_stable_version:"]
    assert more[-1].endswith("[31mcause")
    assert oldest.split() == ["!", *minute(before(days=9)).split(), "payload", "transient", "timeout"]


def test_the_screen_holds_an_explanation_however_much_is_told():
    """As many attempts as there is room for; what is longer than a line goes on below it, nothing is cut off."""
    lines = [
        concluded(AttemptOutcome.TRANSIENT, before(days=days), subcategory=Subcategory.TIMEOUT, message="word " * 60)
        for days in range(12, 0, -1)
    ]
    results = ["generate   " + "word " * 30, "validate   failed 11", "constrain  no_real_pass: " + "word " * 30]
    shown = why(told_of("npm:a", entry("npm:a"), batch=frozen(entry("npm:a")), results=results, attempts=lines))
    rows = shown.splitlines()
    assert len(rows) <= SCREEN
    assert max(map(len, rows)) <= WIDTH
    assert re.search(rf"! {minute(before(days=1))} +payload transient timeout: word word", shown)
    assert re.search(r"and \d+ before \(`--json` shows them\)\n$", shown)


def test_a_short_message_is_shown_whole_and_a_long_one_with_both_ends():
    """Its beginning says what failed, its end why."""
    short = "get: linux: 4,750 of 5,000 minutes used"
    for message, shown in ((short, short), (f"begin {'x' * 400} end", "begin xxx")):
        line = concluded(AttemptOutcome.DEFERRED, before(days=1), message=message)
        seen = why(told_of("npm:a", entry("npm:a"), history={"npm:a": told(line)}, attempts=[line]))
        said = " ".join(seen.partition("payload deferred: ")[2].split())
        assert said.startswith(shown)
        assert said.endswith(message[-4:])


def test_lines_without_a_conclusion_are_told_as_such():
    """After part of the journal was lost, or when a person has asked for a package before its first try."""
    line = concluded(AttemptOutcome.REQUEUED, before(days=1), stage=Stage.REQUEUE)
    seen = why(told_of("npm:a", entry("npm:a"), attempts=[line]))
    assert seen.splitlines()[-2] == "Never tried to the end; what is known of it:"
    assert why(told_of("npm:a", entry("npm:a"))).splitlines()[-1] == "Never tried."


@pytest.mark.parametrize("status", list(EntryStatus))
def test_a_status_that_keeps_a_package_out_says_what_it_means(status):
    """The name of a gate alone is no answer for a package that is done."""
    conclusion = told_of("npm:a", entry("npm:a", status=status)).conclusion
    assert conclusion == STATUS_WORDS.get(status, "would be number 1 of the next batch")


def test_a_package_that_needs_a_person_is_told_why():
    """Beside its status, which says only that."""
    known = told(failed(before(days=1), subcategory=Subcategory.NO_EXECUTABLES))
    manual = entry("npm:a", status=EntryStatus.REQUIRES_MANUAL)
    assert "It needs a person: it has no executables." in why(told_of("npm:a", manual, history={"npm:a": known}))


def test_the_document_holds_the_same_as_the_screen():
    """One JSON document, for programs."""
    found = told_of("npm:a", entry("npm:a"))
    document = msgspec.json.decode(msgspec.json.encode(found))
    assert document["conclusion"] == found.conclusion
    assert [gate["gate"] for gate in document["gates"]] == [gate.gate for gate in found.gates]
