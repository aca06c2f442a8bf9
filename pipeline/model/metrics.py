"""What a batch did, in numbers."""

from typing import Annotated, Literal

from msgspec import Meta

from pipeline.model.base import BatchId, Count, EcosystemId, Record, Timestamp
from pipeline.model.verdict import VerdictStatus

Seconds = Annotated[float, Meta(ge=0)]


class Traffic(Record, frozen=True, kw_only=True):
    """Requests to an ecosystem's registries. `waited` is the seconds that they stood in line, added up."""

    requests: Count = 0
    cache_hits: Count = 0
    not_modified: Count = 0
    bytes: Count = 0
    failed_tries: Count = 0
    waited: Seconds = 0


class EcosystemCounts(Record, frozen=True, kw_only=True):
    """What became of one ecosystem's packages. Success is included / attempted; those `deferred` are not attempted."""

    attempted: Count = 0
    generated: Count = 0
    validated: Count = 0
    included: Count = 0
    excluded: Count = 0
    blocked: Count = 0
    deferred: Count = 0


class RunRecord(Record, frozen=True, kw_only=True):
    """What one process asked of the registries for a batch, `build/runs/<started>-<pid>.json`."""

    schema_version: Literal[1] = 1
    batch_id: BatchId
    started_at: Timestamp
    seconds: Seconds
    traffic: dict[EcosystemId, Traffic]


class BatchMetrics(Record, frozen=True, kw_only=True):
    """One line of `data/metrics/YYYY-MM.jsonl`; the month is that of `at`, the time of publication, in UTC.

    `stage_seconds` adds up the work of all packages; `minutes` are those used by runner class; `cost` weighs them.
    """

    schema_version: Literal[1] = 1
    batch_id: BatchId
    created_at: Timestamp
    at: Timestamp
    ecosystems: dict[EcosystemId, EcosystemCounts]
    platforms: dict[str, dict[VerdictStatus, Count]]
    traffic: dict[EcosystemId, Traffic]
    stage_seconds: dict[str, Seconds]
    minutes: dict[str, Seconds]
    cost: Seconds
