"""What became of each batch: the ledger that rollback and batch ids rely on."""

from enum import StrEnum
from typing import Literal

from pipeline.model.base import BatchId, Digest, ExecutableName, RecipePath, Record, SourceId, Timestamp
from pipeline.model.batch import InputFingerprints
from pipeline.model.payload import Excluded


class BatchState(StrEnum):
    """How far a batch has come: `built` is written before anything is changed, so that its id is used up.

    `closed` is a batch whose pull request a person closed without merging it.
    """

    BUILT = "built"
    PUBLISHED = "published"
    MERGED = "merged"
    CLOSED = "closed"
    ROLLED_BACK = "rolled_back"


class LedgerFile(Record, frozen=True, kw_only=True):
    """One recipe of a batch and what it installs.

    The bytes that it replaced, if any, lie in `data/replaced/<previous_sha256>.toml`.
    """

    source: SourceId
    path: RecipePath
    sha256: Digest
    previous_sha256: Digest | None = None
    executables: list[ExecutableName] = []


class LedgerEntry(Record, frozen=True, kw_only=True):
    """One line of `data/batches.jsonl`: all that is known of a batch at `at`; the last line of an id counts.

    `published_at` is fixed by the first line, so that a publication that was killed ends as if it had not been.
    `commit` is the commit on `branch`, "" where the root is no git checkout. `rolled_back` names the
    sources that were taken out; of a batch that is `rolled_back` itself, the others only lost it before its merge.
    """

    schema_version: Literal[1] = 1
    batch_id: BatchId
    state: BatchState
    created_at: Timestamp
    published_at: Timestamp
    at: Timestamp
    inputs: InputFingerprints
    branch: str = ""
    commit: str = ""
    pull_request: str = ""
    files: list[LedgerFile]
    excluded: list[Excluded]
    rolled_back: list[SourceId] = []
