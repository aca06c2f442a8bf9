"""`doit enable`: let one ecosystem go on."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.base import Root, StateCommand
from pipeline.commands.operator import one_ecosystem, switches_of
from pipeline.control.switches import enabled
from pipeline.model import Control
from pipeline.state.control_file import operator
from pipeline.terminal import Mood, title


class Enable(StateCommand):
    """Switch one ecosystem on again."""

    name = "enable"
    doc_purpose = "end what `doit disable` began"
    doc_usage = "ECOSYSTEM"

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Take the ecosystem out of `disabled_ecosystems`."""
        del options
        ecosystem = one_ecosystem(arguments, root.config.ecosystems, self.name)

        def change(control: Control) -> Control:
            return enabled(control, ecosystem)

        control = operator(root.paths, root.config.ecosystems, change)
        on = control.enabled
        self.tell(
            switches_of(control),
            title(f"{ecosystem} is enabled", "" if on else "the pipeline is stopped", Mood.GOOD if on else Mood.WARN),
        )
        return 0
