"""`doit rollback`: a published batch taken out of use again."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.base import Root, StateCommand, no_arguments, wrong_call
from pipeline.config import PublishMode
from pipeline.lock import alone
from pipeline.publishing.books import Books
from pipeline.publishing.places import destination_of
from pipeline.publishing.rollback import RolledBack, roll_back
from pipeline.text import counted


class Rollback(StateCommand):
    """Undo a batch, from what the ledger says of it."""

    name = "rollback"
    doc_purpose = "take a published batch, or some of its packages, out of use"
    doc_usage = "--batch ID [--source SOURCE ...] [--dry-run] [--json]"
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
        self.tell(done, words(done, dry_run=options["dry_run"], mode=root.config.publish.mode))
        return 0


def words(done: RolledBack, *, dry_run: bool, mode: PublishMode) -> str:
    """Return what a rollback came to, for people."""
    verb = "would roll back" if dry_run else "rolled back"
    again = f", {len(done.already)} of them before" if done.already else ""
    lines = [f"{verb} {counted(len(done.sources), 'recipe')} of {done.batch_id}{again}"]
    lines += [f"  remove   {path}" for path in done.removed]
    lines += [f"  restore  {path}" for path in done.restored]
    if done.not_to_merge:
        lines.append(f"  warning  {done.not_to_merge} is not merged, and must not be: it still holds these recipes")
    if done.branch:
        lines += [
            f"  branch   {done.branch} ({done.commit[:12]})",
            f"  merge    {_how(mode, done.branch)}",
        ]
    if done.given_back:
        lines.append(
            f"  pending  {', '.join(done.given_back)}: they were in the same batch, which is not to be merged any more"
        )
    if not dry_run:
        lines.append("  what was rolled back is not made again until you ask: `doit requeue SOURCE`")
    return "\n".join(lines)


def _how(mode: PublishMode, branch: str) -> str:
    """Return how the branch of a rollback gets into use."""
    match mode:
        case PublishMode.LOCAL:
            return f"git merge {branch}"
        case PublishMode.GITHUB:
            return "its pull request, which `doit sync` opens"
