"""What people have done with pull requests, read from the forge: merged ones succeed, closed ones are declined.

All lines bear the forge's times, so that two machines that see the same write the same. The ledger's line comes last of
what counts: killed before it, the next one finds the batch waiting still, and takes the same steps.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec

from pipeline.digests import sha256
from pipeline.forge.base import Forge, PullRequest, Unavailable
from pipeline.history.attempts import tail
from pipeline.history.ledger import standing_files
from pipeline.instants import instant, timestamp
from pipeline.model import Attempt, AttemptOutcome, BatchState, LedgerEntry, PullRequestOrder, Queue, Stage
from pipeline.publishing.books import Books
from pipeline.publishing.destination import Destination
from pipeline.publishing.orders import drop_order, is_older, read_orders
from pipeline.publishing.settle import settled_queue
from pipeline.selection import statuses


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """What the forge told of the batches that wait: merged and closed ones, and the sources that were declined.

    `reopened` were closed, and wait again, or were merged since.
    `listed` says that all open ones could be listed: `open_ones`. `answered` are the branches that have none in any
    state, so that theirs may be opened. `unavailable` says what could not be learnt. `undone` are the batches whose
    rollback was merged, `not_undone` those whose rollback was closed.
    """

    listed: bool = False
    merged: list[str] = []
    closed: list[str] = []
    reopened: list[str] = []
    declined: list[str] = []
    open_ones: list[PullRequest] = []
    answered: list[str] = []
    undone: list[str] = []
    not_undone: list[str] = []
    unavailable: Unavailable | None = None

    @property
    def is_news(self) -> bool:
        """Whether anything was written down."""
        return bool(self.merged or self.closed or self.reopened)

    def after(self, earlier: "Reviewed") -> "Reviewed":
        """Return what was learnt by both, each batch and source once."""
        return msgspec.structs.replace(
            self,
            merged=list(dict.fromkeys([*earlier.merged, *self.merged])),
            closed=list(dict.fromkeys([*earlier.closed, *self.closed])),
            reopened=list(dict.fromkeys([*earlier.reopened, *self.reopened])),
            declined=list(dict.fromkeys([*earlier.declined, *self.declined])),
            undone=list(dict.fromkeys([*earlier.undone, *self.undone])),
            not_undone=list(dict.fromkeys([*earlier.not_undone, *self.not_undone])),
        )


def review(books: Books, destination: Destination, forge: Forge) -> Reviewed:
    """Read the pull requests of all batches that wait, and write down what has become of them.

    The caller holds the root's lock. All of it may be repeated.
    """
    open_ones = forge.open_ones("")
    if isinstance(open_ones, Unavailable):
        return Reviewed(unavailable=open_ones)
    by_branch = {pull.branch: pull for pull in open_ones}
    merged: list[str] = []
    closed: list[str] = []
    declined: list[str] = []
    answered: list[str] = []
    missing: Unavailable | None = None
    reopened = _reopened(books, destination, forge, by_branch)
    for entry in books.ledger.waiting():
        if entry.state is not BatchState.PUBLISHED or not entry.commit:
            continue
        pull = by_branch.get(entry.branch) or _ended(forge, entry.branch)
        if pull is None:
            answered.append(entry.branch)
        elif isinstance(pull, Unavailable):
            missing = pull
        elif pull.state == "open":
            note_opened(books, entry, pull)
        elif pull.state == "closed":
            declined += _closed(books, entry, pull)
            closed.append(entry.batch_id)
        elif destination.has(pull.squashed):  # else the merge is newer than what was fetched of the base
            declined += _merged(books, destination, entry, pull)
            merged.append(entry.batch_id)
    waiting, ended = _settle_rollbacks(books, forge, by_branch.keys())
    _drop_settled(books)
    return Reviewed(
        listed=True,
        merged=merged,
        closed=closed,
        reopened=reopened,
        declined=declined,
        open_ones=open_ones,
        answered=[*answered, *waiting],
        undone=[batch_id for batch_id, pull in ended.items() if pull.state == "merged"],
        not_undone=[batch_id for batch_id, pull in ended.items() if pull.state != "merged"],
        unavailable=missing,
    )


def note_opened(books: Books, entry: LedgerEntry, pull: PullRequest) -> None:
    """Have the ledger name the pull request of a batch, at the time when it was opened."""
    if entry.pull_request != pull.url:
        at = _not_before(entry, pull.created_at)
        books.ledger.append(msgspec.structs.replace(entry, pull_request=pull.url, at=at))


def is_rollback(order: PullRequestOrder, entry: LedgerEntry | None) -> bool:
    """Return whether an order asks to take recipes out of use: its branch is not that of its batch."""
    return entry is not None and order.branch != entry.branch


def _reopened(books: Books, destination: Destination, forge: Forge, open_ones: Mapping[str, PullRequest]) -> list[str]:
    """Have batches wait again whose pull request a person has opened, or merged, after it was closed; return their ids.

    The forge is asked of those alone that have left a trace: in the list of open ones, or in the base branch.
    """
    found: list[str] = []
    for entry in books.ledger.closed():
        pull = open_ones.get(entry.branch)
        if pull is None and _has_arrived(books, destination, entry):
            ended = _ended(forge, entry.branch)
            pull = ended if isinstance(ended, PullRequest) and ended.state == "merged" else None
        if pull is not None:
            _reopen(books, entry, pull)
            found.append(entry.batch_id)
    return found


def _has_arrived(books: Books, destination: Destination, entry: LedgerEntry) -> bool:
    """Return whether the base holds a recipe where this batch had one to bring, and no other batch has brought it."""
    others = [each for each in books.ledger.entries().values() if each.batch_id != entry.batch_id]
    taken = {file.path for each in others for file in standing_files(each)}
    for file in entry.files:
        content = None if file.path in taken else destination.current(file.path)
        if content is not None and sha256(content) != file.previous_sha256:
            return True
    return False


def _reopen(books: Books, entry: LedgerEntry, pull: PullRequest) -> None:
    """Write down that a batch waits again. The forge does not tell since when: the second after it was closed counts.

    So all machines write the same line, and each later one of the forge's times comes behind it.
    """
    at = timestamp(instant(entry.at) + timedelta(seconds=1))
    waits = msgspec.structs.replace(entry, state=BatchState.PUBLISHED, pull_request=pull.url, at=at)
    sources = [file.source for file in standing_files(waits)]
    _remember(books, waits, sources, f"{pull.url} was opened again", Stage.REQUEUE, AttemptOutcome.REQUEUED)
    books.change_queue(lambda queue: statuses.reopened(queue, frozenset(sources), at=at))
    books.ledger.append(waits)


def _ended(forge: Forge, branch: str) -> PullRequest | Unavailable | None:
    """Return the newest pull request of a branch, None when there never was one."""
    found = forge.of_branch(branch)
    return found if isinstance(found, Unavailable) else next(iter(found), None)


def _closed(books: Books, entry: LedgerEntry, pull: PullRequest) -> list[str]:
    """Write down that a person wants none of a batch; return its sources."""
    at = _not_before(entry, pull.closed_at)
    sources = [file.source for file in standing_files(entry)]
    closed = msgspec.structs.replace(entry, state=BatchState.CLOSED, pull_request=pull.url, at=at)
    message = f"{pull.url} was closed without a merge"
    _remember(books, closed, sources, message, Stage.REVIEW, AttemptOutcome.DECLINED)
    books.change_queue(lambda queue: statuses.declined(queue, frozenset(sources), at=at))
    books.ledger.append(closed)
    return sources


def _merged(books: Books, destination: Destination, entry: LedgerEntry, pull: PullRequest) -> list[str]:
    """Write down what of a batch is in use now; return the sources whose recipe the reviewer has taken out."""
    at = _not_before(entry, pull.closed_at)
    gone = [file.source for file in standing_files(entry) if destination.current(file.path) is None]
    out = {*entry.rolled_back, *gone}
    done = msgspec.structs.replace(
        entry,
        state=BatchState.MERGED,
        pull_request=pull.url,
        rolled_back=[file.source for file in entry.files if file.source in out],
        at=at,
    )
    message = f"{pull.url} was merged without its recipe"
    _remember(books, done, gone, message, Stage.REVIEW, AttemptOutcome.DECLINED)

    def wanted(queue: Queue) -> Queue:
        changed = statuses.declined(queue, frozenset(gone), at=at)
        return settled_queue(changed, [done], destination, at)

    books.change_queue(wanted)
    books.ledger.append(done)
    return gone


def _remember(
    books: Books, entry: LedgerEntry, sources: Iterable[str], message: str, stage: Stage, outcome: AttemptOutcome
) -> None:
    """Note for some sources of a batch what a person has done with it, at the time of the ledger's line."""
    books.remember(
        Attempt(
            source=source,
            batch_id=entry.batch_id,
            stage=stage,
            outcome=outcome,
            message=tail(message),
            at=entry.at,
        )
        for source in sources
    )


def _settle_rollbacks(
    books: Books, forge: Forge, open_branches: Iterable[str]
) -> tuple[list[str], dict[str, PullRequest]]:
    """Drop the orders of rollbacks that were merged or closed.

    Return the branches of those that nobody has opened, and those that have ended, by their batch.
    """
    waiting: list[str] = []
    ended: dict[str, PullRequest] = {}
    for order in read_orders(books):
        if not is_rollback(order, books.ledger.entry(order.batch_id)) or order.branch in open_branches:
            continue
        pull = _ended(forge, order.branch)
        if isinstance(pull, Unavailable):
            continue
        # A later rollback of the same batch has the same branch, and another text.
        if pull is not None and not is_older(pull, order):
            drop_order(books, order.batch_id)
            ended[order.batch_id] = pull
        else:
            waiting.append(order.branch)
    return waiting, ended


def _drop_settled(books: Books) -> None:
    """Drop the orders of batches that wait for nothing any more."""
    waiting = {entry.batch_id for entry in books.ledger.waiting()}
    for order in read_orders(books):
        if order.batch_id not in waiting and not is_rollback(order, books.ledger.entry(order.batch_id)):
            drop_order(books, order.batch_id)


def _not_before(entry: LedgerEntry, at: str | None) -> str:
    """Return the forge's time, but none before the ledger's last line: lines are ordered by it."""
    return timestamp(max(instant(entry.at), instant(at or entry.at)))


def waiting_orders(books: Books, answered: Sequence[str]) -> list[PullRequestOrder]:
    """Return the orders whose pull request may be opened: rollbacks first, then the batches, oldest first."""
    place = {entry.batch_id: number for number, entry in enumerate(books.ledger.waiting())}
    orders = [order for order in read_orders(books) if order.branch in answered]
    return sorted(orders, key=lambda order: (place.get(order.batch_id, -1), order.batch_id))
