"""`doit rollback`: a published batch taken out of use again."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType

from pipeline.commands.base import Root, StateCommand, no_arguments, wrong_call
from pipeline.lock import alone
from pipeline.publishing.books import Books
from pipeline.publishing.places import destination_of
from pipeline.publishing.rollback import RolledBack, roll_back
from pipeline.terminal import Mood, facts, hint, title
from pipeline.text import counted


class Rollback(StateCommand):
    """Undo a batch, from what the ledger says of it."""

    name = "rollback"
    doc_purpose = "take a published batch, or some of its packages, out of use"
    doc_usage = "--batch ID [--source SOURCE ...] [--dry-run]"
    cmd_options = (
        {"name": "batch", "long": "batch", "type": str, "default": "", "help": "the batch, as the ledger calls it"},
        {
            "name": "source",
            "long": "source",
            "type": list,
            "default": [],
            "help": "only this package; may be given again",
        },
        {"name": "dry_run", "long": "dry-run", "type": bool, "default": False, "help": "check all, write nothing"},
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Roll back, alone on the root, and say what was done."""
        no_arguments(arguments, self.name)
        if not options["batch"]:
            raise wrong_call(self.name, "needs a batch", "name it: `doit rollback --batch ID`")
        root.paths.build.mkdir(exist_ok=True)
        with alone(root.paths, root.now):
            done = roll_back(
                Books(root.paths, root.config),
                destination=destination_of(root.paths, root.config, root.environment),
                batch_id=options["batch"],
                sources=options["source"],
                now=root.now,
                dry_run=options["dry_run"],
            )
        self.tell(done, render(done, dry_run=options["dry_run"]))
        return 0


def render(done: RolledBack, *, dry_run: bool) -> RenderableType:
    """Return what a rollback came to, for people."""
    again = f", {len(done.already)} of them before" if done.already else ""
    what = f"{counted(len(done.sources), 'recipe')} of {done.batch_id}{again}"
    told: list[tuple[str, str, Mood | None]] = [
        *(("remove", path, None) for path in done.removed),
        *(("restore", path, None) for path in done.restored),
    ]
    if done.not_to_merge:
        unsafe = f"{done.not_to_merge} is not merged, and must not be: it still holds these recipes"
        told.append(("warning", unsafe, Mood.WARN))
    if done.branch:
        told.append(("branch", f"{done.branch} ({done.commit[:12]})", None))
        if done.ordered:
            told.append(("next", "`doit sync` opens its pull request", None))
        else:
            told.append(("merge", f"git merge {done.branch}", None))
    if done.given_back:
        why = "they were in the same batch, which is not to be merged any more"
        told.append(("pending", f"{', '.join(done.given_back)}: {why}", None))
    return Group(
        title("would roll back" if dry_run else "rolled back", what, Mood.IDLE if dry_run else Mood.GOOD),
        facts(*told),
        *([] if dry_run else [hint("what was rolled back is not made again until you ask: `doit requeue SOURCE`")]),
    )
