"""What became of one work order: a recipe with its evidence, or why there is none."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.model.admission import GateVerdict
from pipeline.model.base import Count, Digest, Record, SourceId, Timestamp, ToolName
from pipeline.model.batch import Gate
from pipeline.model.knowledge import Release
from pipeline.model.recipe import Recipe

# The risk of a recipe for which a stored answer stood in.
STOOD_IN = "made from a stored answer: the registry did not answer"


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
    DEPENDENCY_NOT_FOUND = "dependency_not_found"
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
    NOT_DETERMINISTIC = "not_deterministic"
    NOT_INSTALLABLE = "not_installable"
    NEEDS_MANUAL = "needs_manual"
    AMBIGUOUS_COMMANDS = "ambiguous_commands"
    AMBIGUOUS_ASSETS = "ambiguous_assets"
    UNPROVEN_PATTERN = "unproven_pattern"
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
    MISSING_RECIPE = "missing_recipe"
    NOT_MERGEABLE = "not_mergeable"
    OUT_OF_BUDGET = "out_of_budget"
    BAD_RECIPE = "bad_recipe"
    GENERATOR_ERROR = "generator_error"
    VALIDATOR_ERROR = "validator_error"
    TOO_YOUNG = "too_young"
    CHANGED_BYTES = "changed_bytes"
    NAME_CONFUSION = "name_confusion"
    UNKNOWN_LICENSE = "unknown_license"
    INSTALL_SCRIPTS = "install_scripts"
    COMMON_COMMAND = "common_command"
    TAKEN_EXECUTABLE = "taken_executable"


class Origin(StrEnum):
    """Where a fact was read; a guess is never silent."""

    REGISTRY = "registry"
    ARTIFACT = "artifact"
    REPOSITORY = "repository"
    GUESS = "guess"
    GENERATOR = "generator"


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


class Build(Record, frozen=True, kw_only=True):
    """One of the files that a release is built as, and the identifiers of the platforms that it is for."""

    platforms: Annotated[list[str], Meta(min_length=1)]
    artifact: Artifact


class License(Record, frozen=True, kw_only=True):
    """`spdx` is a normalised SPDX expression, or None: loudly unknown; `declared` is what upstream wrote."""

    spdx: str | None
    declared: str
    origin: Origin


class Evidence(Record, frozen=True, kw_only=True):
    """What a recipe was made from; written beside the recipe, not into it.

    `version` is "" when a program of the user's made the recipe and did not say of which version: nothing may then be
    held against it.
    """

    version: Annotated[str, Meta(max_length=100)]
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
    upstream: Digest | None = None
    # Where a release has a file for each platform; `artifact` is the one that the facts were read from.
    builds: list[Build] = []


class Generated(Record, frozen=True, kw_only=True, tag="generated", tag_field="kind"):
    """A recipe was made. `recipe_sha256` is the digest of the TOML beside the record."""

    recipe: Recipe
    recipe_sha256: Digest
    evidence: Evidence


class Skipped(Record, frozen=True, kw_only=True, tag="skipped", tag_field="kind"):
    """A recipe cannot or should not be made from what upstream says: a fact, not a fault.

    `blocked_by` names the recipes that must exist first (`missing_recipe`). `upstream` is the digest of the semantic
    part of the metadata that says so. `exit_code` is that of the program that said so, if one was run. With `until` it
    only has to wait: from then on it is tried again. `needs_person` says that no next try will help.
    """

    subcategory: Subcategory
    message: str
    blocked_by: list[ToolName] = []
    upstream: Digest | None = None
    exit_code: int | None = None
    until: Timestamp | None = None
    needs_person: bool = False


class Failed(Record, frozen=True, kw_only=True, tag="failed", tag_field="kind"):
    """Something went wrong; a transient failure is tried again.

    `upstream` as in `Skipped`, if anything was read; `exit_code` is that of the program that failed.
    """

    category: Category
    subcategory: Subcategory
    transient: bool
    message: str
    upstream: Digest | None = None
    exit_code: int | None = None


class Held(Record, frozen=True, kw_only=True, tag="held", tag_field="kind"):
    """Control stopped the work before its next request; it stays pending and is tried again."""

    gate: Gate
    message: str


Outcome = Generated | Skipped | Failed | Held


class Input(Record, frozen=True, kw_only=True):
    """One answer that an outcome was made from: what was asked for, and what came.

    `url` is without credentials, `range` the value of the Range header. `sha256` and `size` are those of what was read,
    `total_size` is the whole file's when only a part was asked for. `failed` stands where no answer came.
    """

    url: Annotated[str, Meta(max_length=2048)]
    accept: str = ""
    range: str = ""
    status: Count = 0
    sha256: Digest | None = None
    size: Count = 0
    total_size: Count | None = None
    stale: bool = False
    failed: Failed | None = None


class EarlierTry(Record, frozen=True, kw_only=True):
    """A try of the same batch that a later one replaced, kept for the journal."""

    at: Timestamp
    seconds: Annotated[float, Meta(ge=0)]
    category: Category
    subcategory: Subcategory
    message: str


class OutcomeRecord(Record, frozen=True, kw_only=True):
    """The answer to one work order, `build/generate/<ecosystem>/<slug>.json`.

    `registry`, `started_at` and `inputs` are what it takes to make the same again; a generator that is a program of the
    user's leaves none.
    `gates` holds what each gate said of what was generated, in their order, and `release` what they looked at.
    """

    schema_version: Literal[1] = 1
    source: SourceId
    name: ToolName
    made_from: Digest
    at: Timestamp
    seconds: Annotated[float, Meta(ge=0)]
    outcome: Outcome
    registry: str = ""
    started_at: Timestamp | None = None
    inputs: list[Input] = []
    gates: list[GateVerdict] = []
    release: Release | None = None
    earlier: list[EarlierTry] = []
