"""`doit requeue`: packages that are to be tried again, whatever held them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType

from pipeline.commands.base import Root, StateCommand
from pipeline.publishing.requeue import Requeued, Wanted, requeue
from pipeline.terminal import Mood, hint, line, title
from pipeline.text import counted

# Sources that are named to people; `--json` names all.
NAMED = 50


class Requeue(StateCommand):
    """Have packages tried again."""

    name = "requeue"
    doc_purpose = "have packages tried again, whatever held them"
    doc_usage = "SOURCE ... | [--category CATEGORY] [--ecosystem ECO] [--dry-run]"
    cmd_options = (
        {
            "name": "category",
            "long": "category",
            "type": str,
            "default": "",
            "help": "all that failed for this category or cause",
        },
        {"name": "ecosystem", "long": "ecosystem", "type": str, "default": "", "help": "all of this ecosystem"},
        {"name": "dry_run", "long": "dry-run", "type": bool, "default": False, "help": "check all, write nothing"},
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Requeue, alone on the root, and say what was done."""
        wanted = Wanted(
            sources=arguments,
            category=options["category"],
            ecosystem=options["ecosystem"],
        )
        done = requeue(root.paths, root.config, wanted, root.now, dry_run=options["dry_run"])
        self.tell(done, render(done))
        return 0


def render(done: Requeued) -> RenderableType:
    """Return what was requeued, for people."""
    verb, mood = ("would be pending again", Mood.IDLE) if done.dry_run else ("pending again", Mood.GOOD)
    more = len(done.sources) - NAMED
    kept = f"{counted(len(done.in_review), 'package')} in review left alone: {', '.join(done.in_review)}"
    return Group(
        title(f"{counted(len(done.sources), 'package')} {verb}", mood=mood),
        *(line(source) for source in done.sources[:NAMED]),
        *([hint(f"  and {more} more (`--json` names all)")] if more > 0 else []),
        *([line(kept, Mood.WARN)] if done.in_review else []),
    )
