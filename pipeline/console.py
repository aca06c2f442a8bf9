"""What all commands share: the root, the overrides of the command line, the output, and errors as one line."""

import json
import os
import select
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

import msgspec
from doit.cmdparse import CmdParse, CmdParseError

from pipeline.checks import shorten
from pipeline.errors import BadInput, Defect, Interrupted, PipelineError, of_system
from pipeline.store import SHIPPED
from pipeline.terminal import visible

# The option that every command has, as doit describes one.
JSON = {"name": "json", "long": "json", "type": bool, "default": False, "help": "print one JSON document"}
# What a shell reports for a program that wrote to a pipe which nobody reads any more, such as that of `| head`.
UNREAD = 141


def usage(own: str) -> str:
    """Return how a command is called, from what is its own of that."""
    return f"{own} [--json]".strip()


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


def write_document(document: object) -> None:
    """Write an answer as one JSON document; signs that steer a terminal, or that the output cannot show, as escapes.

    In JSON, such an escape stands for the sign itself.
    """
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    plain = not sys.stdout.encoding.lower().startswith("utf")
    sys.stdout.write(f"{visible(text, plain=plain)}\n")


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
    """Write an error to the standard error stream: one line, with `--json` one JSON document in it.

    The standard output has the answer and nothing else, so whoever reads it as JSON finds no second document there.
    """
    if wants_json(sys.argv[1:]):
        sys.stderr.write(f"{json.dumps(msgspec.to_builtins(error.document()))}\n")  # a path may be no UTF-8
    else:
        sys.stderr.write(f"recipeline: error: {error.line()}\n")


def interrupted(what_now: str) -> int:
    """Say that a person or a signal has ended the command, and return the exit code."""
    error = Interrupted("interrupted", remedy=what_now)
    if wants_json(sys.argv[1:]):
        report(error)
    else:
        sys.stderr.write(f"recipeline: {error.message}; {error.remedy}\n")
    return error.exit_code


def wants_json(arguments: Sequence[str]) -> bool:
    """Return whether a command line asks for JSON: errors may come before anybody has read its options."""
    return any(len(one) > len("--") and "--json".startswith(one) for one in arguments)
