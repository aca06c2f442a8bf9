"""Every record on disk, as frozen structures; `schemas/` holds the same contract as JSON Schema.

Records are read and written by `store`, which checks them. Times are RFC 3339 in UTC, durations are
seconds, sizes are bytes unless the name says otherwise, digests are lower-case hexadecimal SHA-256.
"""

from pipeline.model.base import (
    BatchId,
    Count,
    Digest,
    EcosystemId,
    ExecutableName,
    Record,
    SourceId,
    Timestamp,
    ToolName,
)
from pipeline.model.batch import Batch, Gate, InputFingerprints, LeftOut, PackageList, Selected, WorkOrder
from pipeline.model.constraints import Constraints, ConstraintsRecord
from pipeline.model.control import Breaker, BreakerState, Budget, Control
from pipeline.model.outcome import (
    Artifact,
    Category,
    Evidence,
    Failed,
    FieldEvidence,
    Generated,
    Held,
    License,
    Origin,
    Outcome,
    OutcomeRecord,
    Skipped,
    Subcategory,
)
from pipeline.model.payload import AutoMerge, Excluded, Payload, PayloadFile
from pipeline.model.queue import EntryStatus, Queue, QueueEntry
from pipeline.model.recipe import Recipe, Step, Verify
from pipeline.model.verdict import BackendInfo, PhaseResult, Prediction, StaticRecord, Tier, Verdict, VerdictStatus

__all__ = [
    "Artifact",
    "AutoMerge",
    "BackendInfo",
    "Batch",
    "BatchId",
    "Breaker",
    "BreakerState",
    "Budget",
    "Category",
    "Constraints",
    "ConstraintsRecord",
    "Control",
    "Count",
    "Digest",
    "EcosystemId",
    "EntryStatus",
    "Evidence",
    "Excluded",
    "ExecutableName",
    "Failed",
    "FieldEvidence",
    "Gate",
    "Generated",
    "Held",
    "InputFingerprints",
    "LeftOut",
    "License",
    "Origin",
    "Outcome",
    "OutcomeRecord",
    "PackageList",
    "Payload",
    "PayloadFile",
    "PhaseResult",
    "Prediction",
    "Queue",
    "QueueEntry",
    "Recipe",
    "Record",
    "Selected",
    "Skipped",
    "SourceId",
    "StaticRecord",
    "Step",
    "Subcategory",
    "Tier",
    "Timestamp",
    "ToolName",
    "Verdict",
    "VerdictStatus",
    "Verify",
    "WorkOrder",
]
