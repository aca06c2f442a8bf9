"""`doit doctor`: whether this machine can do the work, and what to do where it cannot."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from rich.console import RenderableType

from pipeline.clients import Clients
from pipeline.clock import SystemClock
from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.commands.operator import identity
from pipeline.doctor import resources
from pipeline.doctor.base import Finding, Machine, Ran, State
from pipeline.doctor.checks import examine
from pipeline.doctor.prober import HttpProber
from pipeline.errors import PipelineError
from pipeline.host import this_platform
from pipeline.model import EntryStatus
from pipeline.sandbox.bwrap import BwrapSandbox
from pipeline.settings import load_config, load_queue
from pipeline.source import ecosystem_of, identifier_of
from pipeline.store import Paths, machine_folder
from pipeline.terminal import Fact, Facts, Mood, sections, title
from pipeline.text import counted, one_line

MOODS = {
    State.OK: Mood.GOOD,
    State.WARNING: Mood.WARN,
    State.FAILED: Mood.BAD,
    State.NOT_NEEDED: Mood.IDLE,
    State.NOT_ASKED: Mood.IDLE,
}
# What a program that asks nothing but its own files may take; git's question to a remote is the longest.
_PROGRAM_SECONDS = 8.0
# After so long nobody waits for the pace of a registry any more.
_PACE_SECONDS = 2.5


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `doit doctor --json` prints: the findings in their order, and how many there are of each state."""

    findings: list[Finding]
    counts: dict[State, int]


class Doctor(StateCommand):
    """Look at the machine; writes nothing but caches below `build/`."""

    name = "doctor"
    doc_purpose = "check this machine: sandbox, runtimes, registries, git, disk, clock, and say what to do"
    doc_usage = "[--offline]"
    cmd_options = (
        {"name": "offline", "long": "offline", "type": bool, "default": False, "help": "ask no registry and no remote"},
    )
    _defect: PipelineError | None = None

    def open_root(self, paths: Paths, overrides: Sequence[tuple[str, str]]) -> Root:
        """Return the root; one whose configuration cannot be used is looked at by the shipped one."""
        try:
            return super().open_root(paths, overrides)
        except PipelineError as error:
            self._defect = error
            now = datetime.now(UTC)
            return Root(paths=paths, config=load_config(Paths(Path(os.devnull)), []), now=now, environment=os.environ)

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Run all checks; ends with the code of what a person must mend when one of them failed."""
        no_arguments(arguments, self.name)
        hurry = threading.Event()
        timer = threading.Timer(_PACE_SECONDS, hurry.set)
        timer.daemon = True
        timer.start()
        prober = None if options["offline"] else _prober(root, hurry)
        try:
            findings = examine(_machine(root, prober, self._defect))
        finally:
            timer.cancel()
            if prober is not None:
                prober.close()
        counts = Counter(finding.state for finding in findings)
        told = Report(findings=findings, counts={state: counts[state] for state in State})
        self.tell(told, render(told))
        return PipelineError.exit_code if counts[State.FAILED] else 0


def render(report: Report) -> RenderableType:
    """Return the findings for people: a line for each, what to do below it, and how many there are of each state."""
    found = [
        Fact(
            name=finding.check,
            value=one_line(finding.seen),
            mood=MOODS[finding.state],
            below=[f"remedy: {one_line(finding.remedy)}"] if finding.remedy else [],
        )
        for finding in report.findings
    ]
    worst = State.FAILED if report.counts[State.FAILED] else State.OK
    return sections([title("machine", mood=MOODS[worst]), Facts(facts=found)], _summary(report.counts))


def _summary(counts: Mapping[State, int]) -> str:
    total = sum(counts.values())
    bad = counts[State.FAILED]
    asked = f", {counts[State.NOT_ASKED]} not asked" if counts[State.NOT_ASKED] else ""
    words = f"{counted(bad, 'failure')}, {counted(counts[State.WARNING], 'warning')}"
    return f"{counted(total, 'check')}: {words}, {counts[State.OK]} ok, {counts[State.NOT_NEEDED]} not needed{asked}"


def _machine(root: Root, prober: HttpProber | None, defect: PipelineError | None) -> Machine:
    return Machine(
        paths=root.paths,
        environment=root.environment,
        wall=lambda: datetime.now(UTC),
        config=root.config,
        defect=defect,
        needed=_needed(root),
        host=this_platform(),
        ask=partial(run_program, root.environment),
        prober=prober,
        endpoints=Clients(root.environment, root.paths.root, ecosystems=root.config.ecosystems),
        sandbox=BwrapSandbox(root.environment),
        resources=partial(resources.look, root.paths.build),
        acting=partial(identity, root.environment),
        lives=lambda process: Path(f"/proc/{process}").exists(),
        encoding=sys.stdout.encoding,
    )


def _prober(root: Root, hurry: threading.Event) -> HttpProber:
    folder = machine_folder(root.environment, root.paths.build / "limiter")
    return HttpProber(folder, SystemClock(), hurry)


def _needed(root: Root) -> dict[str, str]:
    """Return the first package that is to be tried of each ecosystem; an unreadable queue is a finding of its own."""
    try:
        entries = load_queue(root.paths, root.config)[0].entries
    except PipelineError:
        return {}
    wanted = root.config.batch.ecosystems or root.config.ecosystems
    found: dict[str, str] = {}
    for entry in entries:
        ecosystem = ecosystem_of(entry.source)
        if entry.status is not EntryStatus.EXCLUDED and ecosystem in wanted:
            found.setdefault(ecosystem, identifier_of(entry.source))
    return found


def run_program(environment: Mapping[str, str], argv: tuple[str, ...], extra: Mapping[str, str]) -> Ran:
    """Run a program to its end, or as long as anybody would wait."""
    try:
        done = subprocess.run(
            argv,
            env={**environment, **extra},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROGRAM_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return Ran(exit_code=-1)
    out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return Ran(exit_code=abs(done.returncode), out=out, err=err)
