"""What a check of the machine is, what it is given, and what it finds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from pipeline.config import Config, GeneratorKind
from pipeline.ecosystems.base import Endpoints
from pipeline.errors import PipelineError
from pipeline.host import Host
from pipeline.sandbox.base import Sandbox
from pipeline.store import Paths


class State(StrEnum):
    """How a check ended. `failed`: some of the work cannot be done. `warning`: it can, but slower or less well.

    `not_needed`: nothing of the work asks for it. `not_asked`: it was not looked at now, which says nothing of it.
    """

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_NEEDED = "not_needed"
    NOT_ASKED = "not_asked"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found: `seen` in one line, and what to do, "" where there is nothing to do."""

    check: str
    state: State
    seen: str
    remedy: str = ""


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended; `exit_code` is -1 when it could not be started, or took too long."""

    exit_code: int
    out: str = ""
    err: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A server's answer: its status, the seconds until its headers came, the headers, the beginning of its body."""

    status: int
    seconds: float
    headers: Mapping[str, str]
    content: bytes


class Unanswered(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer. `paced`: nobody was asked, as the next request of this machine is due later."""

    message: str
    paced: bool = False


# The words of a command line, and variables beside those of the user.
Ask = Callable[[tuple[str, ...], Mapping[str, str]], Ran]


class Prober(Protocol):
    """Asks servers one question each, at the pace of the pipeline."""

    def get(self, url: str, *, rate: float, authorization: str = "", accept: str = "") -> Reply | Unanswered:
        """Return the answer to one GET, of any status, or why there is none; never tried twice."""


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What the operating system gives: MiB and files that are free below `build/`, MiB of memory, open files.

    `inodes` is None where the file system has no such limit; `writable` is "" or why nothing can be written there.
    `open_files` is the largest number that this user may ask for.
    """

    writable: str
    disk_mb: int
    inodes: int | None
    memory_mb: int | None
    open_files: int


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the checks see of the machine.

    `config` is the shipped one where `defect` says why the root's cannot be used. `prober` is None when nobody is to be
    asked. `needed` are the ecosystems that the queue has packages of, each with the identifier of its first.
    `wall` is the clock, `encoding` that of the output; `acting` says who acts, `lives` whether a process is there.
    """

    paths: Paths
    environment: Mapping[str, str]
    wall: Callable[[], datetime]
    config: Config
    defect: PipelineError | None
    needed: Mapping[str, str]
    host: Host
    ask: Ask
    prober: Prober | None
    endpoints: Endpoints
    sandbox: Sandbox
    resources: Callable[[], Resources]
    acting: Callable[[], str | None]
    lives: Callable[[int], bool]
    encoding: str

    def is_native(self, ecosystem: str) -> bool:
        """Return whether this project makes the recipes of an ecosystem itself."""
        return self.config.ecosystems[ecosystem].generator is GeneratorKind.NATIVE


class Check(Protocol):
    """One check, or a few that look at the same thing."""

    def __call__(self, machine: Machine, /) -> Iterable[Finding]:
        """Look, and say what was found; expected failures are findings."""


def ok(check: str, seen: str) -> Finding:
    """Return that all is well."""
    return Finding(check=check, state=State.OK, seen=seen)


def warning(check: str, seen: str, remedy: str) -> Finding:
    """Return that the work can be done, but not as well as it could."""
    return Finding(check=check, state=State.WARNING, seen=seen, remedy=remedy)


def failed(check: str, seen: str, remedy: str) -> Finding:
    """Return that some of the work cannot be done."""
    return Finding(check=check, state=State.FAILED, seen=seen, remedy=remedy)


def not_needed(check: str, seen: str) -> Finding:
    """Return that nothing of the work asks for it."""
    return Finding(check=check, state=State.NOT_NEEDED, seen=seen)


def not_asked(check: str, seen: str) -> Finding:
    """Return that nobody looked, and why."""
    return Finding(check=check, state=State.NOT_ASKED, seen=seen)


def of_error(check: str, error: PipelineError) -> Finding:
    """Return what a person must mend, as an error of the pipeline says it."""
    return failed(check, error.message, error.remedy)
