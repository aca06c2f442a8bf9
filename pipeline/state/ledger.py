"""The ledger on disk, `data/batches.jsonl`: one line whenever a batch comes further, the last line of an id counts."""

import msgspec

from pipeline.decoding import decoder
from pipeline.history.ledger import WAITING
from pipeline.instants import known_instant, timestamp
from pipeline.model import BatchId, BatchState, LedgerEntry
from pipeline.state.jsonl import append_lines, decode_line
from pipeline.store import Paths, is_there, read_bytes


class _Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of every line: a year has thousands of batches, and few of them are still of interest."""

    batch_id: BatchId
    state: str = ""
    at: str = ""


class Ledger:
    """The ledger as it was read, once, with what this process adds. Whoever adds to it holds the root's lock."""

    def __init__(self, paths: Paths) -> None:
        """Read the ledger; a line that cannot be read (a crash, a merge gone wrong) is skipped.

        Raises `PipelineError` when the file cannot be read: taken for an empty one, it would give out ids again.
        """
        self._path = paths.ledger
        self._lines: dict[str, list[bytes]] = {}
        self._states: dict[str, str] = {}
        self.newest_at = ""
        self._decoder = decoder(LedgerEntry)
        glance = decoder(_Glance)
        content = read_bytes(paths.ledger, purpose="ledger of batches") if is_there(paths.ledger) else b""
        for line in content.split(b"\n"):
            found = decode_line(glance, line) if line else None
            if found is not None:
                self._keep(found, line)

    @property
    def ids(self) -> tuple[str, ...]:
        """Every batch that has a line, oldest first, also of lines that hold nothing else that is known."""
        return tuple(self._lines)

    def entry(self, batch_id: str) -> LedgerEntry | None:
        """Return what stands of a batch, None when nothing is known of it."""
        lines = self.lines(batch_id)
        return lines[-1] if lines else None

    def lines(self, batch_id: str) -> list[LedgerEntry]:
        """Return all that was written of a batch, oldest first."""
        decoded = (decode_line(self._decoder, line) for line in self._lines.get(batch_id, ()))
        return [entry for entry in decoded if entry is not None]

    def entries(self) -> dict[str, LedgerEntry]:
        """Return what stands of each batch, by its id, oldest first."""
        found = ((batch_id, self.entry(batch_id)) for batch_id in self._lines)
        return {batch_id: entry for batch_id, entry in found if entry is not None}

    def waiting(self) -> list[LedgerEntry]:
        """Return the batches whose recipes have not arrived yet, oldest first."""
        found = (self.entry(batch_id) for batch_id, state in self._states.items() if state in WAITING)
        return [entry for entry in found if entry is not None and entry.state in WAITING]

    def closed(self) -> list[LedgerEntry]:
        """Return the batches whose pull request was closed without a merge, oldest first."""
        found = (self.entry(batch_id) for batch_id, state in self._states.items() if state == BatchState.CLOSED)
        return [entry for entry in found if entry is not None and entry.state is BatchState.CLOSED]

    def is_unfinished(self, batch_id: str) -> bool:
        """Return whether the publication of a batch has begun and not ended: it is to be finished, not made anew."""
        return self._states.get(batch_id) == BatchState.BUILT

    def append(self, entry: LedgerEntry) -> bool:
        """Add a line, unless the same stands last for its id; return whether it was added."""
        if self.entry(entry.batch_id) == entry:
            return False
        append_lines(self._path, [entry])
        seen = _Glance(batch_id=entry.batch_id, state=entry.state, at=entry.at)
        self._keep(seen, msgspec.json.encode(entry))
        return True

    def _keep(self, seen: _Glance, line: bytes) -> None:
        self._lines.setdefault(seen.batch_id, []).append(line)
        self._states[seen.batch_id] = seen.state
        at = known_instant(seen.at)  # of a line that is damaged otherwise, it may be anything
        self.newest_at = max(self.newest_at, timestamp(at) if at else "")
