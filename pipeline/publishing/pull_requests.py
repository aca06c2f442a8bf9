"""The pull requests that wait, opened as far as the limits allow; open ones are brought up to date.

Nothing is opened unless all open ones could be listed. The forge decides who was first when two publishers open the
same one; the other finds it.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from pipeline.forge.base import Forge, PullRequest, Unavailable
from pipeline.instants import instant
from pipeline.model import LedgerEntry, PullRequestOrder
from pipeline.publishing.books import Books
from pipeline.publishing.limits import HOUR, Postponed, Room, room, stale_ones
from pipeline.publishing.orders import is_given, read_orders
from pipeline.publishing.reviewed import Reviewed, is_rollback, note_opened, waiting_orders

LISTED_RULE = "no pull request is opened unless all that are open could be listed"
ANSWERED_RULE = "the forge opens it"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request as it is told of: its batch and its address."""

    batch_id: str
    url: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the orders; `stale` are open ones that nobody has looked at for `alarms.review_days`.

    `postponed` wait for a later time. `refused` is what the forge would not do besides: the pull request is there.
    """

    opened: list[Shown] = []
    updated: list[Shown] = []
    stale: list[Shown] = []
    postponed: list[Postponed] = []
    refused: list[Unavailable] = []

    def after(self, earlier: "Asked") -> "Asked":
        """Return what came of both, when the same was asked for again on top of what others had saved."""
        return msgspec.structs.replace(
            self,
            opened=[*earlier.opened, *(each for each in self.opened if each not in earlier.opened)],
            updated=[*earlier.updated, *(each for each in self.updated if each not in earlier.updated)],
            refused=[*earlier.refused, *(each for each in self.refused if each not in earlier.refused)],
        )


def ask(books: Books, forge: Forge, seen: Reviewed, now: datetime) -> Asked:
    """Open what waits, and update what is open with another text. The caller holds the root's lock.

    `seen` is what the forge has told a moment ago; without a list of all open ones nothing is opened.
    """
    unknown = _not_answered(books, seen)
    if not seen.listed:
        return Asked(postponed=unknown)
    orders = waiting_orders(books, seen.answered)
    rollbacks = [order for order in orders if is_rollback(order, books.ledger.entry(order.batch_id))]
    batches = [order for order in orders if order not in rollbacks]
    known = {order.branch: order for order in read_orders(books)}
    ours = [pull for pull in seen.open_ones if pull.branch.startswith(books.config.payload.branch_prefix)]
    review_days = books.config.alarms.review_days
    openings = _openings(books, ours, now)

    def share(rest: list[PullRequestOrder], made: list[PullRequest]) -> Room:
        """Return what may be opened of those that are left, after some were."""
        left = [order.batch_id for order in rest if order in batches]
        times = [*openings, *(pull.created_at for pull in made)]
        shared = room(left, [*ours, *made], times, books.config.publish, review_days, now)
        # What takes bad recipes out of use waits for no limit.
        free = [order.batch_id for order in rest if order in rollbacks]
        return Room(opened=[*free, *shared.opened], postponed=shared.postponed)

    opened, postponed, refused = _open_all(books, forge, [*rollbacks, *batches], share)
    updated, not_updated = _update_all(forge, seen.open_ones, known)
    return Asked(
        opened=opened,
        updated=updated,
        stale=[_shown(pull, known.get(pull.branch)) for pull in stale_ones(ours, review_days, now)],
        postponed=[*postponed, *unknown],
        refused=[*refused, *not_updated],
    )


def _open_all(
    books: Books,
    forge: Forge,
    orders: list[PullRequestOrder],
    share: Callable[[list[PullRequestOrder], list[PullRequest]], Room],
) -> tuple[list[Shown], list[Postponed], list[Unavailable]]:
    """Open one after the other while there is room. One that is refused takes no place from those behind it."""
    opened: list[Shown] = []
    postponed: list[Postponed] = []
    refused: list[Unavailable] = []
    made: list[PullRequest] = []
    rest = list(orders)
    limit: Unavailable | None = None
    while rest and limit is None and rest[0].batch_id in share(rest, made).opened:
        order = rest.pop(0)
        pull = forge.open(order)
        if isinstance(pull, Unavailable):
            postponed.append(_put_off(order, ANSWERED_RULE, pull))
            limit = pull if pull.until else None
            continue
        entry = books.ledger.entry(order.batch_id)
        if entry is not None and not is_rollback(order, entry):
            note_opened(books, entry, pull)
            made.append(pull)
        opened.append(_shown(pull, order))
        objections = [
            pull.unlabelled,
            None if is_given(pull, order) else _objection(forge.update(pull.number, order)),
            _auto_merge(forge, order, pull, entry),
        ]
        refused += [each for each in objections if each is not None]
    left = share(rest, made)
    if limit is not None:
        postponed += [_put_off(order, ANSWERED_RULE, limit) for order in rest if order.batch_id in left.opened]
    return opened, [*postponed, *left.postponed], refused


def _auto_merge(
    forge: Forge, order: PullRequestOrder, pull: PullRequest, entry: LedgerEntry | None
) -> Unavailable | None:
    """Ask for it once, when the pull request is new and holds what was validated: who calls it off has decided."""
    if not order.auto_merge or entry is None or pull.head != entry.commit:
        return None
    return forge.ask_auto_merge(pull.number, order, pull.head)


def _update_all(
    forge: Forge, open_ones: list[PullRequest], orders: dict[str, PullRequestOrder]
) -> tuple[list[Shown], list[Unavailable]]:
    updated: list[Shown] = []
    refused: list[Unavailable] = []
    for pull in open_ones:
        order = orders.get(pull.branch)
        if order is None or is_given(pull, order):
            continue
        answer = forge.update(pull.number, order)
        objection = _objection(answer)
        refused += [objection] if objection else []
        if isinstance(answer, PullRequest):
            updated.append(_shown(answer, order))
    return updated, refused


def _objection(answer: PullRequest | Unavailable) -> Unavailable | None:
    """Return what the forge would not do of a request."""
    return answer if isinstance(answer, Unavailable) else answer.unlabelled


def _openings(books: Books, open_ones: list[PullRequest], now: datetime) -> list[str]:
    """Return when pull requests were opened: the forge knows it of the open ones, the ledger of all others."""
    times = {pull.url: pull.created_at for pull in open_ones}
    for entry in books.ledger.entries().values():
        if entry.pull_request and entry.pull_request not in times and instant(entry.at) > now - HOUR:
            lines = books.ledger.lines(entry.batch_id)
            times[entry.pull_request] = next(line.at for line in lines if line.pull_request)
    return list(times.values())


def _not_answered(books: Books, seen: Reviewed) -> list[Postponed]:
    """Return the orders of which the forge has not said whether they have a pull request, nor the ledger."""
    if seen.unavailable is None:
        return []
    known = {*seen.answered, *(pull.branch for pull in seen.open_ones)}
    found: list[Postponed] = []
    for order in read_orders(books):
        entry = books.ledger.entry(order.batch_id)
        told = entry is not None and entry.pull_request and not is_rollback(order, entry)
        if order.branch not in known and not told:
            found.append(_put_off(order, LISTED_RULE, seen.unavailable))
    return found


def _put_off(order: PullRequestOrder, rule: str, why: Unavailable) -> Postponed:
    return Postponed(
        batch_id=order.batch_id,
        rule=rule,
        value=why.message,
        until=why.until,
        remedy=why.remedy,
        forbidden=why.forbidden,
    )


def _shown(pull: PullRequest, order: PullRequestOrder | None) -> Shown:
    return Shown(batch_id=order.batch_id if order else pull.branch, url=pull.url)
