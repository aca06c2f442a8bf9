"""Every error that a user must act on: one line of message, one of remedy, an exit code.

Expected failures of a package are values (`model.Skipped`, `model.Failed`, `model.Held`), never one of these.
"""

import errno
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One rule that a value breaks: where (a JSON pointer, "" for the whole), which rule, what to do."""

    pointer: str
    rule: str
    remedy: str


class PipelineError(Exception):
    """An error that stops the run; `exit_code` is what the process ends with."""

    exit_code = 3

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def line(self) -> str:
        """Return the whole error as one line without control characters."""
        text = f"{self.message}; remedy: {self.remedy}"
        return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)

    def document(self) -> "ErrorDocument":
        """Return what is written with `--json`."""
        return ErrorDocument(error=Problem(message=self.message, remedy=self.remedy, exit_code=self.exit_code))


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, what to do about it, and what the process ends with."""

    message: str
    remedy: str
    exit_code: int


class ErrorDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An error as every command writes it with `--json`, on one line of the standard error stream."""

    error: Problem


def of_system(error: OSError) -> PipelineError:
    """Return what the operating system refused, in words for the person who can mend it."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            remedy = "free some space there"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            remedy = "let this user write there"
        case errno.EMFILE | errno.ENFILE:
            remedy = "raise the limit of open files (`ulimit -n`)"
        case _:
            remedy = "see what stands there"
    return PipelineError(
        f"{error.filename2 or error.filename or 'the output'}: {error.strerror or error}", remedy=remedy
    )


class BadInput(PipelineError):
    """A file or an override on the command line does not follow its schema."""

    exit_code = 4

    def __init__(self, place: str, defect: Defect) -> None:
        where = f"{place}: {defect.pointer}" if defect.pointer else place
        super().__init__(f"{where}: {defect.rule}", remedy=defect.remedy)
        self.place = place
        self.defect = defect


class UnknownName(PipelineError):
    """A task, ecosystem or platform that does not exist; names the nearest one that does."""

    exit_code = 5


class NoClient(PipelineError):
    """The ordinary client of an ecosystem is not here, or does not say where its registry is."""


class EmptySelection(PipelineError):
    """What was asked for exists, but nothing in the queue can be worked on."""

    exit_code = 6


class NothingOffered(EmptySelection):
    """The queue was to be filled from a registry that has nothing to rank by, or whose packages nobody can make."""


class AlreadyRunning(PipelineError):
    """Another process works on the same root."""

    exit_code = 7


class Alarm(PipelineError):
    """Nothing that the pipeline can mend; a person should look: no recipes, changed bytes, a recipe that differs."""

    exit_code = 8


class Interrupted(PipelineError):
    """Ctrl-C or SIGTERM; the exit code is what a shell reports then."""

    exit_code = 130
