"""What a published batch asks of the forge."""

from typing import Literal

from pipeline.model.base import BatchId, Record


class PullRequestOrder(Record, frozen=True, kw_only=True):
    """The pull request that a batch asks for, `data/pull-requests/<batch>.json`, kept until it is merged or closed.

    It lies with the state, as a limit may put it off until long after `build/` is gone. The squash of the merge is
    `squash_title` and `squash_body`; both name the batch.
    """

    schema_version: Literal[1] = 1
    batch_id: BatchId
    branch: str
    title: str
    body: str
    labels: list[str]
    auto_merge: bool
    squash_title: str
    squash_body: str
