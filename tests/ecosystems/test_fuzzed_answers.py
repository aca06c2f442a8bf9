"""Whatever a registry answers, each ecosystem returns a typed outcome that can be written down, and raises nothing."""

import json
import tomllib

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from pipeline.digests import sha256
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Draft, Made
from pipeline.model import Failed, Generated, Held, OutcomeRecord, Skipped
from pipeline.recipe import render
from tests.ecosystems.fuzz import answers, cases, fixtures, schema_file, schema_of
from tests.ecosystems.samples import REGISTRY, make
from tests.fakes_fetcher import DictFetcher

NIGHTLY = settings.get_current_profile_name() == "nightly"
CASES = 10_000 if NIGHTLY else 300
# No shrinking: that of Hypothesis itself raises on what is made from patterns, and would hide the case that failed.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
# A message is one line of a table; addresses in it are cut before.
LONGEST_MESSAGE = 1500
BY_ECOSYSTEM = pytest.mark.parametrize("ecosystem", sorted(ECOSYSTEMS))


@BY_ECOSYSTEM
def test_each_ecosystem_has_a_schema_of_its_answers(ecosystem: str) -> None:
    """It is a schema, and describes each page of the fixtures: without it nothing would be fuzzed."""
    assert schema_file(ecosystem).is_file(), f"write {schema_file(ecosystem)}, see CONTRIBUTING.md"
    used = set()
    for fixture in fixtures(ecosystem):
        for page, found in fixture.pages.items():
            schema = schema_of(ecosystem, page)
            assert schema is not None, f"no answer of the schema is given at {page}"
            used.add(json.dumps(schema))
            jsonschema.Draft202012Validator.check_schema(schema)
            if "contentMediaType" not in schema:
                jsonschema.validate(document(fixture.sample.pages[REGISTRY + page], found), schema)
    assert used == {json.dumps(found.schema) for found in answers(ecosystem)}


def document(content: bytes, found: dict[str, object]) -> object:
    """Return a page as its schema sees it."""
    text = content.decode()
    return (
        [json.loads(line) for line in text.splitlines()]
        if "lines" in found
        else text
        if "text" in found
        else json.loads(text)
    )


@pytest.mark.timeout(7200 if NIGHTLY else 300)
@BY_ECOSYSTEM
def test_whatever_is_answered_the_outcome_is_typed(ecosystem: str) -> None:
    """No answer makes an ecosystem raise; what it returns decodes by the published rules of an outcome."""

    @settings(max_examples=CASES, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
    @given(cases(ecosystem))
    def holds(case) -> None:
        check(make(case.order, DictFetcher(case.pages, ranges=case.ranges)), case.order.source)

    holds()


def check(made: Made, source: str) -> None:
    """Fail when an outcome cannot be written down and read again, or shows what no reader should meet."""
    outcome = recorded(made)
    record = OutcomeRecord(
        source=source, name="tool", made_from="0" * 64, at="2026-03-14T12:00:00Z", seconds=0, outcome=outcome
    )
    assert msgspec.json.decode(msgspec.json.encode(record), type=OutcomeRecord) == record
    message = "" if isinstance(outcome, Generated) else outcome.message
    assert message.isprintable()
    assert len(message) <= LONGEST_MESSAGE


def recorded(made: Made) -> Generated | Skipped | Failed | Held:
    """Return the outcome of what was made; a recipe must be TOML that says what it was rendered from."""
    if not isinstance(made, Draft):
        return made
    text = render(made.recipe)
    assert tomllib.loads(text)["metadata"]["name"] == made.recipe.name
    return Generated(recipe=made.recipe, recipe_sha256=sha256(text.encode()), evidence=made.evidence)
