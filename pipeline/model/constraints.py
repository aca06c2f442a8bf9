"""Where a recipe may be installed, and a package's merged result."""

from typing import Literal

from pipeline.model.base import Digest, NoRecipePath, Record, SourceId, ToolName
from pipeline.model.outcome import Evidence
from pipeline.model.recipe import Verify
from pipeline.model.verdict import VerdictStatus


class Constraints(Record, frozen=True, kw_only=True):
    """The keys of a recipe's `[metadata]` that limit where it may be installed; empty means no limit."""

    supported_os: list[str] = []
    supported_arch: list[str] = []
    supported_libc: list[str] = []
    unsupported_platforms: list[str] = []
    unsupported_reason: str = ""


class ConstraintsRecord(Record, frozen=True, kw_only=True):
    """The merged result of one package, `build/constrain/<ecosystem>/<slug>.json`, with its recipe beside it.

    `made_from` is the digest of the outcome and the verdicts. `over_excluded` names platforms that passed (or are
    unknown) and are excluded all the same, because the format cannot tell them from one that failed. `exclusion` is ""
    when the package may be in the payload.
    """

    schema_version: Literal[1] = 1
    source: SourceId
    name: ToolName
    outcome: Literal["generated", "skipped", "failed", "held"]
    exclusion: str
    recipe_path: NoRecipePath
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
    made_from: Digest | None = None
