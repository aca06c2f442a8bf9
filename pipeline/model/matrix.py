"""The jobs of a CI workflow that validate one batch, and what is sent to none of them."""

from typing import Annotated, Literal

from msgspec import Meta

from pipeline.model.base import BatchId, Record, SourceId


class MatrixJob(Record, frozen=True, kw_only=True):
    """One job: a platform's packages, or the part `shard` of `shards` of them. `id` names its artifact."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,100}$(?!\n)")]
    platform: str
    shard: Annotated[int, Meta(ge=1)]
    shards: Annotated[int, Meta(ge=1)]
    sources: Annotated[list[SourceId], Meta(min_length=1)]


class NotSent(Record, frozen=True, kw_only=True):
    """A package that is measured on a platform by no job of this batch, and why."""

    platform: str
    source: SourceId
    reason: str


class MatrixRecord(Record, frozen=True, kw_only=True):
    """The jobs of one class of machines, `build/matrix/<class>.json`."""

    schema_version: Literal[1] = 1
    batch_id: BatchId
    runner_class: Literal["linux", "macos"]
    jobs: list[MatrixJob]
    not_sent: list[NotSent]
