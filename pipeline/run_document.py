"""`doit --json`: what came of a run as one document on the standard output; its progress goes to the other stream."""

import sys
from collections.abc import Mapping
from typing import Any, TextIO

import msgspec

from pipeline.console import write_document
from pipeline.http_events import added
from pipeline.reporter import ProgressReporter
from pipeline.summary import Summary


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What a person must mend, or a bug, and the tasks that met it."""

    message: str
    tasks: list[str]


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A run in numbers: the tasks of this process, what it asked of the registries, and its batch as it stands now.

    `batch` is None of a run that fills the queue; `seeded` has a `SeedDocument` for each ecosystem then.
    """

    tasks_run: int
    tasks_not_run: int
    failures: list[Failure]
    requests: int
    bytes: int
    cache_hits: int
    batch: Summary | None
    seeded: list[object]


class JsonReporter(ProgressReporter):
    """Tells people of the run on the standard error stream, and machines what came of it on the standard output."""

    desc = "one JSON document at the end"

    def __init__(self, outstream: TextIO, options: Mapping[str, Any]) -> None:
        del outstream
        super().__init__(sys.stderr, options)

    def complete_run(self) -> None:
        """Say what came of the run, to both; nothing of one that was refused before it began."""
        super().complete_run()
        if self._work:
            write_document(self.document())

    def document(self) -> RunDocument:
        """Return what came of the run."""
        traffic = added(self._run.traffic().values())
        return RunDocument(
            tasks_run=self._executed,
            tasks_not_run=self._not_reached,
            failures=[Failure(message=message, tasks=tasks) for message, tasks in self._failures.items()],
            requests=traffic.requests,
            bytes=traffic.bytes,
            cache_hits=traffic.cache_hits,
            batch=None if self._seeding else self._run.summary(),
            seeded=self._run.progress.seeded,
        )
