"""`doit disable`: stop one ecosystem, the others go on."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.base import Root, StateCommand
from pipeline.commands.operator import REASON, note_of, one_ecosystem, switches_of
from pipeline.control.switches import disabled
from pipeline.model import Control
from pipeline.state.control_file import operator
from pipeline.terminal import Mood, hint, title


class Disable(StateCommand):
    """Switch one ecosystem off."""

    name = "disable"
    doc_purpose = "stop one ecosystem, also in a run that is under way, from its next request on"
    doc_usage = "ECOSYSTEM [--reason TEXT]"
    cmd_options = (REASON,)

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Add the ecosystem to `disabled_ecosystems`."""
        ecosystem = one_ecosystem(arguments, root.config.ecosystems, self.name)
        note = note_of(root, options)

        def change(control: Control) -> Control:
            return disabled(control, ecosystem, note)

        control = operator(root.paths, root.config.ecosystems, change)
        reason = control.reason or "no reason given"
        self.tell(
            switches_of(control),
            title(f"{ecosystem} is disabled", f"({reason})", Mood.WARN),
            hint(f"`doit enable {ecosystem}` ends this"),
        )
        return 0
