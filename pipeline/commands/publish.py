"""`doit publish`: the batch in `build/` made public."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.commands.sync import review_lines
from pipeline.config import PublishMode
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.lock import alone
from pipeline.plan import revisions_of
from pipeline.publishing.books import Books
from pipeline.publishing.places import destination_of, forge_of
from pipeline.publishing.publish import Published, publish
from pipeline.text import counted


class Publish(StateCommand):
    """Publish the batch: by this machine's git and files alone, or to the remote and the forge that are configured."""

    name = "publish"
    doc_purpose = "publish the batch: recipes, journal, statuses, numbers"
    doc_usage = "[--dry-run] [--json]"
    cmd_options = (
        {"name": "dry_run", "long": "dry-run", "type": bool, "default": False, "help": "check all, write nothing"},
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Publish, alone on the root, and say what was done."""
        no_arguments(arguments, self.name)
        root.paths.build.mkdir(exist_ok=True)
        with alone(root.paths, root.now):
            published = publish(
                Books(root.paths, root.config),
                destination=destination_of(root.paths, root.config, root.environment),
                revisions=revisions_of(root.config, {name: module.REVISION for name, module in ECOSYSTEMS.items()}),
                now=root.now,
                forge=None if options["dry_run"] else forge_of(root.paths, root.config, root.environment),
                dry_run=options["dry_run"],
            )
        self.tell(published, words(published, dry_run=options["dry_run"], mode=root.config.publish.mode))
        return 0


def words(published: Published, *, dry_run: bool, mode: PublishMode) -> str:
    """Return what a publication came to, for people; where there are pull requests, those are what is merged."""
    lines = [_what(published, dry_run=dry_run)]
    if published.branch:
        commit = f" ({published.commit[:12]})" if published.commit else ""
        lines.append(f"  branch  {published.branch}{commit}")
    lines += [f"  merged  {batch_id}" for batch_id in published.settled.merged]
    if published.settled.unblocked:
        lines.append(f"  freed   {', '.join(published.settled.unblocked)}: nothing blocks them any more")
    if published.state_commit:
        lines.append(f"  state   committed ({published.state_commit[:12]})")
    lines += review_lines(published.reviewed, published.asked)
    if published.commit and not published.already and mode is PublishMode.LOCAL:
        lines += [
            f"  look    git log -p {published.branch}",
            f"  merge   git merge {published.branch}; the next `doit publish` notes it",
        ]
    if published.files and not dry_run and not published.already:
        lines.append(f"  undo    doit rollback --batch {published.batch_id}")
    return "\n".join(lines)


def _what(published: Published, *, dry_run: bool) -> str:
    if published.already:
        return f"{published.batch_id} was published before, it is {published.state}: nothing to do"
    verb = "would publish" if dry_run else "published"
    included, excluded = counted(len(published.files), "recipe"), len(published.excluded)
    return f"{verb} {published.batch_id}: {included}, {counted(excluded, 'package')} left out"
