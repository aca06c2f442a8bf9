"""The books of a root as one process keeps them that works for weeks: what is on disk, and the same in memory."""

from collections.abc import Callable, Iterable
from datetime import datetime

from pipeline.config import Config
from pipeline.control.budget import week_start
from pipeline.digests import sha256
from pipeline.history.fold import History
from pipeline.history.memory import Memory
from pipeline.instants import timestamp
from pipeline.model import Attempt, Queue, Stage
from pipeline.publishing.books import Books
from pipeline.state import journal
from pipeline.store import Paths, encode, write_bytes


class KeptBooks(Books):
    """Books of which queue and folded journal stay in memory, where each run's own process would read them again.

    Nobody else writes this root, so what was written is what is there. All files are written as ever. `lines` are the
    lines of the journal that were added since it was last emptied.
    """

    def __init__(self, paths: Paths, config: Config, queue: Queue) -> None:
        super().__init__(paths, config)
        self.lines: list[Attempt] = []
        self.queue = queue
        self.queue_digest = ""
        self._validations: list[Attempt] = []
        self._folded: journal.Folded | None = None
        self._write_queue()

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
        """Change the queue, and write it when that changes something."""
        changed = wanted(self.queue)
        if changed is not self.queue:
            self.queue = changed
            self._write_queue()
        return changed

    def _write_queue(self) -> None:
        content = encode(self.queue)
        write_bytes(self.paths.root / self.config.queue, content)
        self.queue_digest = sha256(content)
