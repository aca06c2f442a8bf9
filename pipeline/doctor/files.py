"""Whether the files can be read: configuration, control file, queue, journal, ledger; and what a killed run left."""

from collections.abc import Callable, Iterable
from pathlib import Path

from pipeline.decoding import decoder
from pipeline.doctor.base import Finding, Machine, of_error, ok, warning
from pipeline.errors import PipelineError
from pipeline.lock import Holder
from pipeline.model import LedgerEntry
from pipeline.settings import load_control, load_queue
from pipeline.state import journal
from pipeline.state.jsonl import decode_line
from pipeline.store import Paths, is_there, read_bytes, read_result
from pipeline.text import counted


def examine(machine: Machine) -> Iterable[Finding]:
    """Read all that a run reads before its first task."""
    paths = machine.paths
    if machine.defect is not None:
        yield of_error("configuration", machine.defect)
        yield warning("queue", "it was looked for where the shipped configuration says", "mend the configuration first")
    else:
        yield ok("configuration", str(paths.config if is_there(paths.config) else "the shipped one"))
        yield _queue(machine)
    yield _control(machine)
    yield _journal(machine)
    yield _ledger(paths)
    yield leftovers(paths, machine.lives)


def _queue(machine: Machine) -> Finding:
    try:
        entries = load_queue(machine.paths, machine.config)[0].entries
    except PipelineError as error:
        return of_error("queue", error)
    if not entries:
        return warning("queue", "it has no packages", "`doit add SOURCE`, or `doit seed`")
    return ok("queue", counted(len(entries), "package"))


def _control(machine: Machine) -> Finding:
    try:
        control = load_control(machine.paths, machine.config.ecosystems)
    except PipelineError as error:
        return of_error("control file", error)
    if not control.enabled:
        return warning("control file", "the pipeline is stopped", "`doit status` says why, `doit resume` ends it")
    return ok("control file", "the pipeline is enabled" if is_there(machine.paths.control) else "none: all is enabled")


def _journal(machine: Machine) -> Finding:
    try:
        damaged = journal.load(machine.paths, machine.wall()).damaged
    except PipelineError as error:
        return of_error("journal", error)
    return _lines("journal", damaged, machine.paths.journal_folder)


def _ledger(paths: Paths) -> Finding:
    if not is_there(paths.ledger):
        return ok("ledger", "no batch was published yet")
    try:
        content = read_bytes(paths.ledger, purpose="ledger of batches")
    except PipelineError as error:
        return of_error("ledger", error)
    reader = decoder(LedgerEntry)
    lines = [line for line in content.split(b"\n") if line and not line.isspace()]
    return _lines("ledger", sum(decode_line(reader, line) is None for line in lines), paths.ledger)


def _lines(check: str, damaged: int, place: Path) -> Finding:
    if damaged:
        seen = f"{counted(damaged, 'line')} cannot be read, and what they said is not known"
        return warning(check, seen, f"take {place} from the last commit in which it was whole, and add what came since")
    return ok(check, "every line can be read")


def leftovers(paths: Paths, lives: Callable[[int], bool]) -> Finding:
    """Return whether a run is at work here, or one was killed."""
    holder = read_result(paths.lock_holder, Holder)
    if holder is not None and lives(holder.pid):
        return ok("other runs", f"process {holder.pid} is at work here since {holder.since}")
    left = len(list(paths.sandbox.glob("job-*")))
    if holder is not None or left:
        who = f"process {holder.pid}, at work since {holder.since}," if holder else "a run"
        folders = f", and left {counted(left, 'folder')} of its jobs" if left else ""
        remedy = "`doit` goes on from there, and removes what is of no use"
        return warning("other runs", f"{who} was ended before its work was done{folders}", remedy)
    return ok("other runs", "none, and none has left anything")
