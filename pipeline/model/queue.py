"""The ranked queue."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.model.base import Count, Record, SourceId, Timestamp, ToolName


class EntryStatus(StrEnum):
    """Where a queue entry stands.

    `pending`, `failed` (in quarantine) and `blocked` are candidates once their gates open; `in_review` waits for its
    pull request; `success`, `requires_manual` and `excluded` wait for a person.
    """

    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"
    BLOCKED = "blocked"
    REQUIRES_MANUAL = "requires_manual"
    EXCLUDED = "excluded"
    IN_REVIEW = "in_review"


class QueueEntry(Record, frozen=True, kw_only=True):
    """One ranked package. Priority 1 is the most wanted; `heavy` gives its installation more room.

    `blocked_by` names the recipes that it waits for. `failure_count` and `next_retry_at` repeat for readers what the
    journal says; where the journal knows the source, the journal counts.
    """

    name: ToolName
    source: SourceId
    priority: Annotated[int, Meta(ge=1, le=3)]
    status: EntryStatus
    confidence: Annotated[str, Meta(pattern=r"^[a-z][a-z_-]{0,31}$(?!\n)")]
    disambiguated_at: Timestamp | None = None
    failure_count: Count = 0
    next_retry_at: Timestamp | None = None
    heavy: bool = False
    blocked_by: list[ToolName] = []
    added_at: Timestamp | None = None


class Queue(Record, frozen=True, kw_only=True):
    """The ranked queue, `data/queues/priority-queue.json`: what people want recipes for."""

    schema_version: Literal[1]
    updated_at: Timestamp
    entries: list[QueueEntry]
