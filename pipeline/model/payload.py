"""The pull request to be opened."""

from typing import Literal

from pipeline.model.base import BatchId, Count, Digest, RecipePath, Record, SourceId
from pipeline.model.verdict import VerdictStatus


class PayloadFile(Record, frozen=True, kw_only=True):
    """One file of the pull request; its bytes lie under `build/payload/files/<path>`.

    `statements_sha256` is the digest of what is said of its making, `build/payload/statements/<path>.intoto.jsonl`.
    """

    path: RecipePath
    sha256: Digest
    statements_sha256: Digest | None = None


class Excluded(Record, frozen=True, kw_only=True):
    """A package of the batch that is not in the pull request, and why; `needs_person` when no next try will help."""

    source: SourceId
    reason: str
    needs_person: bool = False


class AutoMerge(Record, frozen=True, kw_only=True):
    """Whether the pull request may merge without a person; each reason stands against it."""

    allowed: bool
    reasons: list[str]


class Payload(Record, frozen=True, kw_only=True):
    """The pull request to be opened, `build/payload/pr.json`."""

    schema_version: Literal[1] = 1
    batch_id: BatchId
    branch: str
    title: str
    labels: list[str]
    body_file: str
    commit_message_file: str
    files: list[PayloadFile]
    removed: list[RecipePath] = []
    included: list[SourceId]
    excluded: list[Excluded]
    platforms: dict[str, dict[VerdictStatus, Count]]
    auto_merge: AutoMerge
