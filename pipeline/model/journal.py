"""What was tried and what came of it: one line of the journal for each finished attempt."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from pipeline.model.base import BatchId, Digest, Record, SourceId, Timestamp, ToolName
from pipeline.model.knowledge import Release
from pipeline.model.outcome import Category, Subcategory

# Characters of a message that are kept: its end, where the cause stands.
MESSAGE_TAIL = 500


class Stage(StrEnum):
    """What was done with a package. `payload` ends its way through a batch and speaks for the whole package."""

    GENERATE = "generate"
    VALIDATE = "validate"
    PAYLOAD = "payload"
    RECHECK = "recheck"
    ROLLBACK = "rollback"
    REQUEUE = "requeue"
    REVIEW = "review"


class AttemptOutcome(StrEnum):
    """What came of an attempt.

    `transient` passes by itself, `failed` does not until something changes; `deferred` was not tried for want of
    minutes, by the operator's will, or because a gate holds it until a time. `unchanged` and `changed` answer a
    recheck; `requeued`, `rolled_back` and `declined` (a pull request closed without a merge) are what people did.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TRANSIENT = "transient"
    BLOCKED = "blocked"
    DEFERRED = "deferred"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    REQUEUED = "requeued"
    ROLLED_BACK = "rolled_back"
    DECLINED = "declined"


class Attempt(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line of `data/journal/YYYY-MM.jsonl`; the month is that of `at`, in UTC.

    `fingerprint` is the digest of what a deterministic failure depends on: `upstream` (the semantic part of the
    metadata), the generator's revision and the policy. `platform` is "" where the stage has none. `until` is when a
    package that was put off is due. `release` is what was looked at, on the line that ends a package's way through a
    batch.
    """

    source: SourceId
    batch_id: BatchId | None = None
    stage: Stage
    platform: str = ""
    outcome: AttemptOutcome
    category: Category | None = None
    subcategory: Subcategory | None = None
    exit_code: int | None = None
    attempt: Annotated[int, Meta(ge=1)] = 1
    seconds: Annotated[float, Meta(ge=0)] = 0
    fingerprint: Digest | None = None
    upstream: Digest | None = None
    blocked_by: list[ToolName] = []
    until: Timestamp | None = None
    needs_person: bool = False
    release: Release | None = None
    message: Annotated[str, Meta(max_length=MESSAGE_TAIL)] = ""
    at: Timestamp
