"""What the predicates judge. Pure."""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime

import msgspec

from pipeline.config import AlarmsConfig, BudgetConfig, Config
from pipeline.history.fold import History
from pipeline.history.frozen import Frozen, frozen_packages
from pipeline.history.reviews import Review, open_reviews
from pipeline.model import BatchMetrics, Breaker, Budget, Control, EntryStatus, LedgerEntry, QueueEntry
from pipeline.source import ecosystem_of


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand at `now`.

    `batches` are all there are, oldest first. `at_work` are the ecosystems that have a pending entry and are not
    switched off: of the others, no success is nobody's fault. `reviews` and `frozen` come longest first.
    """

    now: datetime
    limits: AlarmsConfig
    budget_limits: BudgetConfig
    batches: Sequence[BatchMetrics]
    at_work: Set[str]
    reviews: Sequence[Review]
    frozen: Sequence[Frozen]
    breakers: Mapping[str, Breaker]
    budget: Budget


def facts_of(
    config: Config,
    now: datetime,
    *,
    batches: Sequence[BatchMetrics],
    entries: Iterable[QueueEntry],
    waiting: Iterable[LedgerEntry],
    history: History,
    control: Control,
    ecosystem: str | None = None,
) -> Facts:
    """Return the facts of a pipeline; with `ecosystem`, only its reviews and frozen packages.

    `waiting` are the batches that wait for their merge, as the ledger has them.
    """
    entries = list(entries)
    pending = {ecosystem_of(entry.source) for entry in entries if entry.status is EntryStatus.PENDING}
    excluded = {entry.source for entry in entries if entry.status is EntryStatus.EXCLUDED}
    return Facts(
        now=now,
        limits=config.alarms,
        budget_limits=config.budget,
        batches=batches,
        at_work=pending.difference(control.disabled_ecosystems),
        reviews=open_reviews(waiting, config.alarms.review_days, now, ecosystem=ecosystem),
        frozen=frozen_packages(history, excluded, ecosystem=ecosystem),
        breakers=control.circuit_breaker,
        budget=control.budget,
    )
