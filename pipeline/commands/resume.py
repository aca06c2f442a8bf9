"""`doit resume`: the end of an emergency stop."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.commands.operator import switches_of
from pipeline.control.switches import resumed
from pipeline.state.control_file import operator
from pipeline.terminal import Mood, hint, title


class Resume(StateCommand):
    """Switch the pipeline on again."""

    name = "resume"
    doc_purpose = "end what `doit stop` began"

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Set `enabled` to true; ecosystems that were disabled one by one stay so."""
        del options
        no_arguments(arguments, self.name)
        control = operator(root.paths, root.config.ecosystems, resumed)
        still = ", ".join(control.disabled_ecosystems)
        self.tell(
            switches_of(control),
            title("resumed", f"still disabled: {still}" if still else "", Mood.WARN if still else Mood.GOOD),
            hint("the next `doit` goes on"),
        )
        return 0
