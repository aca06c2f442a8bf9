"""Every record on disk, as frozen structures; `schemas/` holds the same contract as JSON Schema.

Records are read and written by `store`, which checks them. Times are RFC 3339 in UTC, durations are
seconds, sizes are bytes unless the name says otherwise, digests are lower-case hexadecimal SHA-256.
"""

from pipeline.model.admission import AdmissionGate, Decision, GateVerdict
from pipeline.model.alarm import AlarmKind, AlarmRecord
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
from pipeline.model.control import Breaker, BreakerState, Budget, Control, Probe
from pipeline.model.external import ExternalAnswer
from pipeline.model.journal import MESSAGE_TAIL, Attempt, AttemptOutcome, Stage
from pipeline.model.knowledge import Knowledge, Release, Resemblance
from pipeline.model.ledger import BatchState, LedgerEntry, LedgerFile
from pipeline.model.matrix import MatrixJob, MatrixRecord, NotSent
from pipeline.model.metrics import BatchMetrics, EcosystemCounts, RunRecord, Traffic
from pipeline.model.outcome import (
    STOOD_IN,
    Artifact,
    Build,
    Category,
    EarlierTry,
    Evidence,
    Failed,
    FieldEvidence,
    Generated,
    Held,
    Input,
    License,
    Origin,
    Outcome,
    OutcomeRecord,
    Skipped,
    Subcategory,
)
from pipeline.model.payload import AutoMerge, Excluded, Payload, PayloadFile
from pipeline.model.pull_request import PullRequestOrder
from pipeline.model.queue import Confidence, EntryStatus, Queue, QueueEntry
from pipeline.model.recipe import Recipe, Step, Verify, When
from pipeline.model.verdict import BackendInfo, PhaseResult, Prediction, StaticRecord, Tier, Verdict, VerdictStatus

__all__ = [
    "MESSAGE_TAIL",
    "STOOD_IN",
    "AdmissionGate",
    "AlarmKind",
    "AlarmRecord",
    "Artifact",
    "Attempt",
    "AttemptOutcome",
    "AutoMerge",
    "BackendInfo",
    "Batch",
    "BatchId",
    "BatchMetrics",
    "BatchState",
    "Breaker",
    "BreakerState",
    "Budget",
    "Build",
    "Category",
    "Confidence",
    "Constraints",
    "ConstraintsRecord",
    "Control",
    "Count",
    "Decision",
    "Digest",
    "EarlierTry",
    "EcosystemCounts",
    "EcosystemId",
    "EntryStatus",
    "Evidence",
    "Excluded",
    "ExecutableName",
    "ExternalAnswer",
    "Failed",
    "FieldEvidence",
    "Gate",
    "GateVerdict",
    "Generated",
    "Held",
    "Input",
    "InputFingerprints",
    "Knowledge",
    "LedgerEntry",
    "LedgerFile",
    "LeftOut",
    "License",
    "MatrixJob",
    "MatrixRecord",
    "NotSent",
    "Origin",
    "Outcome",
    "OutcomeRecord",
    "PackageList",
    "Payload",
    "PayloadFile",
    "PhaseResult",
    "Prediction",
    "Probe",
    "PullRequestOrder",
    "Queue",
    "QueueEntry",
    "Recipe",
    "Record",
    "Release",
    "Resemblance",
    "RunRecord",
    "Selected",
    "Skipped",
    "SourceId",
    "Stage",
    "StaticRecord",
    "Step",
    "Subcategory",
    "Tier",
    "Timestamp",
    "ToolName",
    "Traffic",
    "Verdict",
    "VerdictStatus",
    "Verify",
    "When",
    "WorkOrder",
]
