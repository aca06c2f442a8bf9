"""A published batch, or some packages of it, taken out of use again, from what the ledger says of it.

The ledger's line comes first and fixes the time; every step after it may be repeated, so a rollback that was killed is
finished by the same command.
"""

import shutil
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from pipeline.checks import nearest, shorten
from pipeline.errors import PipelineError, UnknownName
from pipeline.history.fold import NOTHING
from pipeline.history.ledger import given_back, given_back_at, holders, taken_out, taken_out_at
from pipeline.instants import instant, timestamp
from pipeline.model import Attempt, AttemptOutcome, BatchState, LedgerEntry, LedgerFile, Queue, Stage
from pipeline.publishing.books import Books, save_state
from pipeline.publishing.destination import Change, Destination, Placed
from pipeline.publishing.orders import drop_order, keep_order
from pipeline.publishing.undo import Undo, body_of, message_of, payload_of, undo_of
from pipeline.selection import statuses
from pipeline.store import write, write_bytes


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollback came to.

    `sources` are those that were asked for, `already` those of them that had been rolled back before; `given_back` are
    the others of a batch that was not merged yet. `not_to_merge` is the batch's own branch when that still waits for
    its merge, "" otherwise.
    """

    batch_id: str
    state: BatchState
    sources: list[str]
    already: list[str]
    given_back: list[str]
    removed: list[str]
    restored: list[str]
    branch: str = ""
    commit: str = ""
    not_to_merge: str = ""
    ordered: bool = False
    state_commit: str = ""


def roll_back(
    books: Books, *, destination: Destination, batch_id: str, sources: Sequence[str], now: datetime, dry_run: bool
) -> RolledBack:
    """Roll back a batch, or only some sources of it; the root's lock is held by the caller.

    Raises `UnknownName` for a batch or a source that the ledger does not know, and `PipelineError` when recipes were
    changed since; nothing is done then.
    """
    if not dry_run and destination.restore_state():
        books.reread()
    before = _entry(books, batch_id)
    asked = _asked(before, sources)
    known = [file.source for file in taken_out(before)]
    merged = _was_merged(books, destination, before)
    entry = _line(before, asked, timestamp(now), merged=merged)
    files = taken_out(entry)
    undo = undo_of(books, destination, before, files, merged=merged, settled=known)
    told = RolledBack(
        batch_id=batch_id,
        state=entry.state,
        sources=asked,
        already=[source for source in asked if source in known],
        given_back=[file.source for file in given_back(entry)],
        removed=undo.removed,
        restored=list(undo.restored),
        not_to_merge=before.branch if before.commit and not merged else "",
    )
    change = _change(books, entry, files, undo)
    if change is not None:
        destination.check(change)
    if dry_run:
        return told
    books.ledger.append(entry)
    placed = _placed(books, entry, files, undo, destination)

    def write_down() -> None:
        books.ledger.append(_with_others(books, entry))
        lines = books.ledger.lines(batch_id)
        times = taken_out_at(lines, batch_id)
        books.remember([*_attempts(entry, files, times), *_given_back(entry, given_back_at(lines) or entry.at)])
        _give_up(books, entry, times)

    write_down()
    state_commit = save_state(books, destination, write_down)
    return msgspec.structs.replace(
        told,
        branch=placed.branch,
        commit=placed.commit,
        ordered=books.paths.pull_request(batch_id).is_file(),
        state_commit=state_commit,
    )


def _entry(books: Books, batch_id: str) -> LedgerEntry:
    entry = books.ledger.entry(batch_id)
    if entry is not None:
        return entry
    if batch_id in books.ledger.ids:
        raise PipelineError(
            f"{books.paths.ledger}: what stands there of batch {batch_id} cannot be read",
            remedy="mend its lines, or take them from the state branch",
        )
    close = nearest(batch_id, books.ledger.ids)
    remedy = f"did you mean {close}?" if close else f"`doit metrics` names the last ones, {books.paths.ledger} all"
    raise UnknownName(f"the ledger knows no batch {shorten(batch_id)}", remedy=remedy)


def _was_merged(books: Books, destination: Destination, entry: LedgerEntry) -> bool:
    """Return whether the recipes of a batch have ever been in use: the ledger knows it when they no longer are."""
    known = any(line.state is BatchState.MERGED for line in books.ledger.lines(entry.batch_id))
    return known or destination.is_merged(entry)


def _asked(entry: LedgerEntry, sources: Collection[str]) -> list[str]:
    """Return the sources to roll back: all of the batch when none is named."""
    known = [file.source for file in entry.files]
    for source in sources:
        if source not in known:
            close = nearest(source, known)
            remedy = f"did you mean {close}?" if close else "name a package whose recipe the batch holds"
            raise UnknownName(f"batch {entry.batch_id} holds no recipe of {shorten(source)}", remedy=remedy)
    if not known:
        raise PipelineError(f"batch {entry.batch_id} holds no recipes", remedy="nothing needs to be rolled back")
    if entry.state is BatchState.CLOSED:
        raise PipelineError(
            f"the pull request of {entry.batch_id} was closed without a merge: nothing of it is in use",
            remedy="nothing needs to be rolled back; `doit requeue SOURCE` asks for one of its packages again",
        )
    asked = [source for source in known if not sources or source in sources]
    if entry.state is BatchState.BUILT and asked != known:  # finishing it would bring them back
        raise PipelineError(
            f"the publication of {entry.batch_id} was cut off",
            remedy="finish it first (`doit publish`), or roll all of it back",
        )
    return asked


def _line(before: LedgerEntry, asked: list[str], at: str, *, merged: bool) -> LedgerEntry:
    """Return the ledger's next line; the one before when it says all this already.

    A batch that is not merged yet cannot be merged in part, so all of it ends, whichever sources are named.
    """
    known = {file.source for file in taken_out(before)}
    if known.issuperset(asked):
        return before
    gone = [file.source for file in before.files if file.source in known or file.source in asked]
    ended = not merged or len(gone) == len(before.files)
    state = BatchState.ROLLED_BACK if ended else before.state
    return msgspec.structs.replace(before, state=state, rolled_back=gone, at=at)


def _with_others(books: Books, entry: LedgerEntry) -> LedgerEntry:
    """Return the line with what others have taken out of the batch meanwhile: the last line alone counts."""
    lines = [*books.ledger.lines(entry.batch_id), entry]
    taken = {file.source for line in lines for file in taken_out(line)}
    gone = [file.source for file in entry.files if file.source in taken]
    state = BatchState.ROLLED_BACK if len(gone) == len(entry.files) else entry.state
    return msgspec.structs.replace(entry, state=state, rolled_back=gone)


def _change(books: Books, entry: LedgerEntry, files: list[LedgerFile], undo: Undo) -> Change | None:
    """Return the change that a rollback makes, None when nothing is in use."""
    if undo.is_empty:
        return None
    payload = payload_of(entry, files, undo, books.config.payload.labels)
    return Change(
        branch=payload.branch,
        files=undo.restored,
        removed=tuple(undo.removed),
        message=message_of(payload, entry),
        at=entry.at,
        amends=True,
    )


def _placed(books: Books, entry: LedgerEntry, files: list[LedgerFile], undo: Undo, destination: Destination) -> Placed:
    """Write the rollback's own payload, and bring it to its destination; its pull request takes the batch's place."""
    change = _change(books, entry, files, undo)
    if change is None:
        drop_order(books, entry.batch_id)
        return Placed(merged=True)
    payload = payload_of(entry, files, undo, books.config.payload.labels)
    folder = books.paths.rollback_folder / entry.batch_id
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in undo.restored.items():
        write_bytes(folder / "files" / path, content)
    body = body_of(payload, entry)
    write_bytes(folder / payload.body_file, body.encode())
    write_bytes(folder / payload.commit_message_file, change.message.encode())
    write(folder / "pr.json", payload)
    placed = destination.place(change)
    if not placed.merged:
        keep_order(books, payload, branch=placed.branch, body=body, message=change.message)
    return placed


def _attempts(entry: LedgerEntry, files: list[LedgerFile], times: dict[str, str]) -> list[Attempt]:
    """Return the journal's lines: one for each recipe that was taken out, with the time when it was."""
    return [
        Attempt(
            source=file.source,
            batch_id=entry.batch_id,
            stage=Stage.ROLLBACK,
            outcome=AttemptOutcome.ROLLED_BACK,
            message=f"{file.path} of {entry.batch_id} was rolled back",
            at=times[file.source],
        )
        for file in files
    ]


def _given_back(entry: LedgerEntry, at: str) -> list[Attempt]:
    """Return the journal's lines of those that lost their batch without being named."""
    return [
        Attempt(
            source=file.source,
            batch_id=entry.batch_id,
            stage=Stage.REQUEUE,
            outcome=AttemptOutcome.REQUEUED,
            message=f"{entry.batch_id} is not merged any more: others of it were rolled back",
            at=at,
        )
        for file in given_back(entry)
    ]


def _give_up(books: Books, entry: LedgerEntry, times: dict[str, str]) -> None:
    """Take the packages out of the queue's way, but not those that somebody has asked for again since.

    Those that only lost their batch are pending, unless a later batch has them in review by now.
    """
    history = books.history(instant(entry.at))
    given_up = {source for source, at in times.items() if history.get(source, NOTHING).rolled_back_at == at}
    freed = {file.source for file in given_back(entry)} - holders(books.ledger.waiting()).keys()

    def wanted(queue: Queue) -> Queue:
        changed = statuses.rolled_back(queue, given_up, at=entry.at)
        return statuses.given_back(changed, freed, at=entry.at)

    books.change_queue(wanted)
