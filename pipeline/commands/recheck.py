"""`doit recheck`: whether something has changed upstream for packages in quarantine."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.base import Root, StateCommand, no_arguments, wrong_call
from pipeline.model import Attempt, AttemptOutcome
from pipeline.recheck import Rechecked, recheck
from pipeline.text import counted

# At one request a second, some two minutes.
LIMIT = 100


class Recheck(StateCommand):
    """Look at metadata again."""

    name = "recheck"
    doc_purpose = "look whether metadata of packages in quarantine has changed, so that they may be tried again"
    doc_usage = "[--limit N] [--json]"
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

        def told(look: Attempt) -> None:
            if not options["json"]:
                self.say(line(look))

        done = recheck(root.paths, root.config, root.environment, root.now, options["limit"], told)
        self.tell(done, words(done))
        return 0


def line(look: Attempt) -> str:
    """Return what one look found, for people."""
    cause = f"{look.subcategory}: " if look.subcategory else ""
    return f"{_WORDS[look.outcome]:<10} {look.source}: {cause}{look.message}"


def words(done: Rechecked) -> str:
    """Return the sum of it, for people."""
    lines = [f"{ecosystem} was left alone: {why}" for ecosystem, why in sorted(done.held.items())]
    if not done.looks:
        return "\n".join(
            [*lines, *([] if lines else ["nothing to recheck: no package in quarantine is due for a look"])]
        )
    counts = [f"{done.count(outcome)} {word}" for outcome, word in _WORDS.items() if done.count(outcome)]
    left = f"; {done.left} more are due" if done.left else ""
    return "\n".join([*lines, f"{counted(len(done.looks), 'package')} looked at: {', '.join(counts)}{left}"])


_WORDS = {
    AttemptOutcome.CHANGED: "changed",
    AttemptOutcome.UNCHANGED: "unchanged",
    AttemptOutcome.TRANSIENT: "no answer",
}
