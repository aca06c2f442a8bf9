"""One simulated hour after the other: choose a batch, leave the records that its run would leave, publish them."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.simulation.answers import Answers
from benchmarks.simulation.books import KeptBooks
from benchmarks.simulation.destination import PullRequests
from benchmarks.simulation.events import Events
from benchmarks.simulation.tally import Tally
from benchmarks.simulation.truth import Truth, recipes_of
from benchmarks.simulation.work import PLATFORM, Worker
from pipeline.config import Config, EcosystemConfig, GeneratorKind, PlatformConfig, Runner, to_config
from pipeline.control.switches import Note, disabled, enabled
from pipeline.digests import digest_of
from pipeline.history.ledger import held_paths, standing_files
from pipeline.model import InputFingerprints, Queue, QueueEntry
from pipeline.publishing.publish import publish
from pipeline.publishing.settle import settle
from pipeline.selection.batch import Selection, make_batch, select
from pipeline.selection.situation import SHARE_DAYS, Situation
from pipeline.settings import load_control
from pipeline.source import ecosystem_of
from pipeline.state import control_file
from pipeline.store import SHIPPED, Paths, is_there, read_yaml, write

BEGINS = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
# How long one stage of one package takes by the simulated clock, in seconds: an hour has room for 100 packages.
STEP_SECONDS = 15


class Simulation:
    """A root on disk, the world around it, and the hours that pass."""

    def __init__(self, root: Path, queue: Queue, table: Mapping[str, Truth], events: Events, batch_size: int) -> None:
        self.paths = Paths(root)
        self.config = configuration(queue, batch_size)
        self.events = events
        self.tally = Tally(table)
        self.seconds: dict[str, float] = defaultdict(float)
        self._revisions = dict.fromkeys(self.config.ecosystems, 1)
        self._now = BEGINS
        self._seen = (0, 0)
        self._digest = digest_of(self.config)
        self.destination = PullRequests(self.paths, recipes_of(first_of_each(queue.entries)), events.stuck)
        self.books = KeptBooks(self.paths, self.config, queue)
        self._worker = Worker(self.paths, self.config, Answers(table, events))

    def hour(self, number: int) -> None:
        """Let one hour pass: switches, a batch, its work, its publication."""
        self._now = BEGINS + timedelta(hours=number)
        self.destination.hour = number
        self._switch(number)
        with self._measured("plan"):
            selection = self._select()
            control = digest_of(self.events.switched_off.holds(self.events.switched_off.ecosystem, number))
            fingerprints = InputFingerprints(queue=self.books.keep_queue(), control=control, config=self._digest)
            batch = make_batch(selection, fingerprints, self._now, self.books.ledger.ids)
        self._look(number)
        if not batch.selected:
            with self._measured("publish"):
                settle(self.books, self.destination, self._now, None)
            return
        merged = self.destination.recipes()
        with self._measured("records"):
            write(self.paths.batch, batch)
            held = held_paths(self.books.ledger.waiting(), batch.id)
            self._worker.work(batch, number, merged, held, self._step, lambda: self._look(number))
        with self._measured("publish"):
            publish(self.books, destination=self.destination, revisions=self._revisions, now=self._now)
        self._look(number)
        self.tally.conclusions(self.books.lines, merged)
        self.books.lines.clear()

    def starved(self, number: int) -> list[str]:
        """Return the sources that only room holds back at the beginning of an hour, and that were never tried."""
        self._now = BEGINS + timedelta(hours=number)
        return [source for source in self._select().line if source not in self.tally.tried]

    def statuses(self) -> dict[str, int]:
        """Return how many entries of the queue have each status."""
        return dict(sorted(Counter(entry.status.value for entry in self.books.queue.entries).items()))

    def never_merged(self) -> set[str]:
        """Return the sources in the pull request that stays open."""
        stuck = [entry for entry in self.books.ledger.waiting() if entry.branch == self.destination.stuck]
        return {file.source for entry in stuck for file in standing_files(entry)}

    def _select(self) -> Selection:
        memory = self.books.memory(self._now)
        recent = memory.recent(self._now, SHARE_DAYS)
        return select(
            Situation(
                queue=self.books.queue,
                now=self._now,
                control=load_control(self.paths, self.config.ecosystems),
                config=self.config,
                generators=self.config.ecosystems.keys(),
                revisions=self._revisions,
                history=memory.packages,
                recipes=self.destination.recipes(),
                attempts=recent.attempts,
                again=recent.again,
            )
        )

    def _switch(self, number: int) -> None:
        """Do what the operator does in this hour."""
        off = self.events.switched_off
        note = Note(at=self._now, by="operator", reason="the registry answers with old data")
        if number == off.begins < off.ends:
            control_file.operator(
                self.paths, self.config.ecosystems, lambda known: disabled(known, off.ecosystem, note)
            )
        if number == off.ends > off.begins:
            control_file.operator(self.paths, self.config.ecosystems, lambda known: enabled(known, off.ecosystem))

    def _step(self) -> datetime:
        self._now += timedelta(seconds=STEP_SECONDS)
        return self._now

    def _look(self, number: int) -> None:
        """Have breakers counted if the control file was replaced since the last look."""
        if not is_there(self.paths.control):
            return
        status = self.paths.control.stat()
        if (status.st_ino, status.st_mtime_ns) != self._seen:
            self._seen = (status.st_ino, status.st_mtime_ns)
            self.tally.breaker_states(load_control(self.paths, self.config.ecosystems), number)

    @contextmanager
    def _measured(self, part: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.seconds[part] += time.process_time() - began


def configuration(queue: Queue, batch_size: int) -> Config:
    """Return the shipped configuration with a generator for each ecosystem of a queue, and one platform."""
    shipped = to_config(read_yaml(SHIPPED / "pipeline.yaml"))
    able = EcosystemConfig(generator=GeneratorKind.NATIVE, requests_per_second=1)
    names = sorted({*shipped.ecosystems, *(ecosystem_of(entry.source) for entry in queue.entries)})
    return msgspec.structs.replace(
        shipped,
        queue="queue.json",
        batch=msgspec.structs.replace(shipped.batch, size=batch_size),
        ecosystems=dict.fromkeys(names, able),
        platforms={
            name: PlatformConfig(runner=Runner.NATIVE if name == PLATFORM else Runner.NONE)
            for name in shipped.platforms
        },
    )


def first_of_each(entries: list[QueueEntry]) -> list[QueueEntry]:
    """Return the first entry of each source."""
    return list({entry.source: entry for entry in reversed(entries)}.values())[::-1]
