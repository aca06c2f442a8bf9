"""An exit code and some words become a cause of this project's list: the exit code decides."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

from pipeline.contract import json_schema
from pipeline.external.answers import FINER, Ended, Ran, answer_of, end_of, outcome_of, version_of
from pipeline.model import Category, ExternalAnswer, Failed, OutcomeRecord, Skipped, Subcategory
from pipeline.store import decode, encode
from pipeline.taxonomy import TAXONOMY

S = Subcategory
# As tsuku 0.x prints it: progress first, then an indented object.
INSTALL_ERROR = b"""Installing cool-tool...
{
  "status": "error",
  "category": "missing_dep",
  "message": "failed to install dependency 'libfoo': recipe libfoo not found in registry",
  "missing_recipes": [
    "libfoo"
  ],
  "exit_code": 8
}
"""


def ended(ran: Ran, other: Subcategory = S.GENERATOR_ERROR) -> Ended:
    end = end_of(ran, answer_of(ran), program="tsuku", timeout=300, name="cool-tool", other=other)
    assert end is not None
    return end


def answering(exit_code: int, **answer: object) -> Ran:
    return Ran(exit_code=exit_code, output=json.dumps(answer).encode())


@pytest.mark.parametrize(
    ("code", "generator", "validator"),
    [
        (1, S.GENERATOR_ERROR, S.VALIDATOR_ERROR),
        (2, S.GENERATOR_ERROR, S.VALIDATOR_ERROR),
        (3, S.NOT_FOUND, S.NOT_FOUND),
        (4, S.GENERATOR_ERROR, S.VALIDATOR_ERROR),
        (5, S.CONNECTION_ERROR, S.CONNECTION_ERROR),
        (6, S.INSTALL_ERROR, S.INSTALL_ERROR),
        (7, S.VERIFY_ERROR, S.VERIFY_ERROR),
        (8, S.MISSING_SYSTEM_DEP, S.MISSING_SYSTEM_DEP),
        (9, S.NOT_DETERMINISTIC, S.VALIDATOR_ERROR),
        (10, S.GENERATOR_ERROR, S.VALIDATOR_ERROR),
        (130, S.GENERATOR_ERROR, S.VALIDATOR_ERROR),
    ],
)
def test_each_exit_code_has_its_cause(code, generator, validator):
    """The table of docs/external.md; what the words claim beside it changes nothing."""
    for other, cause in ((S.GENERATOR_ERROR, generator), (S.VALIDATOR_ERROR, validator)):
        ran = Ran(exit_code=code, output=b'{"category": "network_error", "exit_code": 5, "subcategory": "oom?"}')
        assert (ended(ran, other).cause, ended(ran, other).exit_code) == (cause, code)


def test_only_exit_code_0_is_a_good_end():
    """And one that contradicts itself is none."""
    ran = Ran(exit_code=0, output=b'{"status": "ok", "version": "1.2"}')
    assert end_of(ran, answer_of(ran), program="x", timeout=1, name="x", other=S.GENERATOR_ERROR) is None
    lie = ended(answering(0, status="error", message="nothing was made"))
    assert lie.cause is S.GENERATOR_ERROR
    assert lie.message == "tsuku ended well, but its answer is `error`: nothing was made"


@pytest.mark.parametrize(("code", "cause"), sorted((code, cause) for code, causes in FINER.items() for cause in causes))
def test_a_finer_cause_is_one_of_the_same_category(code, cause):
    """So the journal's category is that of the exit code, whatever the program claims."""
    found = ended(answering(code, subcategory=cause.value)).cause
    plain = ended(answering(code)).cause
    assert found is cause
    assert TAXONOMY[found].category is TAXONOMY[plain].category
    assert TAXONOMY[found].transient == TAXONOMY[plain].transient
    others = set(Subcategory) - FINER[code]
    assert {ended(answering(code, subcategory=each.value)).cause for each in others} == {plain}


def test_missing_recipes_are_named_by_the_answer():
    """As tsuku writes it; the package then waits instead of failing."""
    end = ended(Ran(exit_code=8, output=INSTALL_ERROR))
    assert (end.cause, end.blocked_by) == (S.MISSING_RECIPE, ("libfoo",))
    assert end.message.startswith("tsuku ended with exit code 8: failed to install dependency 'libfoo'")
    outcome = outcome_of(end)
    assert isinstance(outcome, Skipped)
    assert (outcome.blocked_by, outcome.exit_code) == (["libfoo"], 8)


@pytest.mark.parametrize(
    ("answer", "errors", "names"),
    [
        ({}, b"Error: recipe zlib not found in registry\nrecipe 'icu4c@78' not found\n", ("zlib", "icu4c@78")),
        ({"message": "recipe zlib not found in registry"}, b"", ("zlib",)),
        ({"missing_recipes": None}, b"recipe zlib not found", ("zlib",)),
        ({"missing_recipes": ["a", "A", "a"]}, b"recipe zlib not found", ("a",)),
        ({"missing_recipes": ["cool-tool", "Cool Tool"]}, b"", ()),
        ({"missing_recipes": ["", "$(rm)", "a\nb", "-x", "b" * 300]}, b"", ()),
        ({}, b"recipe not found: the registry has no recipe", ()),
    ],
)
def test_names_are_names_and_never_the_packages_own(answer, errors, names):
    """A package that waited for itself would wait for ever; without a name it waits for nothing."""
    end = ended(Ran(exit_code=8, output=json.dumps(answer).encode(), errors=errors))
    assert end.blocked_by == names
    assert end.cause is (S.MISSING_RECIPE if names else S.MISSING_SYSTEM_DEP)


def test_other_exit_codes_block_nothing():
    """Only 8 says that a dependency is missing."""
    assert ended(Ran(exit_code=6, output=INSTALL_ERROR)).blocked_by == ()


def test_no_end_of_its_own_is_transient():
    """A timeout, and a program that cannot be started: both may pass before the next run."""
    late = ended(Ran(timed_out=True, errors=b"downloading\n"))
    assert (late.cause, late.message) == (S.TIMEOUT, "tsuku was not done after 300 s: downloading")
    away = ended(Ran(refused="there is no such program"))
    assert (away.cause, away.message) == (S.RUNTIME_MISSING, "tsuku could not be run: there is no such program")
    for end in (late, away):
        outcome = outcome_of(end)
        assert isinstance(outcome, Failed)
        assert outcome.transient
        assert (outcome.exit_code, outcome.upstream) == (None, None)


def test_a_signal_counts_as_in_a_shell():
    """Nobody knows why it came: the program failed."""
    end = ended(Ran(signal=9))
    assert (end.cause, end.exit_code) == (S.GENERATOR_ERROR, 137)
    assert end.message == "tsuku ended with signal 9, and said nothing"


def test_a_failure_of_the_package_has_a_fingerprint_that_holds():
    """The words change from run to run, the digest only with what was found."""
    one, other = (outcome_of(ended(Ran(exit_code=6, errors=text))) for text in (b"took 3 s", b"took 4 s"))
    assert isinstance(one, Failed)
    assert isinstance(other, Failed)
    assert one.message != other.message
    assert one.upstream == other.upstream is not None
    assert one.category is Category.INSTALL_FAILED
    assert not one.transient


def test_the_answer_is_the_object_at_the_end():
    """Progress before it, also in JSON, is left alone; what follows it makes it no answer."""
    log = b'{"level": "info"}\nworking {hard}\n{"version": "2", "message": "m"}\n\n'
    assert version_of(answer_of(Ran(output=log))) == "2"
    assert answer_of(Ran(output=log + b"done\n")) == ExternalAnswer()
    assert answer_of(Ran(output=INSTALL_ERROR)).exit_code == 8


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"{",
        b"\xff\xfe{}\n{\xff}",
        b'{"version": 3}',
        b'{"missing_recipes": "zlib"}',
        b"[1]",
        b'{"version": "\xff"}',
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_answer_says_nothing(output):
    """The exit code then says all there is."""
    assert answer_of(Ran(output=output)) == ExternalAnswer()


@pytest.mark.parametrize(("said", "version"), [("1.2.3", "1.2.3"), (" 1.2\n3 ", "1.2 3"), ("9" * 101, ""), ("", "")])
def test_a_version_that_is_none_is_unknown(said, version):
    """An empty text, never a guess."""
    assert version_of(ExternalAnswer(version=said)) == version


@settings(max_examples=200, deadline=None)
@given(
    code=st.integers(1, 255),
    answer=st.one_of(st.binary(max_size=200), from_schema(json_schema(ExternalAnswer)).map(msgspec.json.encode)),
    errors=st.binary(max_size=200),
    other=st.sampled_from([S.GENERATOR_ERROR, S.VALIDATOR_ERROR]),
)
def test_whatever_is_said_the_outcome_is_a_valid_record(code, answer, errors, other):
    """Two runs that say the same give the same, and it goes through the schema."""
    ran = Ran(exit_code=code, output=answer, errors=errors)
    outcome = outcome_of(ended(ran, other))
    record = OutcomeRecord(
        source="npm:cool-tool", name="x", made_from="0" * 64, at="2026-01-01T00:00:00Z", seconds=1, outcome=outcome
    )
    assert decode(encode(record), OutcomeRecord, place="test") == record
    assert outcome.message.isprintable()
    assert outcome == outcome_of(ended(ran, other))
