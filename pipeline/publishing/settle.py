"""What has been merged since: the first step of each publication."""

from datetime import datetime

import msgspec

from pipeline.history.ledger import standing_files
from pipeline.instants import timestamp
from pipeline.model import BatchState, EntryStatus, LedgerEntry, Queue
from pipeline.publishing.books import Books
from pipeline.publishing.destination import Destination
from pipeline.selection.blockers import available
from pipeline.selection.statuses import merged, unblocked


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The batches that were found merged, and the packages that wait for nothing any more."""

    merged: list[str] = []
    unblocked: list[str] = []


def settle(books: Books, destination: Destination, now: datetime, current: str | None) -> Settled:
    """Note what has been merged: its entries succeed, those that waited for it are pending again.

    `current` is the batch that is about to be published. The queue comes before the ledger, so that a batch whose
    entries were not written yet is found again.
    """
    at = timestamp(now)
    arrived = arrivals(books, destination, current)
    freed: list[str] = []

    def wanted(queue: Queue) -> Queue:
        changed = settled_queue(queue, arrived, destination, at)
        freed[:] = _freed(queue, changed)
        return changed

    books.change_queue(wanted)
    for entry in arrived:
        books.ledger.append(msgspec.structs.replace(entry, state=BatchState.MERGED, at=at))
    return Settled(merged=[entry.batch_id for entry in arrived], unblocked=freed)


def arrivals(books: Books, destination: Destination, current: str | None) -> list[LedgerEntry]:
    """Return the batches that are merged now and were not before; the one that is being published is none of them."""
    return [
        entry
        for entry in books.ledger.waiting()
        if (entry.state is BatchState.PUBLISHED or entry.batch_id != current) and destination.is_merged(entry)
    ]


def settled_queue(queue: Queue, arrived: list[LedgerEntry], destination: Destination, at: str) -> Queue:
    """Return the queue with the entries of merged batches succeeded, and without blocks that are gone."""
    sources = {file.source for entry in arrived for file in standing_files(entry)}
    succeeded = merged(queue, sources, at=at)
    if all(entry.status is not EntryStatus.BLOCKED for entry in succeeded.entries):
        return succeeded
    return unblocked(succeeded, available(succeeded.entries, destination.recipes()), at=at)


def _freed(before: Queue, after: Queue) -> list[str]:
    return [
        old.source
        for old, new in zip(before.entries, after.entries, strict=True)
        if old is not new and old.status is EntryStatus.BLOCKED and new.status is EntryStatus.PENDING
    ]
