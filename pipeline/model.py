"""Every record on disk, as frozen structures; `schemas/` holds the same contract as JSON Schema.

Records are read and written by `store`, which checks them. Times are RFC 3339 in UTC, durations are
seconds, sizes are bytes unless the name says otherwise, digests are lower-case hexadecimal SHA-256.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pipeline.source import ECOSYSTEM_PATTERN, SOURCE_PATTERN

Timestamp = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$(?!\n)",
        description="an RFC 3339 date and time, such as 2026-03-01T12:00:00Z",
    ),
]
SourceId = Annotated[
    str,
    Meta(
        pattern=SOURCE_PATTERN,
        description="a source: ecosystem:identifier, at most 214 characters, without `..`, blanks or shell signs",
    ),
]
EcosystemId = Annotated[
    str,
    Meta(pattern=rf"^{ECOSYSTEM_PATTERN}$(?!\n)", description="an ecosystem's name: lower-case letters, digits, `-`"),
]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="a SHA-256 digest: 64 hexadecimal digits")]
# A tool's name is for people and is turned into a recipe's name; taps give names with slashes.
ToolName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9@_.][A-Za-z0-9@._+/ -]{0,213}$(?!\n)",
        description="a tool's name: letters, digits, ` @._+/-`, at most 214 characters",
    ),
]
ExecutableName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_][a-zA-Z0-9._+-]*$(?!\n)", max_length=128)]
BatchId = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}-[a-z][a-z0-9-]*-\d{3,}$(?!\n)")]
Count = Annotated[int, Meta(ge=0)]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all records: immutable, named fields only, an unknown field is an error."""


# --------------------------------------------------------------------------------------------- queue


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
    """One ranked package. Priority 1 is the most wanted."""

    name: ToolName
    source: SourceId
    priority: Annotated[int, Meta(ge=1, le=3)]
    status: EntryStatus
    confidence: Annotated[str, Meta(pattern=r"^[a-z][a-z_-]{0,31}$(?!\n)")]
    disambiguated_at: Timestamp | None = None
    failure_count: Count = 0
    next_retry_at: Timestamp | None = None


class Queue(Record, frozen=True, kw_only=True):
    """The ranked queue, `data/queues/priority-queue.json`: what people want recipes for."""

    schema_version: Literal[1]
    updated_at: Timestamp
    entries: list[QueueEntry]


# --------------------------------------------------------------------------------------------- batch


class Gate(StrEnum):
    """Why an entry is not in the batch; each gate is one predicate in `selection`."""

    PIPELINE_DISABLED = "pipeline_disabled"
    DUPLICATE_SOURCE = "duplicate_source"
    STATUS = "status"
    NO_GENERATOR = "no_generator"
    NOT_IN_BATCH_ECOSYSTEMS = "not_in_batch_ecosystems"
    ECOSYSTEM_DISABLED = "ecosystem_disabled"
    BREAKER_OPEN = "breaker_open"
    NOT_DUE = "not_due"
    BATCH_FULL = "batch_full"


class Selected(Record, frozen=True, kw_only=True):
    """An entry that is in the batch, and why it came before others."""

    source: SourceId
    name: ToolName
    priority: Annotated[int, Meta(ge=1, le=3)]
    reason: str


class LeftOut(Record, frozen=True, kw_only=True):
    """The entries that one gate held back: the rule, the value that it saw, until when."""

    gate: Gate
    rule: str
    value: str
    until: Timestamp | None = None
    count: Count
    sources: list[SourceId]


class InputFingerprints(Record, frozen=True, kw_only=True):
    """Digests of all that the selection was made from; a batch is valid while they hold."""

    queue: Digest
    control: Digest
    config: Digest


class Batch(Record, frozen=True, kw_only=True):
    """The frozen plan, `build/batch.json`: what this run works on and why."""

    schema_version: Literal[1] = 1
    id: BatchId
    created_at: Timestamp
    fingerprints: InputFingerprints
    selected: list[Selected]
    left_out: list[LeftOut]


class WorkOrder(Record, frozen=True, kw_only=True):
    """What `generate` is asked to do for one package."""

    source: SourceId
    name: ToolName


class PackageList(Record, frozen=True, kw_only=True):
    """The work orders of one ecosystem, `build/packages/<ecosystem>.json`."""

    schema_version: Literal[1] = 1
    ecosystem: EcosystemId
    batch_id: BatchId
    packages: list[WorkOrder]


# -------------------------------------------------------------------------------------------- recipe


class Step(Record, frozen=True, kw_only=True):
    """One `[[steps]]` table: the action and its keys, in the order in which they are written."""

    action: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$(?!\n)")]
    params: dict[str, str | list[str]]


class Verify(Record, frozen=True, kw_only=True):
    """How a tool is checked: its command, and what the output must hold.

    `mode` is "" (the version must be printed: `pattern`) or "output" (a tool that prints no version: `reason` says so).
    """

    command: Annotated[str, Meta(min_length=1, max_length=300)]
    pattern: str = ""
    mode: Literal["", "output"] = ""
    reason: str = ""
    exit_code: int = 0


class Recipe(Record, frozen=True, kw_only=True):
    """A recipe before it is written as TOML; "" and empty lists are left out of the file."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)", max_length=100)]
    description: Annotated[str, Meta(max_length=200)] = ""
    homepage: Annotated[str, Meta(pattern=r"^(https://[^\s]+)?$(?!\n)")] = ""
    steps: Annotated[list[Step], Meta(min_length=1)]
    executables: Annotated[list[ExecutableName], Meta(min_length=1)]


# ------------------------------------------------------------------------------------------- outcome


class Category(StrEnum):
    """The field's taxonomy of failures."""

    RECIPE_NOT_FOUND = "recipe_not_found"
    NETWORK_ERROR = "network_error"
    INSTALL_FAILED = "install_failed"
    VERIFY_FAILED = "verify_failed"
    MISSING_DEP = "missing_dep"
    GENERATION_FAILED = "generation_failed"


class Subcategory(StrEnum):
    """The closed list of causes; `taxonomy` says whose each is, whether it passes by itself, and the remedy."""

    NOT_FOUND = "not_found"
    TIMEOUT = "timeout"
    DNS_ERROR = "dns_error"
    TLS_ERROR = "tls_error"
    CONNECTION_ERROR = "connection_error"
    RATE_LIMITED = "rate_limited"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    UPSTREAM_REFUSED = "upstream_refused"
    ANSWER_TOO_LARGE = "answer_too_large"
    BAD_METADATA = "bad_metadata"
    DIGEST_MISMATCH = "digest_mismatch"
    NO_EXECUTABLES = "no_executables"
    NO_STABLE_VERSION = "no_stable_version"
    BAD_NAME = "bad_name"
    NEEDS_BUILD = "needs_build"
    YANKED = "yanked"
    DEPRECATED = "deprecated"
    QUARANTINED = "quarantined"
    EXE_MISMATCH = "exe_mismatch"
    VERSION_MISMATCH = "version_mismatch"
    RUNTIME_TOO_OLD = "runtime_too_old"
    RUNTIME_MISSING = "runtime_missing"
    MISSING_SYSTEM_DEP = "missing_system_dep"
    NO_PLATFORM_BUILD = "no_platform_build"
    NETWORK_AT_VERIFY = "network_at_verify"
    OOM = "oom"
    PIDS = "pids"
    DISK = "disk"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    INSTALL_ERROR = "install_error"
    VERIFY_ERROR = "verify_error"
    NO_RUNNER = "no_runner"
    NO_RESULT = "no_result"
    NOT_GENERATED = "not_generated"


class Origin(StrEnum):
    """Where a fact was read; a guess is never silent."""

    REGISTRY = "registry"
    ARTIFACT = "artifact"
    REPOSITORY = "repository"
    GUESS = "guess"


class FieldEvidence(Record, frozen=True, kw_only=True):
    """For one field of the recipe: where it came from, in which place of the answer."""

    field: str
    origin: Origin
    detail: str


class Artifact(Record, frozen=True, kw_only=True):
    """The exact file that the facts stand in. `digest` is "algorithm:value", "" when the registry gives none."""

    name: str
    url: str
    size: Count | None = None
    digest: str = ""
    digest_checked: bool = False


class License(Record, frozen=True, kw_only=True):
    """`spdx` is a normalised SPDX expression, or None: loudly unknown; `declared` is what upstream wrote."""

    spdx: str | None
    declared: str
    origin: Origin


class Evidence(Record, frozen=True, kw_only=True):
    """What a recipe was made from; written beside the recipe, not into it."""

    version: Annotated[str, Meta(min_length=1)]
    artifact: Artifact
    license: License
    released_at: Timestamp | None
    age_days: Annotated[float, Meta(ge=0)] | None
    repository: str = ""
    fields: list[FieldEvidence]
    # What only the recipe's reviewer and the static tier need.
    runtime_requirement: str = ""
    has_install_scripts: bool = False
    has_attestations: bool = False
    risks: list[str] = []


class Generated(Record, frozen=True, kw_only=True, tag="generated", tag_field="kind"):
    """A recipe was made. `recipe_sha256` is the digest of the TOML beside the record."""

    recipe: Recipe
    recipe_sha256: Digest
    evidence: Evidence


class Skipped(Record, frozen=True, kw_only=True, tag="skipped", tag_field="kind"):
    """A recipe cannot or should not be made from what upstream says: a fact, not a fault."""

    subcategory: Subcategory
    message: str


class Failed(Record, frozen=True, kw_only=True, tag="failed", tag_field="kind"):
    """Something went wrong; a transient failure is tried again by the next run."""

    category: Category
    subcategory: Subcategory
    transient: bool
    message: str


class Held(Record, frozen=True, kw_only=True, tag="held", tag_field="kind"):
    """Control stopped the work before its next request; it stays pending and is tried again."""

    gate: Gate
    message: str


Outcome = Generated | Skipped | Failed | Held


class OutcomeRecord(Record, frozen=True, kw_only=True):
    """The answer to one work order, `build/generate/<ecosystem>/<slug>.json`."""

    schema_version: Literal[1] = 1
    source: SourceId
    name: ToolName
    made_from: Digest
    at: Timestamp
    seconds: Annotated[float, Meta(ge=0)]
    outcome: Outcome


# ------------------------------------------------------------------------------------------- verdict


class Tier(StrEnum):
    """How a verdict was come by, weakest first."""

    NONE = "none"
    STATIC = "T0"
    NATIVE = "T1"
    CONTAINER = "T2"
    CI = "T3"
    EXTERNAL = "external"


class VerdictStatus(StrEnum):
    """What is known of one package on one platform. Only the first two are a real pass."""

    VALIDATED = "validated"
    VALIDATED_EMULATED = "validated_emulated"
    PREDICTED_PASS = "predicted_pass"  # noqa: S105  # a verdict, not a password
    PREDICTED_FAIL = "predicted_fail"
    FAILED = "failed"
    UNKNOWN = "unknown"
    INFRA_ERROR = "infra_error"
    NOT_RUN = "not_run"


class PhaseResult(Record, frozen=True, kw_only=True):
    """One process tree in the sandbox, measured. `output_tail` is printable and bounded."""

    name: str
    command: str = ""
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    wall_s: Annotated[float, Meta(ge=0)]
    cpu_s: Annotated[float, Meta(ge=0)] | None = None
    mem_peak_mb: Annotated[float, Meta(ge=0)] | None = None
    pids_peak: Count | None = None
    network: bool
    output_tail: str = ""


class BackendInfo(Record, frozen=True, kw_only=True):
    """The sandbox that ran it; `image_digest` only for containers."""

    name: str
    version: str
    image_digest: str = ""


class Verdict(Record, frozen=True, kw_only=True):
    """What is known of one package on one platform, `build/validate/<platform>/<ecosystem>.<slug>.json`."""

    schema_version: Literal[1] = 1
    source: SourceId
    version: str
    platform: str
    recipe_sha256: Digest | None
    made_from: Digest
    tier: Tier
    status: VerdictStatus
    subcategory: Subcategory | None = None
    reason: str
    phases: list[PhaseResult] = []
    found_executables: list[str] = []
    observed_version: str = ""
    verify: list[Verify] = []
    runtime_versions: dict[str, str] = {}
    backend: BackendInfo | None = None
    limits_enforced: list[str] = []
    attempt: Annotated[int, Meta(ge=1)] = 1
    at: Timestamp


class Prediction(Record, frozen=True, kw_only=True):
    """What the package's metadata says about one platform."""

    platform: str
    status: Literal["predicted_pass", "predicted_fail", "unknown"]
    reason: str


class StaticRecord(Record, frozen=True, kw_only=True):
    """All predictions for one package, made at once, `build/validate/static/<ecosystem>.<slug>.json`."""

    schema_version: Literal[1] = 1
    source: SourceId
    recipe_sha256: Digest | None
    made_from: Digest
    final: bool
    predictions: list[Prediction]
    at: Timestamp
    seconds: Annotated[float, Meta(ge=0)]


# --------------------------------------------------------------------------------------- constraints


class Constraints(Record, frozen=True, kw_only=True):
    """The keys of a recipe's `[metadata]` that limit where it may be installed; empty means no limit."""

    supported_os: list[str] = []
    supported_arch: list[str] = []
    supported_libc: list[str] = []
    unsupported_platforms: list[str] = []
    unsupported_reason: str = ""


class ConstraintsRecord(Record, frozen=True, kw_only=True):
    """The merged result of one package, `build/constrain/<ecosystem>/<slug>.json`, with its recipe beside it.

    `over_excluded` names platforms that passed (or are unknown) and are excluded all the same, because the
    format cannot tell them from one that failed. `exclusion` is "" when the package may be in the payload.
    """

    schema_version: Literal[1] = 1
    source: SourceId
    name: ToolName
    outcome: Literal["generated", "skipped", "failed", "held"]
    exclusion: str
    recipe_path: str
    recipe_sha256: Digest | None
    replaces_sha256: Digest | None = None
    constraints: Constraints
    over_excluded: list[str] = []
    evidence: Evidence | None = None
    executables: list[str] = []
    runs_commands: bool = False
    statuses: dict[str, VerdictStatus]
    reasons: dict[str, str] = {}
    verify: list[Verify] = []


# ------------------------------------------------------------------------------------------- payload


class PayloadFile(Record, frozen=True, kw_only=True):
    """One file of the pull request; its bytes lie under `build/payload/files/<path>`."""

    path: str
    sha256: Digest


class Excluded(Record, frozen=True, kw_only=True):
    """A package of the batch that is not in the pull request, and why."""

    source: SourceId
    reason: str


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
    included: list[SourceId]
    excluded: list[Excluded]
    platforms: dict[str, dict[VerdictStatus, Count]]
    auto_merge: AutoMerge


# ------------------------------------------------------------------------------------------- control


class BreakerState(StrEnum):
    """State of an ecosystem's circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """One ecosystem's circuit breaker. `opens_at` is when an open breaker may be probed."""

    state: BreakerState = BreakerState.CLOSED
    failures: Count = 0
    last_failure: Timestamp | None = None
    opens_at: Timestamp | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes of CI time used in the ISO week that began at `week_start`."""

    macos_minutes_used: Annotated[float, Meta(ge=0)] = 0
    linux_minutes_used: Annotated[float, Meta(ge=0)] = 0
    week_start: str | None = None
    sampling_active: bool = False


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """`batch-control.json`: the operator's switches, breakers and budget. Whoever writes it keeps unknown keys."""

    enabled: bool = True
    disabled_ecosystems: list[EcosystemId] = []
    reason: str | None = None
    incident_url: str | None = None
    disabled_by: str | None = None
    disabled_at: Timestamp | None = None
    expected_resume: Timestamp | None = None
    circuit_breaker: dict[EcosystemId, Breaker] = {}
    budget: Budget = Budget()
