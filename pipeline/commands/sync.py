"""`doit sync`: the root brought up to date with the forge and with what others have saved."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType

from pipeline.alarms.words import annotation
from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.forge.base import Unavailable
from pipeline.lock import alone
from pipeline.publishing.books import Books
from pipeline.publishing.places import destination_of, forge_of
from pipeline.publishing.pull_requests import Asked
from pipeline.publishing.reviewed import Reviewed
from pipeline.publishing.sync import Synced, sync, take_in
from pipeline.terminal import Mood, facts, moments, title
from pipeline.text import counted, one_line

# A name, its value, and what it means if anything.
Row = tuple[str, str] | tuple[str, str, Mood | None]


class Sync(StateCommand):
    """Read back what people did with the pull requests, and open those that wait."""

    name = "sync"
    doc_purpose = "take in the state of others, read merged and closed pull requests, open those that wait"
    doc_usage = "[--read-only]"
    doc_description = (
        "With --read-only the state of others is taken in and that is all: for a job whose token may only read, which "
        "could write down nothing of what it found."
    )
    cmd_options = (
        {
            "name": "read_only",
            "long": "read-only",
            "type": bool,
            "default": False,
            "help": "only take in the state of others: ask no forge, save nothing",
        },
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Bring the root up to date, alone on it, and say what was new."""
        no_arguments(arguments, self.name)
        root.paths.build.mkdir(exist_ok=True)
        with alone(root.paths, root.now):
            destination = destination_of(root.paths, root.config, root.environment)
            if options["read_only"]:
                return self._told(root, take_in(destination))
            synced = sync(
                Books(root.paths, root.config),
                destination=destination,
                forge=forge_of(root.paths, root.config, root.environment),
                now=root.now,
            )
        return self._told(root, synced)

    def _told(self, root: Root, synced: Synced) -> int:
        self.tell(synced, render(synced))
        annotate(root, self.name, synced.reviewed, synced.asked)
        return 0


def render(synced: Synced) -> RenderableType:
    """Return what was new, for people."""
    told: list[Row] = [("state", "taken in from the state branch")] if synced.restored else []
    told += [("merged", batch_id) for batch_id in synced.settled.merged]
    if synced.settled.unblocked:
        told.append(("freed", f"{', '.join(synced.settled.unblocked)}: nothing blocks them any more"))
    told += review_facts(synced.reviewed, synced.asked)
    if synced.state_commit:
        told.append(("state", f"committed ({synced.state_commit[:12]})"))
    if not told:
        return title("synced:", "nothing is new", Mood.IDLE)
    return Group(title("synced", mood=Mood.GOOD), facts(*told))


def annotate(root: Root, command: str, reviewed: Reviewed, asked: Asked) -> bool:
    """Tell CI what the forge would not do, limits aside; return whether it is the token that a person has to mend.

    The annotations stand beside the output, which may be JSON.
    """
    forbidden = [each for each in asked.postponed if each.forbidden]
    silent = _silent(reviewed, asked)
    if root.environment.get("GITHUB_ACTIONS") == "true":
        sys.stdout.flush()
        told = [f"the pull request of {each.batch_id} waits: {each.value}; {each.remedy}" for each in forbidden]
        told += [f"{each.message}; {each.remedy}" for each in silent if each.until is None]
        sys.stderr.write("".join(f"{annotation('warning', f'doit {command}', one_line(line))}\n" for line in told))
    return bool(forbidden) or (reviewed.unavailable is not None and reviewed.unavailable.forbidden)


def _silent(reviewed: Reviewed, asked: Asked) -> list[Unavailable]:
    return [*([reviewed.unavailable] if reviewed.unavailable else []), *asked.refused]


def review_facts(reviewed: Reviewed, asked: Asked) -> list[Row]:
    """Return what came of pull requests, a fact for each."""
    told: list[Row] = [("merged", batch_id, Mood.GOOD) for batch_id in reviewed.merged]
    told += [("closed", f"{batch_id}: nothing of it was merged", Mood.WARN) for batch_id in reviewed.closed]
    told += [("reopened", f"{batch_id}: it waits for its merge again", Mood.WARN) for batch_id in reviewed.reopened]
    if reviewed.declined:
        number = counted(len(reviewed.declined), "package")
        told.append(
            ("left", f"{number} to a person: {', '.join(reviewed.declined)} (`doit requeue SOURCE`)", Mood.WARN)
        )
    told += [("undone", f"{batch_id}: its rollback was merged", Mood.GOOD) for batch_id in reviewed.undone]
    told += [
        ("in use", f"{batch_id}: its rollback was closed without a merge, its recipes stay", Mood.WARN)
        for batch_id in reviewed.not_undone
    ]
    told += [("opened", f"{shown.url} for {shown.batch_id}", Mood.GOOD) for shown in asked.opened]
    told += [("updated", f"{shown.url} for {shown.batch_id}", Mood.GOOD) for shown in asked.updated]
    told += [("stale", f"{shown.url} for {shown.batch_id}: nobody has reviewed it", Mood.BAD) for shown in asked.stale]
    for put_off in asked.postponed:
        until = f" until {moments(put_off.until)}" if put_off.until else ""
        remedy = f"; {put_off.remedy}" if put_off.remedy else ""
        waits = f"the pull request of {put_off.batch_id}{until}: {put_off.rule} ({put_off.value}){remedy}"
        told.append(("waits", waits, Mood.WARN))
    return [*told, *(("forge", f"{each.message}; {each.remedy}", Mood.BAD) for each in _silent(reviewed, asked))]
