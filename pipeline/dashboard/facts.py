"""All that the dashboard tells of, at one moment. `reading` reads it, the views are made from it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipeline.build_records import PackageRecords
from pipeline.model import (
    AlarmRecord,
    Attempt,
    Batch,
    BatchMetrics,
    LedgerEntry,
    OutcomeRecord,
    Payload,
    PullRequestOrder,
)
from pipeline.selection.batch import Selection
from pipeline.selection.situation import Situation


@dataclass(frozen=True, kw_only=True)
class Facts:
    """How things stand at one moment.

    `platforms` get verdicts by the configuration. `frozen` is the batch that `build/` holds, published or not, with
    `records` of its packages; `stands` says that the next run goes on with it. `outcomes` are what was generated last
    of other packages, `drafts` the recipes of the batch by source, `payload` and `body` its pull request.

    `attempts` are the journal's lines by source, oldest first. `ledger` has all lines of each batch, oldest batch and
    oldest line first. `metrics` come oldest first. `alarms` ring now, `cleared` have ended lately. `orders` are pull
    requests that are not merged yet, by batch. `recipes` are the texts of the published recipes by their path.
    """

    situation: Situation
    selection: Selection
    platforms: Sequence[str]
    attempts: Mapping[str, Sequence[Attempt]]
    damaged: int = 0
    ledger: Mapping[str, Sequence[LedgerEntry]]
    metrics: Sequence[BatchMetrics]
    alarms: Sequence[AlarmRecord]
    cleared: Sequence[AlarmRecord]
    orders: Mapping[str, PullRequestOrder]
    recipes: Mapping[str, str]
    frozen: Batch | None = None
    stands: bool = False
    records: Mapping[str, PackageRecords]
    outcomes: Mapping[str, OutcomeRecord]
    drafts: Mapping[str, str]
    payload: Payload | None = None
    body: str = ""

    @cached_property
    def numbers(self) -> Mapping[str, BatchMetrics]:
        """The numbers of each batch, by its id."""
        return {line.batch_id: line for line in self.metrics}
