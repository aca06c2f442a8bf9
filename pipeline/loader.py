"""How doit finds the tasks: as ever, but after a look at the command line that doit itself cannot read."""

import sys

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
