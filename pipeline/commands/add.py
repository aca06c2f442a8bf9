"""`doit add`: packages that a person wants in the queue."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType

from pipeline.commands.base import Root, StateCommand, wrong_call
from pipeline.instants import timestamp
from pipeline.lock import alone
from pipeline.model import Queue
from pipeline.seed import RULES, generators
from pipeline.seeding.additions import Added, Asked, additions
from pipeline.settings import load_queue
from pipeline.state import queue_file
from pipeline.terminal import Mood, facts, title
from pipeline.text import counted


class Add(StateCommand):
    """Add packages to the queue."""

    name = "add"
    doc_purpose = "add packages to the queue, by their sources"
    doc_usage = "SOURCE ... [--name NAME] [--priority N] [--heavy] [--dry-run]"
    cmd_options = (
        {
            "name": "name",
            "long": "name",
            "type": str,
            "default": "",
            "help": "what the tool is called; for one source (default: as the source ends)",
        },
        {"name": "priority", "long": "priority", "type": int, "default": 2, "help": "1 (most wanted) to 3 (default 2)"},
        {"name": "heavy", "long": "heavy", "type": bool, "default": False, "help": "give its validation more room"},
        {"name": "dry_run", "long": "dry-run", "type": bool, "default": False, "help": "check all, write nothing"},
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Add all or none, alone on the root, and say what was done."""
        if not 1 <= options["priority"] <= 3:
            raise wrong_call(self.name, "--priority must be 1, 2 or 3", "leave it out for 2")
        asked = Asked(sources=arguments, name=options["name"], priority=options["priority"], heavy=options["heavy"])
        done = add(root, asked, dry_run=options["dry_run"])
        self.tell(done, render(done))
        return 0


def add(root: Root, asked: Asked, *, dry_run: bool) -> Added:
    """Write what is new to the end of the queue; raises `PipelineError` before anything is written."""
    paths, config, at = root.paths, root.config, timestamp(root.now)
    paths.build.mkdir(exist_ok=True)
    with alone(paths, root.now):
        queue, _ = load_queue(paths, config)
        done = additions(queue, asked, RULES, generators(config), at=at, dry_run=dry_run)

        def extended(known: Queue) -> Queue:
            return msgspec.structs.replace(known, entries=[*known.entries, *done.added], updated_at=at)

        if done.added and not dry_run:
            queue_file.extend(paths, config, extended)
        return done


def render(done: Added) -> RenderableType:
    """Return what was added, for people."""
    verb, mood = ("would be added", Mood.IDLE) if done.dry_run else ("added", Mood.GOOD)
    if not done.added:
        verb, mood = "nothing to add", Mood.IDLE
    told = [(entry.source, f"called {entry.name}, priority {entry.priority}", mood) for entry in done.added]
    told += [(entry.source, f"already there, called {entry.name}, {entry.status}", Mood.IDLE) for entry in done.known]
    counts = f": {counted(len(done.added), 'package')}" if done.added else ""
    return Group(title(f"{verb}{counts}", mood=mood), facts(*told))
