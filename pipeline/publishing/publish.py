"""One batch made public: recipes, journal, control file, queue, numbers, ledger, alarms, state, in this order.

Each step is one that may be repeated: killed anywhere, the next publication ends as the first would have. The ledger's
first line fixes the time, which all that is written bears, and what each recipe replaced.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

import msgspec

from pipeline.digests import sha256
from pipeline.errors import PipelineError
from pipeline.forge.base import Forge
from pipeline.history.attempts import attempts_of
from pipeline.history.fingerprint import policy_digest
from pipeline.history.ledger import held_paths
from pipeline.history.metrics import batch_metrics
from pipeline.instants import instant, timestamp
from pipeline.model import (
    Attempt,
    Batch,
    BatchMetrics,
    BatchState,
    EntryStatus,
    Excluded,
    LedgerEntry,
    LedgerFile,
    Payload,
    Queue,
    Stage,
)
from pipeline.publishing.books import Books, save_state
from pipeline.publishing.destination import Change, Destination, Placed
from pipeline.publishing.joining import refuse_other
from pipeline.publishing.orders import keep_order
from pipeline.publishing.pull_requests import Asked, ask
from pipeline.publishing.reviewed import Reviewed, review
from pipeline.publishing.settle import Settled, arrivals, settle, settled_queue
from pipeline.publishing.work import Work, read_batch, read_work, refuse_held
from pipeline.selection.statuses import after_batch
from pipeline.store import Paths, read_result, write_bytes


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What a publication came to. `already` is true when the batch had been published before.

    `state_commit` is "" when the state needed no commit. `reviewed` and `asked` are what came of all pull requests,
    `pull_request` is the address of this batch's; without a forge they are empty.
    """

    batch_id: str
    state: BatchState
    already: bool
    branch: str
    commit: str
    files: list[LedgerFile]
    excluded: list[Excluded]
    settled: Settled
    state_commit: str = ""
    pull_request: str = ""
    reviewed: Reviewed = Reviewed()
    asked: Asked = Asked()


def publish(
    books: Books,
    *,
    destination: Destination,
    revisions: Mapping[str, int],
    now: datetime,
    forge: Forge | None = None,
    dry_run: bool = False,
) -> Published:
    """Publish the batch in `build/`; the root's lock is held by the caller. With `dry_run` nothing is written or asked.

    On a forge, what was merged or closed is read first, and pull requests are opened last: with all state saved, a
    limit or a forge that does not answer puts nothing off but them.

    Raises `PipelineError` when there is no batch, or its payload is not whole; nothing of it is written then.
    """
    frozen = read_result(books.paths.batch, Batch)
    current = frozen.id if frozen else None
    if dry_run:
        settled = Settled(merged=[entry.batch_id for entry in arrivals(books, destination, current)])
        work, entry = _begun(books, destination, now, frozen, settled.merged)
        _refuse_blocked(work, entry, destination)
        return _told(entry, settled)
    if destination.restore_state():
        books.reread()
    reviewed = review(books, destination, forge) if forge is not None else Reviewed()
    settled = settle(books, destination, now, current)
    try:
        work, entry = _begun(books, destination, now, frozen, settled.merged)
        _refuse_blocked(work, entry, destination)
    except PipelineError:
        if settled != Settled() or reviewed.is_news:
            save_state(books, destination)
        raise
    if work is None:
        books.note_alarms(now)
        told = _told(entry, settled, already=True, state_commit=save_state(books, destination))
        return _with_pull_requests(books, destination, forge, now, told, reviewed)
    done = _carried_out(books, work, entry, destination, revisions)
    moment = instant(done.published_at)
    books.note_alarms(moment)

    def again() -> None:
        known = books.ledger.entry(done.batch_id)
        if known is None or known in (entry, done):  # else somebody else has published it meanwhile
            _written(books, work, done, destination, revisions)
        books.note_alarms(moment)

    told = _told(done, settled, state_commit=save_state(books, destination, again))
    return _with_pull_requests(books, destination, forge, now, told, reviewed)


def _with_pull_requests(
    books: Books, destination: Destination, forge: Forge | None, now: datetime, told: Published, before: Reviewed
) -> Published:
    """Open the pull requests that wait, that of this batch among them, and save what the ledger says of them."""
    if forge is None:
        return told
    reviewed, asked = before, Asked()

    def go() -> None:
        nonlocal reviewed, asked
        reviewed = review(books, destination, forge).after(reviewed)
        asked = ask(books, forge, reviewed, now).after(asked)
        books.note_alarms(now)

    go()
    state_commit = save_state(books, destination, go) or told.state_commit
    entry = books.ledger.entry(told.batch_id)
    return msgspec.structs.replace(
        told,
        state=entry.state if entry else told.state,
        pull_request=entry.pull_request if entry else "",
        reviewed=reviewed,
        asked=asked,
        state_commit=state_commit,
    )


def keep_replaced(paths: Paths, files: list[LedgerFile], destination: Destination) -> None:
    """Keep the bytes of the recipes that are about to be replaced, so that a rollback needs nobody else."""
    for file in files:
        content = destination.current(file.path) if file.previous_sha256 not in {None, file.sha256} else None
        if content is not None and sha256(content) == file.previous_sha256:
            place = paths.replaced(file.previous_sha256)
            if not place.is_file() or place.read_bytes() != content:
                write_bytes(place, content)


def _begun(
    books: Books, destination: Destination, now: datetime, frozen: Batch | None, merged: Collection[str]
) -> tuple[Work | None, LedgerEntry]:
    """Return what is to be published with its first line in the ledger; no work when that was done before.

    `frozen` is the batch if it can be read; if not, reading it again says why. `merged` are the batches that were found
    merged just now, which hold no path any more.
    """
    batch = frozen or read_batch(books.paths)
    known = books.ledger.entry(batch.id)
    if known is not None and known.state is not BatchState.BUILT:
        _refuse_namesake(books.paths, known)
        return None, known
    work = read_work(books.paths, books.config, batch)
    if known is None:
        waiting = [entry for entry in books.ledger.waiting() if entry.batch_id not in merged]
        refuse_held(books.paths, work, held_paths(waiting, batch.id))
    at = known.published_at if known else timestamp(now)
    return work, LedgerEntry(
        batch_id=batch.id,
        state=BatchState.BUILT,
        created_at=batch.created_at,
        published_at=at,
        at=at,
        inputs=batch.fingerprints,
        branch=work.payload.branch,
        files=_files(work, known, destination),
        excluded=work.payload.excluded,
    )


def _refuse_namesake(paths: Paths, known: LedgerEntry) -> None:
    """Raise `PipelineError` when the payload is one of other recipes that another machine gave the same id to."""
    payload = read_result(paths.payload, Payload)
    if payload is not None and payload.batch_id == known.batch_id:
        refuse_other(known, files=payload.files, excluded=payload.excluded)


def _files(work: Work, known: LedgerEntry | None, destination: Destination) -> list[LedgerFile]:
    """Return the recipes with what each replaces; raises `PipelineError` when another version is in use by now.

    A publication that was cut off may have replaced some already: what its first line said of them holds.
    """
    before = {file.path: file.previous_sha256 for file in known.files} if known else {}
    files: list[LedgerFile] = []
    changed: list[str] = []
    for source, file in zip(work.payload.included, work.payload.files, strict=True):
        content = destination.current(file.path)
        there = sha256(content) if content is not None else None
        if there not in {file.sha256, work.constraints[source].replaces_sha256}:
            changed.append(file.path)
        previous = before.get(file.path, there)
        files.append(
            LedgerFile(
                source=source,
                path=file.path,
                sha256=file.sha256,
                previous_sha256=previous,
                executables=work.constraints[source].executables,
            )
        )
    if changed:
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise PipelineError(
            f"{changed[0]}{more}: the recipe in use is not the one that the payload was made from",
            remedy="commit or undo what was changed there (in a git checkout, HEAD counts), then run `doit` again",
        )
    return files


def _carried_out(
    books: Books, work: Work, entry: LedgerEntry, destination: Destination, revisions: Mapping[str, int]
) -> LedgerEntry:
    """Take the steps, in the order in which a killed publication can be taken up again."""
    books.ledger.append(entry)
    keep_replaced(books.paths, entry.files, destination)
    _keep_statements(books.paths, work)
    placed = _placed(work, entry, destination)
    state = BatchState.MERGED if placed.merged else BatchState.PUBLISHED
    done = msgspec.structs.replace(entry, state=state, branch=placed.branch, commit=placed.commit)
    _written(books, work, done, destination, revisions)
    return done


def _written(
    books: Books, work: Work, done: LedgerEntry, destination: Destination, revisions: Mapping[str, int]
) -> None:
    """Write down what the publication came to; on top of what others have written, all of it may be repeated."""
    moment = instant(done.published_at)
    attempts = _attempts(books, work, done, revisions)
    conclusions = [attempt for attempt in attempts if attempt.stage is Stage.PAYLOAD]
    books.remember(attempts)
    books.update_control(attempts, moment)
    books.change_queue(_after(books, conclusions, done, destination))
    books.count(_numbers(books, work, conclusions, moment))
    if done.state is BatchState.PUBLISHED:
        keep_order(books, work.payload, branch=done.branch, body=work.body, message=work.message)
    books.ledger.append(done)


def _keep_statements(paths: Paths, work: Work) -> None:
    """Keep what is said of the recipes as long as the ledger: the payload goes with the next batch."""
    place = paths.provenance(work.batch.id)
    if work.statements and not (place.is_file() and place.read_bytes() == work.statements):
        write_bytes(place, work.statements)


def _placed(work: Work, entry: LedgerEntry, destination: Destination) -> Placed:
    """Bring the recipes to their destination. A batch without any has nowhere to go, and nothing to wait for."""
    if not work.recipes:
        return Placed(merged=True)
    return destination.place(_change(work, entry))


def _refuse_blocked(work: Work | None, entry: LedgerEntry, destination: Destination) -> None:
    """Raise `PipelineError` when the recipes could not be brought to their destination."""
    if work is not None and work.recipes:
        destination.check(_change(work, entry))


def _change(work: Work, entry: LedgerEntry) -> Change:
    return Change(branch=entry.branch, files=work.recipes, message=work.message, at=entry.published_at)


def _attempts(books: Books, work: Work, entry: LedgerEntry, revisions: Mapping[str, int]) -> list[Attempt]:
    """Return the journal's lines of the batch: the same ones whenever they are asked for."""
    return attempts_of(
        work.batch,
        work.outcomes,
        work.verdicts,
        work.constraints,
        work.payload,
        revisions,
        policy_digest(books.config),
        entry.published_at,
    )


def _after(
    books: Books, conclusions: list[Attempt], entry: LedgerEntry, destination: Destination
) -> Callable[[Queue], Queue]:
    """Return the change that the batch makes to the queue."""
    history = books.history(instant(entry.published_at))
    succeeded = EntryStatus.SUCCESS if entry.state is BatchState.MERGED else EntryStatus.IN_REVIEW

    def wanted(queue: Queue) -> Queue:
        changed = after_batch(queue, conclusions, history, books.config, at=entry.published_at, succeeded=succeeded)
        return settled_queue(changed, [], destination, entry.published_at)

    return wanted


def _numbers(books: Books, work: Work, conclusions: list[Attempt], moment: datetime) -> BatchMetrics:
    verdicts = [verdict for found in work.verdicts.values() for verdict in found]
    runs = books.runs(work.batch.id, moment)
    outcomes = list(work.outcomes.values())
    return batch_metrics(work.batch, conclusions, outcomes, verdicts, work.payload, runs, books.config.budget, moment)


def _told(entry: LedgerEntry, settled: Settled, *, already: bool = False, state_commit: str = "") -> Published:
    return Published(
        batch_id=entry.batch_id,
        state=entry.state,
        already=already,
        branch=entry.branch,
        commit=entry.commit,
        files=entry.files,
        excluded=entry.excluded,
        settled=settled,
        state_commit=state_commit,
    )
