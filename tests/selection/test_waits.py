"""Packages that a gate on what was generated holds: when they are tried, and what tells so."""

from datetime import timedelta

import pytest

from pipeline.commands.why import SCREEN, WIDTH, render
from pipeline.history.fold import NOTHING
from pipeline.instants import timestamp
from pipeline.model import (
    AdmissionGate,
    AttemptOutcome,
    Decision,
    EntryStatus,
    Gate,
    GateVerdict,
    OutcomeRecord,
    Skipped,
    Subcategory,
)
from pipeline.publishing.requeue import Wanted, chosen
from pipeline.selection.batch import select
from pipeline.selection.explain import explain
from pipeline.selection.statuses import after_batch, excluded_sources
from pipeline.terminal import moments
from tests.builders import NOW, config, entry, queue
from tests.builders_selection import before, concluded, situation, stop_of, told
from tests.screens import screen

SECOND = timedelta(seconds=1)


def waits(until: str) -> object:
    return told(concluded(AttemptOutcome.DEFERRED, before(days=1), until=until, subcategory=Subcategory.TOO_YOUNG))


def frozen() -> object:
    cause = Subcategory.CHANGED_BYTES
    return told(
        concluded(AttemptOutcome.FAILED, before(days=400), subcategory=cause, needs_person=True, message="was aa")
    )


def test_it_is_due_at_the_very_moment():
    """Not a second before, and not after the days of a quarantine."""
    stop = stop_of(entry("npm:a"), waits(timestamp(NOW + SECOND)))
    assert stop is not None
    assert (stop.gate, stop.until, stop.since) == (Gate.NOT_DUE, timestamp(NOW + SECOND), before(days=1))
    assert stop_of(entry("npm:a"), waits(timestamp(NOW))) is None


def test_once_due_it_comes_before_what_was_never_tried():
    """It had its turn; a queue of thousands would else keep it for weeks. A better priority still comes first."""
    entries = entry("npm:a"), entry("npm:b"), entry("npm:c", priority=1)
    found = select(situation(*entries, history={"npm:b": waits(timestamp(NOW))}))
    assert found.line == ["npm:c", "npm:b", "npm:a"]
    assert found.selected[1].reason == f"priority 2, held for its age before, last tried {before(days=1)}"


def test_the_queue_says_when_it_is_tried_again():
    """It stays pending."""
    line = concluded(AttemptOutcome.DEFERRED, before(days=1), until=timestamp(NOW), subcategory=Subcategory.TOO_YOUNG)
    changed = after_batch(queue(entry("npm:a")), [line], {"npm:a": told(line)}, config(), at=timestamp(NOW))
    assert [(one.status, one.next_retry_at) for one in changed.entries] == [(EntryStatus.PENDING, timestamp(NOW))]


@pytest.mark.parametrize("status", [EntryStatus.PENDING, EntryStatus.FAILED])
def test_what_is_frozen_is_not_thawed_by_time_or_an_edit_of_the_queue(status):
    """Only a requeue is."""
    stop = stop_of(entry("npm:a", status=status), frozen())
    assert stop is not None
    assert (stop.gate, stop.until) == (Gate.QUARANTINED, None)
    assert "doit requeue npm:a" in stop.remedy


def test_a_requeue_in_bulk_leaves_alone_what_is_frozen():
    """By its name, or with all that is frozen, a person decides on it."""
    known = queue(entry("npm:a", status=EntryStatus.REQUIRES_MANUAL), entry("npm:b", status=EntryStatus.FAILED))
    history = {"npm:a": frozen(), "npm:b": NOTHING}

    def sources(**wanted: object) -> list[str]:
        return chosen(known, history, Wanted(**wanted), ["npm"], NOW, held={}).sources

    assert sources(ecosystem="npm") == ["npm:b"]
    assert sources(category="changed_bytes") == ["npm:a"]
    assert sources(sources=["npm:a"]) == ["npm:a"]


def test_excluded_sources_are_those_that_a_person_excluded():
    """And no others."""
    assert excluded_sources([entry("npm:a", status=EntryStatus.EXCLUDED), entry("npm:b")]) == {"npm:a"}


def test_the_screen_shows_each_verdict_and_stays_a_screen():
    """What is shut says until when and what opens it; the rest takes a line each, however long its value is."""
    held = AdmissionGate.RELEASE_AGE
    verdicts = [
        GateVerdict(
            gate=gate,
            decision=Decision.HOLD if gate is held else Decision.RISK if gate.value > "t" else Decision.PASS,
            rule="the rule",
            value="word " * 60,
            until="2026-03-05T12:00:00Z" if gate is held else None,
            remedy="time" if gate is held else "",
        )
        for gate in AdmissionGate
    ]
    made = OutcomeRecord(
        source="npm:a",
        name="a",
        made_from="0" * 64,
        at=before(days=1),
        seconds=1,
        outcome=Skipped(subcategory=Subcategory.TOO_YOUNG, message="wait", until="2026-03-05T12:00:00Z"),
        gates=verdicts,
    )
    known = waits("2026-03-05T12:00:00Z")
    asked = situation(entry("npm:a"), history={"npm:a": known})
    lines = [concluded(AttemptOutcome.DEFERRED, before(days=1), until="2026-03-05T12:00:00Z", message="word " * 60)] * 9
    explanation = explain("npm:a", asked, made=made, attempts=lines)
    rows = screen(render(explanation, WIDTH), width=WIDTH).splitlines()
    assert len(rows) <= SCREEN
    assert max(map(len, rows)) <= WIDTH
    assert f"Gates on what was generated at {moments(before(days=1))}:" in rows
    named = [row.split()[1] for row in rows if row[:2] == "  " and row[2:3] in set("✓!✗")]
    assert [name for name in named if name in set(AdmissionGate)] == list(AdmissionGate)
    assert "      the rule; until 2026-03-05 12:00 UTC; what changes it: time" in rows
    assert explanation.judged == verdicts
