"""The queue's statuses after a batch, a merge, a requeue: the queue repeats what the journal says. Pure."""

from collections.abc import Callable, Iterable, Set

import msgspec

from pipeline.config import Config
from pipeline.history.fold import NOTHING, History
from pipeline.model import Attempt, AttemptOutcome, Confidence, EntryStatus, Queue, QueueEntry
from pipeline.selection.blockers import missing
from pipeline.selection.retry import needs_person, next_try

# What a batch may change; all other statuses were set by a person or by a conclusion that stands.
CANDIDATES = frozenset({EntryStatus.PENDING, EntryStatus.FAILED, EntryStatus.BLOCKED})

Change = Callable[[QueueEntry], QueueEntry]


def after_batch(
    queue: Queue,
    conclusions: Iterable[Attempt],
    history: History,
    config: Config,
    *,
    at: str,
    succeeded: EntryStatus = EntryStatus.IN_REVIEW,
) -> Queue:
    """Return the queue after a batch. `conclusions` are its lines of stage `payload`, `history` holds them already.

    Entries that a person has excluded or finished meanwhile are left alone, so that a repeat changes nothing. `at`
    becomes `updated_at` when an entry changes.
    """
    concluded = {attempt.source: attempt for attempt in conclusions}

    def concluding(entry: QueueEntry) -> QueueEntry:
        if entry.status not in CANDIDATES:
            return entry
        return _concluded(entry, concluded[entry.source], history, config, succeeded)

    return _changed(queue, concluded.keys(), concluding, at)


def merged(queue: Queue, sources: Set[str], *, at: str) -> Queue:
    """Return the queue after the pull request that these sources were in has been merged."""

    def merging(entry: QueueEntry) -> QueueEntry:
        if entry.status is not EntryStatus.IN_REVIEW:
            return entry
        return msgspec.structs.replace(entry, status=EntryStatus.SUCCESS)

    return _changed(queue, sources, merging, at)


def requeued(queue: Queue, sources: Set[str], *, at: str) -> Queue:
    """Return the queue with these sources pending again, as if they had never failed; `sources` were chosen before.

    Who asks for a doubtful one has decided: it is a tool of its own.
    """

    def asked_for(entry: QueueEntry) -> QueueEntry:
        if entry.confidence is not Confidence.DOUBTFUL:
            return _pending(entry)
        return msgspec.structs.replace(
            _pending(entry), confidence=Confidence.CURATED, disambiguated_at=at, alternatives=[]
        )

    return _changed(queue, sources, asked_for, at)


def given_back(queue: Queue, sources: Set[str], *, at: str) -> Queue:
    """Return the queue after the batch of these sources was given up: those still in review are pending again."""

    def freed(entry: QueueEntry) -> QueueEntry:
        return _pending(entry) if entry.status is EntryStatus.IN_REVIEW else entry

    return _changed(queue, sources, freed, at)


def declined(queue: Queue, sources: Set[str], *, at: str) -> Queue:
    """Return the queue after a reviewer would not have these recipes: in review no more, and not made again unasked."""

    def given_up(entry: QueueEntry) -> QueueEntry:
        if entry.status is not EntryStatus.IN_REVIEW:
            return entry
        return msgspec.structs.replace(_pending(entry), status=EntryStatus.REQUIRES_MANUAL)

    return _changed(queue, sources, given_up, at)


def reopened(queue: Queue, sources: Set[str], *, at: str) -> Queue:
    """Return the queue after a reviewer has taken up these recipes again: they are in review, unless excluded."""

    def taken_up(entry: QueueEntry) -> QueueEntry:
        if entry.status not in CANDIDATES | {EntryStatus.REQUIRES_MANUAL}:
            return entry
        return msgspec.structs.replace(_pending(entry), status=EntryStatus.IN_REVIEW)

    return _changed(queue, sources, taken_up, at)


def rolled_back(queue: Queue, sources: Set[str], *, at: str) -> Queue:
    """Return the queue after the recipes of these sources were taken out: they are not made again unless asked for."""

    def given_up(entry: QueueEntry) -> QueueEntry:
        if entry.status is EntryStatus.EXCLUDED:
            return entry
        return msgspec.structs.replace(_pending(entry), status=EntryStatus.REQUIRES_MANUAL)

    return _changed(queue, sources, given_up, at)


def waits_in_doubt(entry: QueueEntry) -> bool:
    """Say whether a person must still tell if an entry is a tool of its own."""
    return entry.status is EntryStatus.REQUIRES_MANUAL and entry.confidence is Confidence.DOUBTFUL


def unblocked(queue: Queue, available: Set[str], *, at: str) -> Queue:
    """Return the queue with those blocked entries pending whose blockers are all `available` (`blockers.available`)."""
    free = {
        entry.source for entry in queue.entries if entry.status is EntryStatus.BLOCKED and not missing(entry, available)
    }
    return _changed(queue, free, _freed, at)


def excluded_sources(entries: Iterable[QueueEntry]) -> frozenset[str]:
    """Return the sources that a person has excluded."""
    return frozenset(entry.source for entry in entries if entry.status is EntryStatus.EXCLUDED)


def _freed(entry: QueueEntry) -> QueueEntry:
    return _pending(entry) if entry.status is EntryStatus.BLOCKED else entry


def _concluded(
    entry: QueueEntry, attempt: Attempt, history: History, config: Config, succeeded: EntryStatus
) -> QueueEntry:
    known = history.get(entry.source, NOTHING)
    match attempt.outcome:
        case AttemptOutcome.SUCCEEDED:
            return msgspec.structs.replace(_pending(entry), status=succeeded)
        case AttemptOutcome.TRANSIENT:
            return msgspec.structs.replace(
                entry,
                status=EntryStatus.PENDING,
                failure_count=known.streak,
                next_retry_at=next_try(known, entry.source, config.retry),
            )
        case AttemptOutcome.FAILED:
            status = EntryStatus.REQUIRES_MANUAL if needs_person(known, config.quarantine) else EntryStatus.FAILED
            repeats = known.failure.repeats if known.failure else 1
            return msgspec.structs.replace(_pending(entry), status=status, failure_count=repeats)
        case AttemptOutcome.BLOCKED:
            return msgspec.structs.replace(
                _pending(entry), status=EntryStatus.BLOCKED, blocked_by=list(attempt.blocked_by)
            )
        case AttemptOutcome.DEFERRED if attempt.until:
            return msgspec.structs.replace(_pending(entry), next_retry_at=attempt.until)
        case _:  # deferred: it was not tried; the rest does not end a package's way through a batch
            return entry


def _pending(entry: QueueEntry) -> QueueEntry:
    return msgspec.structs.replace(
        entry, status=EntryStatus.PENDING, failure_count=0, next_retry_at=None, blocked_by=[]
    )


def _changed(queue: Queue, sources: Set[str], change: Change, at: str) -> Queue:
    """Apply a change to the first entry of each of these sources: a second one is never worked on."""
    if not sources:
        return queue
    entries = list(queue.entries)
    waiting = set(sources)
    changed = False
    for index, entry in enumerate(queue.entries):
        if entry.source in waiting:
            waiting.remove(entry.source)
            entries[index] = change(entry)
            changed = changed or entries[index] != entry
    return msgspec.structs.replace(queue, entries=entries, updated_at=at) if changed else queue
