"""What is said of a recipe follows the standards, holds all that matters, and is the same bytes each time."""

import json
import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from syrupy.extensions.json import JSONSnapshotExtension

from pipeline.digests import sha256
from pipeline.history.fingerprint import policy_digest
from pipeline.model import Artifact, Failed, Input, Subcategory, VerdictStatus
from pipeline.provenance.statement import bundle
from tests.ecosystems.samples import Sample, all_samples
from tests.provenance.lab import HOST, MUSL, STATUSES, Lab
from tests.provenance.standards import STATEMENTS

SAMPLES: dict[str, Sample] = all_samples()
DRAFTED = [
    "cargo-declared-bin",
    "go-root-command",
    "npm-scoped-map",
    "npm-string-bin",
    "pypi-console-scripts",
    "pypi-data-scripts",
]


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def statements(lines: bytes) -> list[dict]:
    return [json.loads(line) for line in lines.splitlines()]


def check_standards(lines: bytes) -> None:
    """Fail unless each line is a Statement of its predicate's standard."""
    found = statements(lines)
    assert [each["predicateType"] for each in found] == list(STATEMENTS)
    for each in found:
        Draft202012Validator(STATEMENTS[each["predicateType"]]).validate(each)


@pytest.mark.parametrize("key", DRAFTED)
def test_statements_follow_the_standards(lab, key):
    """Both lines have the fields of the standards with their types, and no others."""
    check_standards(lab.bundle(lab.make(SAMPLES[key])))


def test_statements_are_the_reviewed_ones(lab, snapshot):
    """A recipe that replaces another, from several answers, with a pass, a failure and a prediction."""
    sample = SAMPLES["pypi-console-scripts"]
    place = lab.paths.recipe(lab.make(sample).record.recipe_path)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"# by hand\n" + lab.make(sample).recipe.replace(b"--version", b"--help"))
    found = statements(lab.bundle(lab.make(sample)))
    internal = found[0]["predicate"]["buildDefinition"]["internalParameters"]
    assert internal["configDigest"] == policy_digest(lab.config)
    internal["configDigest"] = "that of the shipped defaults, which change"
    assert found == snapshot(extension_class=JSONSnapshotExtension)


def test_the_subject_is_the_recipe_of_the_payload(lab):
    """Verifiers find a statement by the digest of the file."""
    making = lab.make(SAMPLES["npm-string-bin"])
    for each in statements(lab.bundle(making)):
        assert each["subject"] == [{"name": making.record.recipe_path, "digest": {"sha256": sha256(making.recipe)}}]


@pytest.mark.parametrize(
    ("statuses", "result"),
    [
        ({HOST: VerdictStatus.VALIDATED}, "PASSED"),
        ({HOST: VerdictStatus.VALIDATED, MUSL: VerdictStatus.PREDICTED_FAIL}, "PASSED"),
        ({HOST: VerdictStatus.VALIDATED_EMULATED, MUSL: VerdictStatus.FAILED}, "WARNED"),
    ],
)
def test_only_what_was_run_is_a_test(lab, statuses, result):
    """A prediction is neither passed nor failed nor warned of; it stands in the configuration with its reason."""
    predicate = statements(lab.bundle(lab.make(SAMPLES["npm-string-bin"], statuses=statuses)))[1]["predicate"]
    passed = [name for name, status in statuses.items() if status.startswith("validated")]
    failed = [name for name, status in statuses.items() if status == "failed"]
    assert (predicate["result"], predicate["passedTests"]) == (result, passed)
    assert (predicate["failedTests"], predicate["warnedTests"]) == (failed, [])
    told = {each["name"]: each["annotations"].get("status") for each in predicate["configuration"]}
    assert {name: told[name] for name in statuses} == {name: status.value for name, status in statuses.items()}


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_same_records_give_the_same_bytes_in_any_order(lab, seed):
    """The order in which answers came, and that of the keys of a record, is not part of what is said."""
    making = lab.make(SAMPLES["go-root-command"])
    chance = random.Random(seed)
    inputs = chance.sample(making.outcome.inputs, len(making.outcome.inputs))
    shuffled = msgspec.structs.replace(making.outcome, inputs=inputs)
    verdicts = chance.sample(making.verdicts, len(making.verdicts))
    again = bundle(making.order, shuffled, making.record, verdicts, lab.given(making))
    assert again == lab.bundle(making)
    assert len(making.outcome.inputs) > 1


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    url=st.text(max_size=60).map(lambda rest: f"https://files.example/{rest}"),
    digest=st.one_of(st.just(""), st.text(max_size=20), st.just(f"sha512:{'ab' * 64}"), st.just("h1:AbCd=")),
    size=st.none() | st.integers(0, 2**40),
)
def test_whatever_the_registry_says_of_an_artifact_the_standards_hold(lab, url, digest, size):
    """A digest in a form that the standards have no name for is told beside, never as one of theirs."""
    making = lab.make(SAMPLES["npm-string-bin"])
    artifact = Artifact(name="x.tgz", url=url, digest=digest, size=size)
    evidence = msgspec.structs.replace(making.record.evidence, artifact=artifact)
    record = msgspec.structs.replace(making.record, evidence=evidence)
    lines = bundle(making.order, making.outcome, record, making.verdicts, lab.given(making))
    check_standards(lines)
    said = statements(lines)[0]["predicate"]["buildDefinition"]["resolvedDependencies"]
    told = next(each for each in said if each["name"] == "artifact")
    known = digest.startswith("sha512:")
    assert ("digest" in told) == known
    assert told["annotations"].get("digest", "") == ("" if known else digest)


def test_a_record_that_notes_no_answers_has_no_statements(lab):
    """A package without a recipe, and one whose generator noted nothing: no empty claim is made."""
    making = lab.make(SAMPLES["npm-string-bin"])
    silent = msgspec.structs.replace(making.outcome, started_at=None, registry="", inputs=[])
    assert bundle(making.order, silent, making.record, making.verdicts, lab.given(making)) == b""
    without = msgspec.structs.replace(making.record, recipe_sha256=None)
    assert bundle(making.order, making.outcome, without, making.verdicts, lab.given(making)) == b""


def test_an_answer_that_did_not_come_is_named(lab):
    """That a page was not there decided the recipe, too."""
    making = lab.make(SAMPLES["npm-string-bin"])
    gone = Failed(category="recipe_not_found", subcategory=Subcategory.NOT_FOUND, transient=False, message="gone")
    outcome = msgspec.structs.replace(
        making.outcome, inputs=[*making.outcome.inputs, Input(url="https://registry.example/other", failed=gone)]
    )
    lines = bundle(making.order, outcome, making.record, making.verdicts, lab.given(making))
    check_standards(lines)
    said = statements(lines)[0]["predicate"]["buildDefinition"]["resolvedDependencies"]
    told = next(each for each in said if each.get("uri", "").endswith("/other"))
    assert (told["annotations"]["failed"]["subcategory"], "digest" in told) == ("not_found", False)


def test_times_come_from_the_records(lab):
    """A time that no calendar has, from another machine, is not the last one."""
    making = lab.make(SAMPLES["npm-string-bin"], statuses=STATUSES)
    odd = [msgspec.structs.replace(making.verdicts[0], at="2026-02-31T00:00:00Z"), *making.verdicts[1:]]
    lines = bundle(making.order, making.outcome, making.record, odd, lab.given(making))
    metadata = statements(lines)[0]["predicate"]["runDetails"]["metadata"]
    assert (metadata["startedOn"], metadata["finishedOn"]) == ("2026-03-14T12:00:00Z", "2026-03-14T12:00:09Z")
