"""What all commands share: the root, the overrides of the command line, the output, and errors as one line."""

import os
import select
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from doit.cmdparse import CmdParse, CmdParseError

from pipeline.checks import shorten
from pipeline.errors import BadInput, Defect, PipelineError, of_system
from pipeline.store import SHIPPED

# What a shell reports for a program that Ctrl-C ended.
INTERRUPTED = 130
# What a shell reports for a program that wrote to a pipe which nobody reads any more, such as that of `| head`.
UNREAD = 141


def root_folder(environment: Mapping[str, str], working_folder: Path) -> Path:
    """Return the folder that everything hangs off: PIPELINE_ROOT, else the folder of dodo.py."""
    named = environment.get("PIPELINE_ROOT")
    if not named:
        return SHIPPED
    root = (working_folder / named).resolve()
    if not root.is_dir():
        raise PipelineError(f"PIPELINE_ROOT={shorten(named)}: there is no such folder", remedy="create it, or unset it")
    return root


def overrides_of(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Return the `key=value` arguments, by the rule that doit itself uses to take them out."""
    pairs = (argument.partition("=") for argument in arguments if "=" in argument and not argument.startswith("-"))
    return [(key, value) for key, _, value in pairs]


def bad_option(command: str, parser: CmdParse, error: CmdParseError) -> BadInput:
    """Return what is wrong with a command's options; doit's own words show how it is built, over many lines."""
    remedy = f"see `doit help {command}`"
    for option in parser.options:
        if f"parameter '{option.name}'" in str(error):
            flag = f"--{option.long}" if option.long else f"-{option.short}"
            wanted = "a whole number" if option.type is int else f"one of {', '.join(option.choices)}"
            return BadInput(f"doit {command}", Defect(pointer="", rule=f"{flag} must be {wanted}", remedy=remedy))
    rule = str(error).partition(" (parsing options")[0].partition(": ")[2]
    return BadInput(f"doit {command}", Defect(pointer="", rule=rule, remedy=remedy))


def of_database(error: Exception) -> PipelineError:
    """Return why a database below `build` cannot be used: a full or read-only disk, or damage deep inside."""
    words = " ".join(str(error).split())
    remedy = "make room and see that this user may write there; the databases may be removed, results are kept in files"
    return PipelineError(f"a database in the build folder: {words}", remedy=remedy)


def open_output() -> None:
    """Have what is written to the standard streams be written, whatever they are.

    A stream that the process was started without leads nowhere: Python has None there, and the next file to be opened
    would be what others take for the output. What an output cannot show becomes a question mark.
    """
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_WRONLY)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8"))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def is_unread() -> bool:
    """Return whether the standard output is a pipe that nobody reads any more."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def unread() -> int:
    """Have what is still to be written go nowhere, and return the exit code: who closed a pipe has read enough."""
    _give_up_output()
    return UNREAD


def refused(error: OSError) -> int:
    """Say what the operating system refused, and return the exit code; an unread pipe is nothing to speak of."""
    if error.filename is None:
        if isinstance(error, BrokenPipeError) and is_unread():
            return unread()
        _give_up_output()
    report(of_system(error))
    return PipelineError.exit_code


def _give_up_output() -> None:
    """Python would try once more at its end to write what is left, and complain in its own words."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def fail(error: PipelineError) -> NoReturn:
    """Say what is wrong and what to do, in one line, and end the process."""
    report(error)
    raise SystemExit(error.exit_code)


def report(error: PipelineError) -> None:
    """Write an error's one line to the standard error stream."""
    sys.stderr.write(f"recipeline: error: {error.line()}\n")
