"""What is said of a recipe: how it was made (SLSA provenance) and how it was tested (test result), one line each. Pure.

They are two Statements because verifiers check one type of predicate at a time. `docs/provenance.md` says what each
field means.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from pipeline import __version__
from pipeline.constraints import PASSED
from pipeline.digests import sha256
from pipeline.instants import known_instant, timestamp
from pipeline.model import (
    BatchId,
    ConstraintsRecord,
    Digest,
    Evidence,
    Input,
    OutcomeRecord,
    Payload,
    Verdict,
    VerdictStatus,
    WorkOrder,
)
from pipeline.provenance.addresses import public
from pipeline.provenance.intoto import (
    ANSWER,
    ARTIFACT,
    BUILD,
    PLATFORM_URI,
    POLICY,
    PROVENANCE,
    REPLACED,
    RESULTS,
    STATEMENT,
    VERIFY,
    BuildDefinition,
    Builder,
    BuildMetadata,
    Descriptor,
    ExternalParameters,
    InternalParameters,
    Notes,
    Provenance,
    ProvenanceStatement,
    Results,
    ResultsStatement,
    RunDetails,
    Sha256,
    Subject,
)

VERIFY_URI = "urn:recipeline:verify"
MEASURED = PASSED | {VerdictStatus.FAILED}
# Digests of `Artifact` that a DigestSet has a name for, with their length in hexadecimal digits.
_HEX_LENGTHS = {"sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
_HEX = frozenset("0123456789abcdef")


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What the statements of a package say of the run: see `InternalParameters` and `Builder`."""

    batch_id: BatchId
    builder: str
    generator_revision: int
    installer_revision: int
    config_digest: Digest
    predictions: Literal["report", "restrict"]


def bundle(
    order: WorkOrder,
    outcome: OutcomeRecord,
    record: ConstraintsRecord,
    verdicts: Sequence[Verdict],
    given: Circumstances,
) -> bytes:
    """Return the Statements of a recipe; nothing for a package without one, or whose making was not noted.

    The same records give the same bytes, in whatever order the answers came.
    """
    if record.recipe_sha256 is None or record.evidence is None or outcome.started_at is None:
        return b""
    subject = [Subject(name=record.recipe_path, digest=Sha256(sha256=record.recipe_sha256))]
    metadata = BuildMetadata(
        invocation_id=given.batch_id,
        started_on=outcome.started_at,
        finished_on=_last([outcome.at, *(verdict.at for verdict in verdicts)]),
    )
    made = Provenance(
        build_definition=_definition(order, outcome, record, record.evidence, given),
        run_details=RunDetails(
            builder=Builder(id=given.builder, version={"recipeline": __version__}), metadata=metadata
        ),
    )
    results = _results(record, verdicts, given)
    return b"".join(
        msgspec.json.encode(statement, order="deterministic") + b"\n"
        for statement in (
            ProvenanceStatement(type_=STATEMENT, subject=subject, predicate_type=PROVENANCE, predicate=made),
            ResultsStatement(type_=STATEMENT, subject=subject, predicate_type=RESULTS, predicate=results),
        )
    )


def with_statements(payload: Payload, statements: Mapping[str, bytes]) -> Payload:
    """Return a payload whose files name the statements of their source; an empty text is none."""
    files = [
        msgspec.structs.replace(file, statements_sha256=sha256(statements[source]) if statements[source] else None)
        for source, file in zip(payload.included, payload.files, strict=True)
    ]
    return msgspec.structs.replace(payload, files=files)


def _last(times: Sequence[str]) -> str:
    """Return the latest time; a verdict may come from another machine, with a time that no calendar has."""
    return timestamp(max(moment for moment in map(known_instant, times) if moment is not None))


def _definition(
    order: WorkOrder, outcome: OutcomeRecord, record: ConstraintsRecord, evidence: Evidence, given: Circumstances
) -> BuildDefinition:
    answers = sorted(map(_answer, outcome.inputs), key=_content)
    return BuildDefinition(
        build_type=BUILD,
        external_parameters=ExternalParameters(
            source=order.source, name=order.name, heavy=order.heavy, after=order.after, registry=outcome.registry
        ),
        internal_parameters=InternalParameters(
            generator_revision=given.generator_revision,
            installer_revision=given.installer_revision,
            config_digest=given.config_digest,
            predictions=given.predictions,
        ),
        resolved_dependencies=[*answers, *_artifact(evidence), *_replaced(record)],
    )


def _answer(read: Input) -> Descriptor:
    notes = Notes(
        accept=read.accept,
        range=read.range,
        status=read.status,
        size=read.size,
        total_size=read.total_size,
        stale=read.stale,
        failed=read.failed,
    )
    digest = {"sha256": read.sha256} if read.sha256 else {}
    return Descriptor(name=ANSWER, uri=read.url, digest=digest, annotations=msgspec.to_builtins(notes))


def _content(answer: Descriptor) -> bytes:
    return msgspec.json.encode(answer, order="deterministic")


def _artifact(evidence: Evidence) -> Iterator[Descriptor]:
    artifact = evidence.artifact
    algorithm, _, value = artifact.digest.partition(":")
    known = len(value) == _HEX_LENGTHS.get(algorithm) and _HEX.issuperset(value)
    if not artifact.url and not known:  # a descriptor must have one of them
        return
    said: dict[str, Any] = {"version": evidence.version, "file": artifact.name}
    said["digestChecked"] = artifact.digest_checked
    if artifact.size is not None:
        said["size"] = artifact.size
    if artifact.digest and not known:
        said["digest"] = artifact.digest
    uri = public(artifact.url) if artifact.url else ""
    yield Descriptor(name=ARTIFACT, uri=uri, digest={algorithm: value} if known else {}, annotations=said)


def _replaced(record: ConstraintsRecord) -> Iterator[Descriptor]:
    if record.replaces_sha256 is not None:
        yield Descriptor(name=REPLACED, digest={"sha256": record.replaces_sha256})


def _results(record: ConstraintsRecord, verdicts: Sequence[Verdict], given: Circumstances) -> Results:
    passed = [name for name, status in record.statuses.items() if status in PASSED]
    failed = [name for name, status in record.statuses.items() if status is VerdictStatus.FAILED]
    policy = {"predictions": given.predictions}
    checks = {"checks": msgspec.to_builtins(record.verify)}
    by_platform = {verdict.platform: verdict for verdict in verdicts}
    return Results(
        result="FAILED" if not passed else "WARNED" if failed else "PASSED",
        configuration=[
            Descriptor(name=POLICY, digest={"sha256": given.config_digest}, annotations=policy),
            Descriptor(name=VERIFY, uri=VERIFY_URI, annotations=checks),
            *(_platform(record, name, by_platform.get(name)) for name in record.statuses),
        ],
        passed_tests=passed,
        warned_tests=[],
        failed_tests=failed,
    )


def _platform(record: ConstraintsRecord, name: str, verdict: Verdict | None) -> Descriptor:
    status = record.statuses[name]
    said: dict[str, Any] = {"status": status.value, "reason": record.reasons.get(name, "")}
    if verdict is not None and status in MEASURED:
        said["tier"] = verdict.tier.value
        said["at"] = verdict.at
        said["observedVersion"] = verdict.observed_version
        said["runtimes"] = verdict.runtime_versions
        said["sandbox"] = msgspec.to_builtins(verdict.backend)
    return Descriptor(name=name, uri=f"{PLATFORM_URI}{name}", annotations=said)
