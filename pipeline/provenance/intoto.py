"""The in-toto Statements of a recipe as structures: what is written of the standards, and what is read back. Pure.

A Statement v1 with a predicate of SLSA provenance v1, and one with that of a test result v0.1. Only fields of the
standards are used, their own places for more (`annotations`, the parameters) included, so that any reader takes them.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from pipeline.model import BatchId, Digest, Failed, SourceId, Timestamp, ToolName
from pipeline.model.base import RecipePath

StatementType = Literal["https://in-toto.io/Statement/v1"]
ProvenanceType = Literal["https://slsa.dev/provenance/v1"]
ResultsType = Literal["https://in-toto.io/attestation/test-result/v0.1"]
BuildType = Literal["urn:recipeline:build:recipe:v1"]
STATEMENT: StatementType = "https://in-toto.io/Statement/v1"
PROVENANCE: ProvenanceType = "https://slsa.dev/provenance/v1"
RESULTS: ResultsType = "https://in-toto.io/attestation/test-result/v0.1"
BUILD: BuildType = "urn:recipeline:build:recipe:v1"
# What a descriptor of `resolvedDependencies` or `configuration` is; one of another name is a platform.
ANSWER, ARTIFACT, REPLACED, POLICY, VERIFY = "answer", "artifact", "replaced recipe", "policy", "verify"
PLATFORM_URI = "urn:recipeline:platform:"
# An answer is never larger than `network.max_answer_mb` allows.
LARGEST_ANSWER = 4096 * 1024 * 1024


class Sha256(msgspec.Struct, frozen=True, kw_only=True):
    """A DigestSet with the one digest that all of the project's own files have."""

    sha256: Digest


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe that a statement is about."""

    name: RecipePath
    digest: Sha256


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ResourceDescriptor: a file or an address, what is known of it, never its content."""

    name: str
    uri: str = ""
    digest: dict[str, str] = {}
    annotations: dict[str, Any] = {}


class ExternalParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The work order, and the registry that the clients of the machine were told to ask."""

    source: SourceId
    name: ToolName
    heavy: bool
    after: Timestamp | None
    registry: str


class InternalParameters(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The code's revisions and the configuration that a result depends on."""

    generator_revision: int
    installer_revision: int
    config_digest: Digest
    predictions: Literal["report", "restrict"]


class BuildDefinition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All that the recipe was made from."""

    build_type: BuildType
    external_parameters: ExternalParameters
    internal_parameters: InternalParameters
    resolved_dependencies: list[Descriptor]


class Builder(msgspec.Struct, frozen=True, kw_only=True):
    """Who made it."""

    id: str
    version: dict[str, str]


class BuildMetadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """When, and for which batch."""

    invocation_id: BatchId
    started_on: Timestamp
    finished_on: Timestamp


class RunDetails(msgspec.Struct, frozen=True, kw_only=True):
    """The run that made it."""

    builder: Builder
    metadata: BuildMetadata


class Provenance(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The predicate of SLSA provenance v1."""

    build_definition: BuildDefinition
    run_details: RunDetails


class Results(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The predicate of a test result; `configuration` has one descriptor for each platform, tested or not."""

    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: list[Descriptor]
    passed_tests: list[str]
    warned_tests: list[str]
    failed_tests: list[str]


_RENAMED = {"type_": "_type", "predicate_type": "predicateType"}


class ProvenanceStatement(msgspec.Struct, frozen=True, kw_only=True, rename=_RENAMED):
    """How a recipe was made."""

    type_: StatementType
    subject: Annotated[list[Subject], Meta(min_length=1, max_length=1)]
    predicate_type: ProvenanceType
    predicate: Provenance


class ResultsStatement(msgspec.Struct, frozen=True, kw_only=True, rename=_RENAMED):
    """How a recipe was tested."""

    type_: StatementType
    subject: Annotated[list[Subject], Meta(min_length=1, max_length=1)]
    predicate_type: ResultsType
    predicate: Results


class Notes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The annotations of an answer; `failed` is why none came. `Input` has the same under the names of records."""

    accept: str = ""
    range: str = ""
    status: int = 0
    size: Annotated[int, Meta(ge=0, le=LARGEST_ANSWER)] = 0
    total_size: int | None = None
    stale: bool = False
    failed: Failed | None = None
