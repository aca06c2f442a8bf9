"""`doit sync`: the root brought up to date with the forge and with what others have saved."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.lock import alone
from pipeline.publishing.books import Books
from pipeline.publishing.places import destination_of, forge_of
from pipeline.publishing.pull_requests import Asked
from pipeline.publishing.reviewed import Reviewed
from pipeline.publishing.sync import Synced, sync
from pipeline.text import counted


class Sync(StateCommand):
    """Read back what people did with the pull requests, and open those that wait."""

    name = "sync"
    doc_purpose = "take in the state of others, read merged and closed pull requests, open those that wait"
    doc_usage = "[--json]"

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Bring the root up to date, alone on it, and say what was new."""
        del options
        no_arguments(arguments, self.name)
        root.paths.build.mkdir(exist_ok=True)
        with alone(root.paths, root.now):
            synced = sync(
                Books(root.paths, root.config),
                destination=destination_of(root.paths, root.config, root.environment),
                forge=forge_of(root.paths, root.config, root.environment),
                now=root.now,
            )
        self.tell(synced, words(synced))
        return 0


def words(synced: Synced) -> str:
    """Return what was new, for people."""
    lines = ["  state   taken in from the state branch"] if synced.restored else []
    lines += [f"  merged  {batch_id}" for batch_id in synced.settled.merged]
    if synced.settled.unblocked:
        lines.append(f"  freed   {', '.join(synced.settled.unblocked)}: nothing blocks them any more")
    lines += review_lines(synced.reviewed, synced.asked)
    if synced.state_commit:
        lines.append(f"  state   committed ({synced.state_commit[:12]})")
    return "\n".join(["synced", *lines] if lines else ["synced: nothing is new"])


def review_lines(reviewed: Reviewed, asked: Asked) -> list[str]:
    """Return what came of pull requests, a line for each."""
    lines = [f"  merged  {batch_id}" for batch_id in reviewed.merged]
    lines += [f"  closed  {batch_id}: nothing of it was merged" for batch_id in reviewed.closed]
    if reviewed.declined:
        number = counted(len(reviewed.declined), "package")
        lines.append(f"  left    {number} to a person: {', '.join(reviewed.declined)} (`doit requeue SOURCE`)")
    lines += [f"  opened  {shown.url} for {shown.batch_id}" for shown in asked.opened]
    lines += [f"  updated {shown.url} for {shown.batch_id}" for shown in asked.updated]
    lines += [f"  stale   {shown.url} for {shown.batch_id}: nobody has reviewed it" for shown in asked.stale]
    for put_off in asked.postponed:
        until = f" until {put_off.until}" if put_off.until else ""
        lines.append(f"  waits   the pull request of {put_off.batch_id}{until}: {put_off.rule} ({put_off.value})")
        lines += [f"          {put_off.remedy}"] if put_off.remedy else []
    told = [*([reviewed.unavailable] if reviewed.unavailable else []), *asked.refused]
    lines += [f"  forge   {each.message}; {each.remedy}" for each in told]
    return lines
