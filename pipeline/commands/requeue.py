"""`doit requeue`: packages that are to be tried again, whatever held them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.base import Root, StateCommand
from pipeline.publishing.requeue import Requeued, Wanted, requeue
from pipeline.text import counted

# Sources that are named to people; `--json` names all.
NAMED = 50


class Requeue(StateCommand):
    """Have packages tried again."""

    name = "requeue"
    doc_purpose = "have packages tried again, whatever held them"
    doc_usage = "SOURCE ... | [--category CATEGORY] [--ecosystem ECO] [--dry-run] [--json]"
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
        self.tell(done, words(done))
        return 0


def words(done: Requeued) -> str:
    """Return what was requeued, for people."""
    verb = "would be pending again" if done.dry_run else "pending again"
    lines = [f"{counted(len(done.sources), 'package')} {verb}:", *(f"  {source}" for source in done.sources[:NAMED])]
    if len(done.sources) > NAMED:
        lines.append(f"  and {len(done.sources) - NAMED} more")
    if done.in_review:
        lines.append(f"{counted(len(done.in_review), 'package')} in review left alone: {', '.join(done.in_review)}")
    return "\n".join(lines)
