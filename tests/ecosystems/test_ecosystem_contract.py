"""What every ecosystem promises, whatever its registry answers."""

import copy
import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.extensions.json import JSONSnapshotExtension

from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Draft, Made
from pipeline.model import Category, Failed, Gate, Held, Skipped, Subcategory, WorkOrder
from tests.ecosystems.samples import NOW, REGISTRY, all_samples, make
from tests.fakes_fetcher import NOT_FOUND, DictFetcher

SAMPLES = all_samples()
DRAFTED = {key: sample for key, sample in SAMPLES.items() if isinstance(sample.make(), Draft)}
WITH_JSON = {key: sample for key, sample in SAMPLES.items() if sample.metadata_url}
BY_ECOSYSTEM = {name: [sample for sample in WITH_JSON.values() if sample.ecosystem == name] for name in ECOSYSTEMS}
MALFORMED = {
    "empty": b"",
    "html": b"<!doctype html><title>Sign in</title>",
    "null": b"null",
    "list": b"[]",
    "number": b"1e999",
    "not utf-8": b'{"name": "\xff\xfe"}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "deep": b"[" * 100_000,
    "deep in a field": b'{"name": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "wrong types": b'{"name": 1, "versions": [], "files": {}, "meta": 3}',
}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def check_typed(outcome: Made) -> None:
    """Fail unless the outcome is one that its record's schema admits."""
    assert isinstance(outcome, Draft | Skipped | Failed | Held)
    msgspec.convert(msgspec.to_builtins(outcome), type(outcome))
    if not isinstance(outcome, Draft):
        assert outcome.message
        assert outcome.message.isprintable()


def without_upstream(outcome: Made) -> Made:
    return msgspec.structs.replace(outcome, upstream=None) if isinstance(outcome, Skipped | Failed) else outcome


def paths_of(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, item in items for inner in paths_of(item, (*path, key)))]


def replaced(value: object, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    changed = copy.deepcopy(value)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new
    return changed


@pytest.mark.parametrize("name", ECOSYSTEMS)
def test_module_is_registered_under_its_own_name(name):
    """The dictionary, the module and its fixture folder agree on what an ecosystem is called."""
    assert name == ECOSYSTEMS[name].NAME
    assert ECOSYSTEMS[name].REVISION >= 1
    assert any(isinstance(sample.make(), Draft) for sample in BY_ECOSYSTEM[name])


@pytest.mark.parametrize("name", ECOSYSTEMS)
@given(identifier=st.text(alphabet="aB1@._-/+~ \n", min_size=1, max_size=12))
@settings(max_examples=100)
def test_the_rule_for_identifiers_is_one(name, identifier):
    """Whoever asks before there is an order gets the answer that a generation would give, without a request."""
    defect = ECOSYSTEMS[name].identifier_defect(identifier)
    fetcher = DictFetcher({})
    outcome = make(WorkOrder(source=f"{name}:{identifier}", name="a"), fetcher)
    refusals = {Subcategory.BAD_NAME, Subcategory.NOT_INSTALLABLE}  # a tap of Homebrew's can be called so, elsewhere
    assert bool(defect) == (isinstance(outcome, Skipped) and outcome.subcategory in refusals)
    assert bool(defect) == (fetcher.requests == [])


@pytest.mark.parametrize("key", SAMPLES)
def test_outcome_is_the_recorded_one(key, snapshot):
    """Each fixture gives exactly the recipe and evidence, or the reason, that was reviewed and recorded."""
    outcome = SAMPLES[key].make()
    check_typed(outcome)
    assert msgspec.to_builtins(outcome) == snapshot(extension_class=JSONSnapshotExtension)


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("name", ECOSYSTEMS)
def test_malformed_metadata_is_a_typed_failure(name, content):
    """An answer that breaks the registry's format is bad metadata, which asking again does not mend."""
    for sample in BY_ECOSYSTEM[name]:
        outcome = sample.make(sample.pages | {sample.metadata_url: content})
        check_typed(outcome)
        assert isinstance(outcome, Failed)
        assert (outcome.subcategory, outcome.transient) == (Subcategory.BAD_METADATA, False)


@pytest.mark.parametrize("key", DRAFTED)
def test_each_truncation_of_the_metadata_is_a_typed_failure(key):
    """An answer that ends early never becomes a recipe."""
    sample = DRAFTED[key]
    content = sample.pages[sample.metadata_url]
    for length in range(0, len(content), max(1, len(content) // 50)):
        assert isinstance(sample.make(sample.pages | {sample.metadata_url: content[:length]}), Failed)


@pytest.mark.parametrize("key", DRAFTED)
def test_no_answer_is_passed_on_from_each_request(key):
    """Whatever the fetcher gives instead of an answer is the outcome, at each of the requests."""
    sample = DRAFTED[key]
    held = Held(gate=Gate.ECOSYSTEM_DISABLED, message="switched off")
    down = Failed(category=Category.NETWORK_ERROR, subcategory=Subcategory.TIMEOUT, transient=True, message="too slow")
    for url in sample.pages:
        for instead in (held, down, NOT_FOUND):
            assert without_upstream(sample.make(sample.pages | {url: instead})) == instead


@pytest.mark.parametrize("key", WITH_JSON)
def test_order_inside_the_answer_does_not_matter(key):
    """Registries promise no order of keys or files; the outcome is the same for all, and from run to run."""
    sample = SAMPLES[key]
    page = sample.page_json[sample.metadata_page]
    for seed in range(5):
        content = sample.encode(sample.metadata_page, _shuffled(page, random.Random(seed)))
        assert sample.make(sample.pages | {sample.metadata_url: content}) == sample.make()


def _shuffled(value: object, chance: random.Random) -> object:
    if isinstance(value, dict):
        items = [(key, _shuffled(item, chance)) for key, item in value.items()]
        return dict(chance.sample(items, len(items)))
    if isinstance(value, list):
        return chance.sample([_shuffled(item, chance) for item in value], len(value))
    return value


def test_packages_do_not_depend_on_each_other():
    """Packages give the same outcome in any order: no state is kept between them."""
    forward = {key: sample.make() for key, sample in SAMPLES.items()}
    backward = {key: sample.make() for key, sample in reversed(SAMPLES.items())}
    assert forward == backward


@pytest.mark.parametrize("key", DRAFTED)
def test_servers_without_ranges_give_the_same_recipe(key):
    """A file host that ignores ranges and sends the whole file changes nothing in the recipe."""
    with_ranges, without = DRAFTED[key].make(), DRAFTED[key].make(ranges=False)
    assert isinstance(with_ranges, Draft)
    assert isinstance(without, Draft)
    assert with_ranges.recipe == without.recipe


@pytest.mark.parametrize("name", ECOSYSTEMS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_any_changed_field_gives_a_typed_outcome(name, data):
    """One field of an answer replaced by any JSON value never ends in an exception or an invalid record."""
    sample = data.draw(st.sampled_from(BY_ECOSYSTEM[name]), label="sample")
    page = sample.page_json[sample.metadata_page]
    path = data.draw(st.sampled_from(paths_of(page)), label="path")
    content = sample.encode(sample.metadata_page, replaced(page, path, data.draw(JSON_VALUES, label="value")))
    check_typed(sample.make(sample.pages | {sample.metadata_url: content}))


@pytest.mark.parametrize("identifier", ["x" * 214, "@a/b/c", "a/b", "@x", "a@b", "a~b", "_", "a+b"])
@pytest.mark.parametrize("name", ECOSYSTEMS)
def test_odd_identifiers_are_answered(name, identifier):
    """An identifier is asked for below the registry's address, or refused without a request."""
    fetcher = DictFetcher({})
    sample = BY_ECOSYSTEM[name][0]
    outcome = make(msgspec.structs.replace(sample.order, source=f"{name}:{identifier}"), fetcher)
    check_typed(outcome)
    assert all(url.startswith(f"{REGISTRY}/") for url, *_ in fetcher.requests)
    assert (without_upstream(outcome) == NOT_FOUND) == bool(fetcher.requests)


def test_age_is_counted_to_the_given_time():
    """The release's age is measured against the clock that was passed in, in days."""
    outcome = SAMPLES["npm-scoped-map"].make()
    assert isinstance(outcome, Draft)
    assert (outcome.evidence.released_at, outcome.evidence.age_days) == ("2026-03-13T12:00:00Z", 1.0)
    assert NOW.isoformat() == "2026-03-14T12:00:00+00:00"
