"""A command that works on the state, not on tasks: what it is given, and how it ends."""

import os
import sqlite3
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from doit.cmd_base import Command
from doit.cmdparse import CmdOption, CmdParseError
from rich.console import RenderableType

from pipeline.checks import shorten
from pipeline.config import Config
from pipeline.console import (
    JSON,
    bad_option,
    interrupted,
    of_database,
    open_output,
    overrides_of,
    refused,
    report,
    root_folder,
    usage,
    write_document,
)
from pipeline.errors import BadInput, Defect, PipelineError
from pipeline.settings import load_config
from pipeline.store import Paths
from pipeline.terminal import Terminal, visible


@dataclass(frozen=True, kw_only=True)
class Root:
    """What a command works on: the root's paths and configuration, at one moment."""

    paths: Paths
    config: Config
    now: datetime
    environment: Mapping[str, str]


class StateCommand(Command):  # type: ignore[misc]  # doit has no types
    """Base of the commands: one look, `--json`, one line for what is wrong, exit codes as those of the tasks."""

    as_json = False
    doc_usage = ""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.doc_usage = usage(self.doc_usage)

    def get_options(self) -> list[CmdOption]:
        """Return the command's options, and `--json`, which every command has; the name is doit's."""
        return [*super().get_options(), CmdOption(JSON)]

    def parse_execute(self, in_args: Sequence[str]) -> int:
        """Read the command line as it was typed, and run the command; the names of the parameters are doit's.

        doit takes every `a=b` away, also an address with a query or a reason, and reads no option behind a name.
        """
        typed = sys.argv[sys.argv.index(self.name) + 1 :] if self.name in sys.argv else in_args
        try:
            options, rest = self.cmdparser.parse(list(typed))
            arguments: list[str] = []
            while rest:
                arguments.append(rest[0])
                options, rest = self.cmdparser.parse_only(rest[1:], options)
        except CmdParseError as error:
            wrong = bad_option(self.name, self.cmdparser, error)
            report(wrong)
            return wrong.exit_code
        return self.execute(options, arguments)

    def execute(self, opt_values: Mapping[str, Any], pos_args: Sequence[str]) -> int:
        """Run the command; `key=value` among the arguments are overrides of the configuration."""
        open_output()
        self.as_json = opt_values["json"]
        try:
            _refuse_bytes([*pos_args, *map(str, opt_values.values())])
            overrides = overrides_of(pos_args)
            paths = Paths(root_folder(os.environ, Path.cwd()))
            root = self.open_root(paths, overrides)
            code = self.perform(root, opt_values, [name for name in pos_args if "=" not in name])
            sys.stdout.flush()  # what cannot be written is told here, not by Python at the end
            return code
        except PipelineError as error:
            report(error)
            return error.exit_code
        except OSError as error:
            return refused(error)
        except sqlite3.Error as error:
            report(of_database(error))
            return PipelineError.exit_code
        except KeyboardInterrupt:
            return interrupted("what is finished is kept")

    def open_root(self, paths: Paths, overrides: Sequence[tuple[str, str]]) -> Root:
        """Return what the command works on; raises `PipelineError` for a configuration that cannot be used."""
        config = load_config(paths, overrides)
        return Root(paths=paths, config=config, now=datetime.now(UTC), environment=os.environ)

    @abstractmethod
    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Do the work and return the exit code; raises `PipelineError` for what a person must mend."""

    def tell(self, document: object, *shown: RenderableType) -> None:
        """Print the answer: with `--json` as one JSON document, else what is to be shown to people.

        `shown` is made of the blocks of `pipeline.terminal`, or of plain text.
        """
        if self.as_json:
            write_document(document)
        else:
            Terminal().print(*shown, sep="\n")

    def say(self, text: str) -> None:
        """Write text to the standard output, with a final newline; signs that steer a terminal as `\\u001b`."""
        sys.stdout.write(f"{visible(text.removesuffix(chr(10)))}\n")


def no_arguments(arguments: Sequence[str], command: str) -> None:
    """Refuse arguments, such as the second half of a reason without quotes."""
    if arguments:
        rule = f"takes no arguments, got {shorten(arguments[0])}"
        raise wrong_call(command, rule)


def wrong_call(command: str, rule: str, remedy: str = "") -> BadInput:
    """Return the error for a command line that breaks a rule of its command."""
    return BadInput(f"doit {command}", Defect(pointer="", rule=rule, remedy=remedy or f"see `doit help {command}`"))


def _refuse_bytes(typed: Sequence[str]) -> None:
    """Refuse what is no text in this user's encoding: no file of this project could hold it."""
    for text in typed:
        if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
            defect = Defect(pointer="", rule=f"{shorten(ascii(text))} is not text", remedy="write it in UTF-8")
            raise BadInput("command line", defect)
