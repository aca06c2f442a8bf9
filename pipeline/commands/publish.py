"""`doit publish`: the batch in `build/` made public."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType

from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.commands.sync import annotate, review_facts
from pipeline.config import PublishMode
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.errors import Alarm
from pipeline.lock import alone
from pipeline.plan import revisions_of
from pipeline.publishing.books import Books
from pipeline.publishing.places import destination_of, forge_of
from pipeline.publishing.publish import Published, publish
from pipeline.terminal import Mood, facts, title
from pipeline.text import counted


class Publish(StateCommand):
    """Publish the batch: by this machine's git and files alone, or to the remote and the forge that are configured."""

    name = "publish"
    doc_purpose = "publish the batch: recipes, journal, statuses, numbers"
    doc_usage = "[--dry-run]"
    doc_description = (
        "Ends with exit code 8 when the forge refuses the token (401, 403, 404): all else is done and saved, and the "
        "pull requests wait for a person to mend it."
    )
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
        self.tell(published, render(published, dry_run=options["dry_run"], mode=root.config.publish.mode))
        forbidden = annotate(root, self.name, published.reviewed, published.asked)
        return Alarm.exit_code if forbidden else 0


def render(published: Published, *, dry_run: bool, mode: PublishMode) -> RenderableType:
    """Return what a publication came to, for people; where there are pull requests, those are what is merged."""
    told: list[tuple[str, str]] = []
    if published.branch:
        commit = f" ({published.commit[:12]})" if published.commit else ""
        told.append(("branch", f"{published.branch}{commit}"))
    told += [("merged", batch_id) for batch_id in published.settled.merged]
    if published.settled.unblocked:
        told.append(("freed", f"{', '.join(published.settled.unblocked)}: nothing blocks them any more"))
    if published.state_commit:
        told.append(("state", f"committed ({published.state_commit[:12]})"))
    reviews = review_facts(published.reviewed, published.asked)
    if published.commit and not published.already and mode is PublishMode.LOCAL:
        told.append(("look", f"git log -p {published.branch}"))
        told.append(("merge", f"git merge {published.branch}; the next `doit publish` notes it"))
    if published.files and not dry_run and not published.already:
        told.append(("undo", f"doit rollback --batch {published.batch_id}"))
    return Group(_headline(published, dry_run=dry_run), facts(*told, *reviews))


def _headline(published: Published, *, dry_run: bool) -> RenderableType:
    if published.already:
        said = f"was published before, it is {published.state}: nothing to do"
        return title(published.batch_id, said, Mood.IDLE)
    included, excluded = counted(len(published.files), "recipe"), len(published.excluded)
    what = f"{included}, {counted(excluded, 'package')} left out"
    if dry_run:
        return title(f"would publish {published.batch_id}:", what, Mood.IDLE)
    return title(f"published {published.batch_id}:", what, Mood.GOOD)
