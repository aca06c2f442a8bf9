"""The ranked queue."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.model.base import Count, Record, SourceId, Timestamp, ToolName
from pipeline.text import URL_LIMIT


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


class Confidence(StrEnum):
    """How sure it is that an entry's source is the tool that is meant.

    `curated`: a person named it. `auto`: a registry offered it, and no other source is like it. `doubtful`: it may be
    the tool of another entry, or another one of the same name; it needs a person.
    """

    CURATED = "curated"
    AUTO = "auto"
    DOUBTFUL = "doubtful"


class QueueEntry(Record, frozen=True, kw_only=True):
    """One ranked package. Priority 1 is the most wanted; `heavy` gives its installation more room.

    `blocked_by` names the recipes that it waits for. `failure_count` and `next_retry_at` repeat for readers what the
    journal says; where the journal knows the source, the journal counts. `rank` (1 is the most popular) was its place
    in its own ecosystem when it was added, by its registry's own measure: ranks of two ecosystems are not compared.
    `alternatives` are sources of the same tool, of a `doubtful` entry those that it may be the same tool as.
    """

    name: ToolName
    source: SourceId
    priority: Annotated[int, Meta(ge=1, le=3)]
    status: EntryStatus
    confidence: Confidence
    disambiguated_at: Timestamp | None = None
    failure_count: Count = 0
    next_retry_at: Timestamp | None = None
    heavy: bool = False
    blocked_by: list[ToolName] = []
    added_at: Timestamp | None = None
    rank: Annotated[int, Meta(ge=1)] | None = None
    repository: Annotated[str, Meta(pattern=r"^(https://[^\s]+)?$(?!\n)", max_length=URL_LIMIT)] = ""
    alternatives: list[SourceId] = []


class Queue(Record, frozen=True, kw_only=True):
    """The ranked queue, `data/queues/priority-queue.json`: what people want recipes for."""

    schema_version: Literal[1]
    updated_at: Timestamp
    entries: list[QueueEntry]
