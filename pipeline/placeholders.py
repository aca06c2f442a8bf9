"""The placeholders of a user's command: which ones a command may hold, and the command with their values. Pure.

An argument is filled in one go and never goes through a shell, so a value cannot become a second argument, an operator
or another placeholder. Braces that hold anything but lower-case letters are left as they are (`{a: .b}` of jq).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from pipeline.checks import nearest, shorten
from pipeline.errors import Defect
from pipeline.text import one_line

# What a generator and a validator are told; `{name}` is what the recipe is called.
PACKAGE: Final = ("name", "source", "identifier")
GENERATOR: Final = (*PACKAGE, "output")
VALIDATOR: Final = (*PACKAGE, "recipe", "platform")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def filled(command: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """Return a command that `generator_defect` or `validator_defect` has passed, with the values in its arguments."""
    program, *arguments = command
    return (program, *(_PLACEHOLDER.sub(lambda found: values[found[1]], argument) for argument in arguments))


def program_name(command: Sequence[str]) -> str:
    """Return what a command's program is called in messages."""
    return one_line(PurePosixPath(command[0]).name)


def generator_defect(command: Sequence[str], pointer: str) -> Defect | None:
    """Return what is wrong with a generator's command: it must name the package and where the recipe goes."""
    return _unknown(command, GENERATOR, pointer) or _missing(command, (("output",), PACKAGE), pointer)


def validator_defect(command: Sequence[str], pointer: str) -> Defect | None:
    """Return what is wrong with a validator's command: it must name the recipe."""
    return _unknown(command, VALIDATOR, pointer) or _missing(command, (("recipe",),), pointer)


def _unknown(command: Sequence[str], known: Sequence[str], pointer: str) -> Defect | None:
    for index, item in enumerate(command):
        for name in _PLACEHOLDER.findall(item):
            place = f"{pointer}/{index}"
            if index == 0:
                return Defect(pointer=place, rule="the program itself takes no placeholder", remedy="write it out")
            if name not in known:
                close = nearest(name, known)
                remedy = f"did you mean {{{close}}}?" if close else f"use {_listed(known)}"
                return Defect(pointer=place, rule=f"there is no placeholder {{{shorten(name)}}} here", remedy=remedy)
    return None


def _missing(command: Sequence[str], needed: Sequence[Sequence[str]], pointer: str) -> Defect | None:
    held = {name for item in command for name in _PLACEHOLDER.findall(item)}
    for names in needed:
        if held.isdisjoint(names):
            return Defect(
                pointer=pointer, rule=f"the command must hold {_listed(names)}", remedy="add it where it belongs"
            )
    return None


def _listed(names: Sequence[str]) -> str:
    return " or ".join(f"{{{name}}}" for name in names)
