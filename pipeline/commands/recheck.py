"""`doit recheck`: whether something has changed upstream for packages in quarantine."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pipeline.commands.base import Root, StateCommand, no_arguments, wrong_call
from pipeline.model import Attempt, AttemptOutcome
from pipeline.recheck import Rechecked, recheck
from pipeline.run_lines import told
from pipeline.terminal import Mood, Terminal, facts, moments, title
from pipeline.text import counted

# At one request a second, some two minutes.
LIMIT = 100


class Recheck(StateCommand):
    """Look at metadata again."""

    name = "recheck"
    doc_purpose = "look whether metadata of packages in quarantine has changed, so that they may be tried again"
    doc_usage = "[--limit N]"
    cmd_options = (
        {
            "name": "limit",
            "long": "limit",
            "type": int,
            "default": LIMIT,
            "help": f"packages to look at, longest not looked at first (default {LIMIT})",
        },
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Look, and say at once what each look found."""
        no_arguments(arguments, self.name)
        if options["limit"] < 1:
            raise wrong_call(self.name, "--limit must be at least 1", f"leave it out for {LIMIT}")

        def tell_look(look: Attempt) -> None:
            if not options["json"]:
                Terminal().print(line(look), soft_wrap=True)

        done = recheck(root.paths, root.config, root.environment, root.now, options["limit"], tell_look)
        self.tell(done, render(done))
        return 0


def line(look: Attempt) -> Text:
    """Return what one look found, for people: a line as those of a run."""
    cause = f"{look.subcategory}: " if look.subcategory else ""
    return told(f"{_WORDS[look.outcome]:<10} {look.source}  {cause}{look.message}")


def render(done: Rechecked) -> RenderableType:
    """Return the sum of it, for people."""
    held = facts(*((name, f"left alone: {moments(why)}", Mood.WARN) for name, why in sorted(done.held.items())))
    if not done.looks:
        why = "no package in quarantine is due for a look" if not done.held else ""
        return Group(title(f"nothing to recheck{':' if why else ''}", why, Mood.IDLE), held)
    counts = [f"{done.count(outcome)} {word}" for outcome, word in _WORDS.items() if done.count(outcome)]
    left = f"; {done.left} more are due" if done.left else ""
    return Group(title(f"{counted(len(done.looks), 'package')} looked at:", f"{', '.join(counts)}{left}"), held)


_WORDS = {
    AttemptOutcome.CHANGED: "changed",
    AttemptOutcome.UNCHANGED: "unchanged",
    AttemptOutcome.TRANSIENT: "no answer",
}
