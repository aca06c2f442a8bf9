"""The books of a root as one process keeps them that works for weeks: what is on disk, and the same in memory."""

from collections.abc import Callable, Iterable
from datetime import datetime

from pipeline.config import Config
from pipeline.control.budget import week_start
from pipeline.digests import sha256
from pipeline.history.fold import History
from pipeline.history.memory import Memory
from pipeline.instants import timestamp
from pipeline.model import Attempt, BatchMetrics, Queue, QueueEntry, Stage
from pipeline.publishing.books import Books
from pipeline.state import journal
from pipeline.store import Paths, encode, write_bytes


class KeptBooks(Books):
    """Books of which queue and folded journal stay in memory, where each run's own process would read them again.

    Nobody else writes this root, so what was written is what is there. All files are written as ever, but for the
    queue, which `keep_queue` writes once for several changes. `lines` are the lines of the journal that were added
    since they were last cleared.
    """

    def __init__(self, paths: Paths, config: Config, queue: Queue) -> None:
        super().__init__(paths, config)
        self.lines: list[Attempt] = []
        self.queue = queue
        self._validations: list[Attempt] = []
        self._folded: journal.Folded | None = None
        self._kept: Queue | None = None
        self._digest = ""
        self._numbers: list[BatchMetrics] = []

    def remember(self, attempts: Iterable[Attempt]) -> int:
        """Append to the journal, and note the lines."""
        lines = list(attempts)
        self.lines += lines
        self._validations += (line for line in lines if line.stage is Stage.VALIDATE)
        return super().remember(lines)

    def history(self, now: datetime) -> History:
        """Return what the journal says of each package."""
        return self.memory(now).packages

    def memory(self, now: datetime) -> Memory:
        """Return all that the journal comes to: what was folded before is gone on from."""
        self._folded = journal.load(self.paths, now, self._folded)
        return self._folded.memory

    def of_week(self, now: datetime) -> list[Attempt]:
        """Return the validations since the ISO week of a moment began, the only lines that the budget counts."""
        begin = timestamp(week_start(now))
        self._validations = [line for line in self._validations if line.at >= begin]
        return self._validations

    def change_queue(self, wanted: Callable[[Queue], Queue]) -> Queue:
        """Change the queue."""
        self.queue = wanted(self.queue)
        return self.queue

    def entries(self) -> list[QueueEntry]:
        """Return the entries of the queue."""
        return self.queue.entries

    def batches(self) -> list[BatchMetrics]:
        """Return the numbers of all published batches, oldest first."""
        return self._numbers

    def count(self, numbers: BatchMetrics) -> bool:
        """Keep the numbers of a batch; return whether they are new."""
        new = super().count(numbers)
        if new:
            self._numbers.append(numbers)
        return new

    def keep_queue(self) -> str:
        """Write the queue if it was changed since it was last written, and return the digest of its file."""
        if self.queue is not self._kept:
            content = encode(self.queue)
            write_bytes(self.paths.root / self.config.queue, content)
            self._kept, self._digest = self.queue, sha256(content)
        return self._digest
