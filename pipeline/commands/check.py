"""`doit check`: what rings, told to whoever should know: the terminal, CI, the webhook, the records."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Group, RenderableType

from pipeline.alarms.course import overview, untold
from pipeline.alarms.predicates import ringing
from pipeline.alarms.words import annotation, in_words, message, summary
from pipeline.alarms.words import title as alarm_title
from pipeline.clock import SystemClock
from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.errors import Alarm, AlreadyRunning, PipelineError, of_system
from pipeline.lock import alone
from pipeline.model import AlarmRecord
from pipeline.publishing.books import Books, save_state
from pipeline.publishing.places import destination_of
from pipeline.state import alarms, journal
from pipeline.terminal import Fact, Facts, Mood, moments, title
from pipeline.text import counted, one_line
from pipeline.webhook import VARIABLE, post


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a check came to: the lines that it `recorded`, those that the webhook took, and what went wrong."""

    recorded: list[AlarmRecord] = []
    delivered: list[AlarmRecord] = []
    warnings: list[str] = []


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What `doit check --json` prints.

    `ringing` are the alarms that ring, `at` the time at which each was first seen; `cleared` those that have ended in
    the last days. For the rest see `Told`.
    """

    ringing: list[AlarmRecord]
    cleared: list[AlarmRecord]
    recorded: list[AlarmRecord]
    delivered: list[AlarmRecord]
    warnings: list[str]


class Check(StateCommand):
    """Judge how things stand, write down what is new, and tell it."""

    name = "check"
    doc_purpose = "show the alarms that ring, write down and send what is new of them"
    doc_description = (
        "Ends with exit code 8 while an alarm rings, else with 0. What began to ring or has ended since the last check "
        f"is sent to the address in {VARIABLE}, if there is one. docs/alarms.md explains each alarm."
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Judge first: what rings is told even where it can neither be written down nor sent."""
        del options
        no_arguments(arguments, self.name)
        rings = ringing(alarms.facts(root.paths, root.config, root.now, journal.history(root.paths, root.now)))
        told = _tell(root, rings)
        told = msgspec.structs.replace(told, warnings=[*told.warnings, *_summarize(root, rings)])
        shown = overview(alarms.read(root.paths), rings, root.now)
        checked = Checked(
            ringing=shown.ringing,
            cleared=shown.cleared,
            recorded=told.recorded,
            delivered=told.delivered,
            warnings=told.warnings,
        )
        self.tell(checked, render(shown.ringing, told))
        sys.stdout.flush()
        _annotate(root, shown.ringing, told.warnings)
        return Alarm.exit_code if rings else 0


def render(rings: Sequence[AlarmRecord], told: Told) -> RenderableType:
    """Return what a check found, for people: each alarm with its remedy below it, then what has ended."""
    named = f"{counted(len(rings), 'alarm rings', 'alarms ring')}" if rings else "nothing rings"
    found = [_alarm(alarm) for alarm in rings]
    found += [Fact(name="ended", value=alarm_title(alarm), mood=Mood.GOOD) for alarm in told.recorded if alarm.cleared]
    return Group(title(named, mood=Mood.BAD if rings else Mood.GOOD), Facts(facts=found))


def _alarm(alarm: AlarmRecord) -> Fact:
    since = f", since {moments(alarm.since)}" if alarm.since else ""
    below = [f"remedy: {one_line(alarm.remedy)}"]
    return Fact(name=alarm.kind, value=f"{in_words(alarm)}{since}", mood=Mood.BAD, below=below)


def _tell(root: Root, rings: Sequence[AlarmRecord]) -> Told:
    """Write down what is new, then send it: what is not written down as sent is sent by the next check.

    While another process works on the root, neither is done: that one publishes, or the next check does it.
    """
    try:
        root.paths.build.mkdir(exist_ok=True)
        with alone(root.paths, root.now):
            return _told(root, rings)
    except AlreadyRunning as busy:
        return Told(warnings=[f"nothing was written down or sent: {busy.message}"])
    except OSError as error:  # a full disk, or a root that this user may only read
        return Told(warnings=[f"not written down: {of_system(error).message}; the next check does it"])


def _told(root: Root, rings: Sequence[AlarmRecord]) -> Told:
    recorded = alarms.record(root.paths, rings, root.now)
    asked = untold(alarms.read(root.paths))
    url = root.environment.get(VARIABLE, "")
    delivered: list[AlarmRecord] = []
    warnings: list[str] = []
    if url and asked:
        refused = post(url, msgspec.json.encode(message(asked)), SystemClock())
        if refused:
            warnings.append(f"the webhook was not reached: {refused}; the next check tries again")
        else:
            alarms.note_told(root.paths, asked)
            delivered = asked
    if recorded or delivered:
        warnings += _save(root)
    return Told(recorded=recorded, delivered=delivered, warnings=warnings)


def _save(root: Root) -> list[str]:
    """Keep the records where the state is kept; what cannot be kept there now goes with the next publication."""
    try:
        save_state(Books(root.paths, root.config), destination_of(root.paths, root.config, root.environment))
    except PipelineError as error:
        return [f"the state was not committed: {error.line()}"]
    return []


def _summarize(root: Root, rings: Sequence[AlarmRecord]) -> list[str]:
    """Add the table to the summary of a step in CI; return what kept it from being written."""
    place, table = root.environment.get("GITHUB_STEP_SUMMARY"), summary(rings)
    if place and table:
        try:
            with Path(place).open("a", encoding="utf-8") as file:
                file.write(table)
        except OSError as error:
            return [f"the summary was not written: {of_system(error).message}"]
    return []


def _annotate(root: Root, rings: Sequence[AlarmRecord], warnings: Sequence[str]) -> None:
    """Write annotations where GitHub reads them, beside the output, which may be JSON; elsewhere only the warnings."""
    if root.environment.get("GITHUB_ACTIONS") == "true":
        lines = [
            annotation("error", alarm_title(alarm), f"{in_words(alarm)}; {one_line(alarm.remedy)}") for alarm in rings
        ]
        lines += [annotation("warning", "doit check", one_line(warning)) for warning in warnings]
    else:
        lines = [f"recipeline: warning: {one_line(warning)}" for warning in warnings]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
