"""How doit finds the tasks: as ever, but after a look at the command line that doit itself cannot read."""

import os
import sys
from typing import NoReturn

from doit.cmd_base import DodoTaskLoader

from pipeline.console import fail, open_output
from pipeline.errors import BadInput, Defect


class Loader(DodoTaskLoader):  # type: ignore[misc]  # doit has no types
    """Loads `dodo.py`. doit makes it before it looks at the arguments, and stumbles there over an empty one."""

    def __init__(self) -> None:
        super().__init__()
        if "" in sys.argv[1:]:
            open_output()
            rule = "an argument is empty, such as that of an option"
            fail(BadInput("command line", Defect(pointer="", rule=rule, remedy="leave it out, or write what is meant")))
        if not {"-h", "--help"}.isdisjoint(sys.argv[1:]):
            _help()


def _help() -> NoReturn:
    """Become `doit help` of the command or task that is named: doit knows `--help` alone, and answers in its words."""
    named = [word for word in sys.argv[1:] if not word.startswith("-") and "=" not in word][:1]
    started = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv[1:])]
    os.execv(sys.executable, [*started, "help", *(word for word in named if word != "help")])  # noqa: S606  # no shell
