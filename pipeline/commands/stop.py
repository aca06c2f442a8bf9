"""`doit stop`: the emergency stop. It holds from the next request of a run that is under way."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.base import Root, StateCommand, no_arguments, wrong_call
from pipeline.commands.operator import REASON, note_of, switches_of
from pipeline.control.switches import stopped
from pipeline.model import Control
from pipeline.state.control_file import operator
from pipeline.terminal import Mood, hint, title


class Stop(StateCommand):
    """Switch everything off."""

    name = "stop"
    doc_purpose = "stop everything, also a run that is under way, from its next request on"
    doc_usage = "--reason TEXT [--incident URL] [--until TIMESTAMP]"
    cmd_options = (
        REASON,
        {"name": "incident", "long": "incident", "type": str, "default": "", "help": "where more is written"},
        {
            "name": "until",
            "long": "until",
            "type": str,
            "default": "",
            "help": "for people, such as 2026-03-01T12:00:00Z",
        },
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Set `enabled` to false, with reason, person and time."""
        no_arguments(arguments, self.name)
        note = note_of(root, options)
        if note.reason is None:
            raise wrong_call(self.name, "needs a reason: others will ask", '`doit stop --reason "why"`')

        def change(control: Control) -> Control:
            return stopped(control, note)

        control = operator(root.paths, root.config.ecosystems, change)
        self.tell(
            switches_of(control),
            title("stopped", f"({note.reason}): from the next request on, nothing is asked or run", Mood.WARN),
            hint("`doit resume` ends this"),
        )
        return 0
