"""Why a batch's pull request is not open yet, from the state alone: a page cannot ask the forge. Pure."""

from collections.abc import Iterable

from pipeline.config import PublishMode
from pipeline.dashboard.facts import Facts
from pipeline.dashboard.views.base import View
from pipeline.forge.base import PullRequest
from pipeline.model import BatchState, LedgerEntry
from pipeline.publishing.limits import room

NO_LIMIT = "no limit stands in its way, as far as is known here"
NO_LIMIT_REMEDY = "`doit sync` asks the forge to open it, and says why if it does not"


class Wait(View, frozen=True, kw_only=True):
    """Why a pull request is not open: the rule, what it saw ("" for nothing), until when (None: not known), remedy."""

    rule: str
    value: str
    until: str | None
    remedy: str


def waits(facts: Facts) -> dict[str, Wait]:
    """Return the published batches whose pull request is ordered and not open, oldest first, each with the reason.

    What is open and when it was opened is what the ledger knows of it; the limits are shared out as publishing does.
    """
    config, now = facts.situation.config, facts.situation.now
    if config.publish.mode is not PublishMode.GITHUB:
        return {}
    last = [lines[-1] for lines in facts.ledger.values()]
    published = [entry for entry in last if entry.state is BatchState.PUBLISHED]
    ordered = [entry.batch_id for entry in published if not entry.pull_request and _is_ordered(facts, entry)]
    opened_at = {entry.batch_id: _opened_at(facts.ledger[entry.batch_id]) for entry in last if entry.pull_request}
    open_ones = [
        _pull_request(number, entry, opened_at[entry.batch_id])
        for number, entry in enumerate(published, 1)
        if entry.pull_request
    ]
    review_days = config.alarms.review_days
    shared = room(ordered, open_ones, opened_at.values(), config.publish, review_days, now)
    free = Wait(rule=NO_LIMIT, value="", until=None, remedy=NO_LIMIT_REMEDY)
    put_off = {
        one.batch_id: Wait(rule=one.rule, value=one.value, until=one.until, remedy=one.remedy)
        for one in shared.postponed
    }
    return {batch_id: put_off.get(batch_id, free) for batch_id in ordered}


def _is_ordered(facts: Facts, entry: LedgerEntry) -> bool:
    order = facts.orders.get(entry.batch_id)
    return order is not None and order.branch == entry.branch


def _opened_at(lines: Iterable[LedgerEntry]) -> str:
    return next(line.at for line in lines if line.pull_request)


def _pull_request(number: int, entry: LedgerEntry, opened_at: str) -> PullRequest:
    return PullRequest(
        number=number,
        url=entry.pull_request,
        branch=entry.branch,
        head=entry.commit,
        state="open",
        title=entry.batch_id,
        created_at=opened_at,
    )
