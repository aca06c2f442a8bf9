"""What people and machines see of the commands: `doit help`."""

import re
from collections.abc import Mapping

import msgspec
from doit.cmd_base import Command
from doit.cmdparse import CmdOption
from rich.console import RenderableType

from pipeline.terminal import Fact, Facts, facts, heading, hint, line, sections, title

# Options that doit itself defines, by the command and their name there, as they are of use here. The others choose
# doit's files, its reporters and its ways to load tasks, all of which the pipeline sets: help does not show them.
OF_DOIT: Mapping[tuple[str, str], str] = {
    ("run", "always"): "run also what is up to date",
    ("run", "single"): "run the tasks that are named and none of those that they need",
    ("run", "num_process"): "how many tasks may be under way at once",
    ("list", "subtasks"): "all tasks, a line for each",
    ("list", "quiet"): "names alone",
    ("list", "status"): "before each name R for what would be run, U for what is up to date",
    ("list", "list_deps"): "the files that each task is made from",
    ("list", "sort"): "in the order of the stages (definition) or by name (name)",
    ("info", "hide_status"): "do not ask whether it would be run",
    ("clean", "dryrun"): "name what would be cleaned, remove nothing",
    ("clean", "cleandep"): "also what the tasks are made from",
    ("clean", "cleanall"): "all tasks",
    ("forget", "forget_sub"): "also what the tasks are made from",
    ("forget", "forget_all"): "all tasks",
}


class OptionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An option of a command; `value` is what its usage calls the value, "" of a switch."""

    long: str
    short: str
    value: str
    takes_value: bool
    choices: list[str]
    help: str


class CommandInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A command, as `doit help --json` prints it."""

    name: str
    purpose: str
    usage: str
    description: str
    options: list[OptionInfo]


def command_info(command: Command, *, own: bool) -> CommandInfo:
    """Return a command with its options; one that is not all our `own` has options of doit, too."""
    usage = f"doit {command.name} {command.doc_usage}".strip()
    return CommandInfo(
        name=command.name,
        purpose=command.doc_purpose,
        usage=usage,
        description=" ".join((command.doc_description or "").split()),
        options=[
            _option(option, usage, _words(command.name, option, own=own))
            for option in command.cmdparser.options
            if _words(command.name, option, own=own)
        ],
    )


def _words(command: str, option: CmdOption, *, own: bool) -> str:
    """Return what an option does; "" of one that is not shown."""
    if own or option.name == "json":
        return " ".join((option.help % {"default": option.default}).split())
    return OF_DOIT.get((command, option.name), "")


def _option(option: CmdOption, usage: str, words: str) -> OptionInfo:
    flag = f"--{option.long}" if option.long else f"-{option.short}"
    takes_value = option.type is not bool
    named = re.search(rf"{re.escape(flag)} ([^\s\]]+)", usage)
    return OptionInfo(
        long=f"--{option.long}" if option.long else "",
        short=f"-{option.short}" if option.short else "",
        value=(named[1] if named else "VALUE") if takes_value else "",
        takes_value=takes_value,
        choices=sorted(option.choices),
        help=words,
    )


def command_view(info: CommandInfo) -> RenderableType:
    """Return one command for people."""
    options = [
        Fact(
            name=" ".join(filter(None, [", ".join(filter(None, [option.short, option.long])), option.value])),
            value=option.help,
        )
        for option in info.options
    ]
    width = max(len(option.name) for option in options)
    return sections(
        [title(f"doit {info.name}"), line(info.purpose), *([line(info.description)] if info.description else [])],
        [heading("Usage"), line(info.usage)],
        [heading("Options"), Facts(facts=options, name_width=width)],
    )


def help_view(purposes: Mapping[str, str]) -> RenderableType:
    """Return the commands for people."""
    return sections(
        title("recipeline", "turns a ranked queue of package names into a pull request of install recipes"),
        facts(*((name, purpose) for name, purpose in purposes.items())),
        hint("`doit help COMMAND` shows its options, `doit list` the tasks; each command has --json"),
    )
