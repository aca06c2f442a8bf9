"""The frozen batch, what was left out of it and why, and the work orders."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.model.base import BatchId, Count, Digest, EcosystemId, Record, SourceId, Timestamp, ToolName
from pipeline.model.knowledge import Knowledge


class Gate(StrEnum):
    """Why an entry is not in the batch; each gate is one predicate in `selection`."""

    PIPELINE_DISABLED = "pipeline_disabled"
    DUPLICATE_SOURCE = "duplicate_source"
    STATUS = "status"
    NO_GENERATOR = "no_generator"
    NO_RUNNER = "no_runner"
    NOT_IN_BATCH_ECOSYSTEMS = "not_in_batch_ecosystems"
    ECOSYSTEM_DISABLED = "ecosystem_disabled"
    BREAKER_OPEN = "breaker_open"
    BLOCKED = "blocked"
    QUARANTINED = "quarantined"
    NOT_DUE = "not_due"
    RETRY_SHARE = "retry_share"
    BUDGET = "budget"
    BATCH_FULL = "batch_full"


class Selected(Record, frozen=True, kw_only=True):
    """An entry that is in the batch, and why it came before others.

    `after` is when it was last tried: results up to then are known, and not what this batch asks for.
    """

    source: SourceId
    name: ToolName
    priority: Annotated[int, Meta(ge=1, le=3)]
    heavy: bool = False
    reason: str
    after: Timestamp | None = None
    knowledge: Knowledge = Knowledge()


class LeftOut(Record, frozen=True, kw_only=True):
    """The entries that one gate held back: the rule, the value that it saw, until when."""

    gate: Gate
    rule: str
    value: str
    until: Timestamp | None = None
    count: Count
    sources: list[SourceId]


class InputFingerprints(Record, frozen=True, kw_only=True):
    """Digests of all that the selection was made from; a batch is valid while they hold."""

    queue: Digest
    control: Digest
    config: Digest


class Batch(Record, frozen=True, kw_only=True):
    """The frozen plan, `build/batch.json`: what this run works on and why."""

    schema_version: Literal[1] = 1
    id: BatchId
    created_at: Timestamp
    fingerprints: InputFingerprints
    selected: list[Selected]
    left_out: list[LeftOut]


class WorkOrder(Record, frozen=True, kw_only=True):
    """What is asked for one package; `heavy` is for its validation alone. Results up to `after` are not wanted."""

    source: SourceId
    name: ToolName
    heavy: bool = False
    after: Timestamp | None = None
    knowledge: Knowledge = Knowledge()


class PackageList(Record, frozen=True, kw_only=True):
    """The work orders of one ecosystem, `build/packages/<ecosystem>.json`."""

    schema_version: Literal[1] = 1
    ecosystem: EcosystemId
    batch_id: BatchId
    packages: list[WorkOrder]
