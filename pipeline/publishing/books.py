"""The durable state as publishing uses it: what is read once, and each file's one way of being changed."""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from pipeline.alarms.facts import facts_of
from pipeline.alarms.predicates import ringing
from pipeline.config import Config
from pipeline.control.breaker import catch_up, events_of
from pipeline.control.budget import minutes_used, updated, week_start
from pipeline.history.fold import History
from pipeline.instants import instant, timestamp
from pipeline.model import AlarmRecord, Attempt, BatchMetrics, Control, Queue, QueueEntry, RunRecord
from pipeline.publishing.destination import Destination
from pipeline.settings import load_control
from pipeline.state import alarms, control_file, journal, metrics, queue_file
from pipeline.state.ledger import Ledger
from pipeline.store import Paths

STATE_MESSAGE = "Keep the state of the pipeline\n"


class Books:
    """The state of one root. Whoever changes it holds the root's lock; every change may be repeated without harm.

    A simulation derives from it to keep in memory what a process of its own would read again.
    """

    def __init__(self, paths: Paths, config: Config) -> None:
        """Read the ledger; raises `PipelineError` when that cannot be done."""
        self.paths, self.config = paths, config
        self.ledger = Ledger(paths)

    def reread(self) -> None:
        """Read the ledger once more: others have added to it."""
        self.ledger = Ledger(self.paths)

    def newest_at(self) -> str:
        """Return the time of the ledger's newest line; before the first batch, of the journal or alarms."""
        if self.ledger.newest_at:
            return self.ledger.newest_at
        times = [alarm.at for alarm in alarms.read(self.paths)]
        times += [known.at for known in journal.history(self.paths).values()]
        return timestamp(max(map(instant, times))) if times else ""

    def remember(self, attempts: Iterable[Attempt]) -> int:
        """Append to the journal what is not there; return how many lines were new."""
        return journal.append(self.paths, attempts)

    def history(self, now: datetime) -> History:
        """Return what the journal says of each package."""
        return journal.history(self.paths, now)

    def change_queue(self, wanted: Callable[[Queue], Queue]) -> Queue:
        """Change the queue as it stands now."""
        return queue_file.change(self.paths, self.config, wanted)

    def update_control(self, attempts: Iterable[Attempt], now: datetime) -> Control:
        """Have breakers catch up with some attempts, and set the budget to what the journal says of this week."""
        events = events_of(attempts)
        used = minutes_used(self.of_week(now), now)

        def wanted(known: Control) -> Control:
            return msgspec.structs.replace(
                known,
                circuit_breaker=catch_up(known.circuit_breaker, events, self.config.breaker, now),
                budget=updated(known.budget, used, self.config.budget, now),
            )

        return control_file.machine(self.paths, self.config.ecosystems, wanted)

    def of_week(self, now: datetime) -> Iterable[Attempt]:
        """Return the lines of the journal since the ISO week of a moment began."""
        return journal.since(self.paths, week_start(now))

    def count(self, numbers: BatchMetrics) -> bool:
        """Keep the numbers of a batch, and forget the rechecks in them; return whether they are new."""
        new = metrics.append(self.paths, numbers)
        metrics.drop_rechecks(self.paths, instant(numbers.at))
        return new

    def note_alarms(self, now: datetime) -> list[AlarmRecord]:
        """Write down which alarms have begun to ring, or have ended, since that was last done; return these."""
        facts = facts_of(
            self.config,
            now,
            batches=self.batches(),
            entries=self.entries(),
            waiting=self.ledger.waiting(),
            history=self.history(now),
            control=load_control(self.paths, self.config.ecosystems),
        )
        return alarms.record(self.paths, ringing(facts), now)

    def batches(self) -> list[BatchMetrics]:
        """Return the numbers of all published batches, oldest first."""
        return metrics.read(self.paths)

    def entries(self) -> list[QueueEntry]:
        """Return the entries of the queue."""
        return alarms.queued(self.paths, self.config)

    def runs(self, batch_id: str, at: datetime) -> list[RunRecord]:
        """Return what the processes that worked on a batch asked of the registries, and the rechecks up to `at`."""
        rechecks = metrics.read_rechecks(self.paths, at)
        as_its_own = [msgspec.structs.replace(record, batch_id=batch_id) for record in rechecks]
        return [*metrics.read_runs(self.paths, batch_id), *as_its_own]


def save_state(books: Books, destination: Destination, again: Callable[[], object] | None = None) -> str:
    """Keep the state where the destination keeps it; without any line there is none.

    `again` repeats what the command has changed, on top of what others turn out to have saved meanwhile.
    """

    def once_more() -> str:
        books.reread()
        if again is not None:
            again()
        return books.newest_at()

    at = books.newest_at()
    return destination.save_state(STATE_MESSAGE, at, once_more) if at else ""
