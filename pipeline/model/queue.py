"""The ranked queue."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.model.base import Count, Record, SourceId, Timestamp, ToolName


class EntryStatus(StrEnum):
    """Where a queue entry stands; only `pending` entries are candidates."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"
    BLOCKED = "blocked"
    REQUIRES_MANUAL = "requires_manual"
    EXCLUDED = "excluded"
    IN_REVIEW = "in_review"


class QueueEntry(Record, frozen=True, kw_only=True):
    """One ranked package. Priority 1 is the most wanted; `heavy` gives its installation more room."""

    name: ToolName
    source: SourceId
    priority: Annotated[int, Meta(ge=1, le=3)]
    status: EntryStatus
    confidence: Annotated[str, Meta(pattern=r"^[a-z][a-z_-]{0,31}$(?!\n)")]
    disambiguated_at: Timestamp | None = None
    failure_count: Count = 0
    next_retry_at: Timestamp | None = None
    heavy: bool = False


class Queue(Record, frozen=True, kw_only=True):
    """The ranked queue, `data/queues/priority-queue.json`: what people want recipes for."""

    schema_version: Literal[1]
    updated_at: Timestamp
    entries: list[QueueEntry]
