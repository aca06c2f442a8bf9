"""What is known of one package on one platform, and how it was found out."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.model.base import Count, Digest, Record, SourceId, Timestamp, ToolName
from pipeline.model.outcome import EarlierTry, Subcategory
from pipeline.model.recipe import Verify


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
    """One process tree, measured: in the sandbox, or a user's program. `output_tail` is printable and bounded."""

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
    """The sandbox or program that ran it; `image_digest` only for containers."""

    name: str
    version: str
    image_digest: str = ""


class Verdict(Record, frozen=True, kw_only=True):
    """What is known of one package on one platform, `build/validate/<platform>/<ecosystem>.<slug>.json`.

    `blocked_by` names the recipes that must exist first (`missing_recipe`).
    """

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
    earlier: list[EarlierTry] = []
    blocked_by: list[ToolName] = []


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
