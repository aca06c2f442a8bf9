"""Registry answers that nobody foresaw: those of a fixture, changed by the schema of its ecosystem's answers.

`fixtures/<ecosystem>/answers.schema.json` says which answers there are: `answers` is a list of `path`, a pattern for
what follows the registry's address, and `schema`, for the JSON document, for the text (`type: string`), for the lines
of JSON (`type: array`), or the media type of the file (`contentMediaType`).
"""

import copy
import gzip
import hashlib
import json
import lzma
import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

from pipeline.ecosystems.base import Draft, Made
from pipeline.model import Category, Failed, Gate, Held, Subcategory, WorkOrder
from tests.ecosystems.fuzz_archives import BY_MEDIA_TYPE, HOSTILE, any_text, changed_text, damaged
from tests.ecosystems.samples import FOLDER, REGISTRY, SCHEMA, Sample, filled, fixture_files, make, summed
from tests.fakes_fetcher import NOT_FOUND, DictFetcher

_DOCUMENTS = ("json", "lines", "text")
_FAULTS = (
    NOT_FOUND,
    Failed(category=Category.NETWORK_ERROR, subcategory=Subcategory.TIMEOUT, transient=True, message="no answer"),
    Held(gate=Gate.ECOSYSTEM_DISABLED, message="stopped"),
)
_ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(HOSTILE)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)
_NUMBERS = st.sampled_from([-1, 0, 2**31, 2**63, 2**64, 10**400, 1e308, float("nan"), float("-inf")])
_ANYTHING = st.one_of(_NUMBERS, _ANY)


class Answers(NamedTuple):
    """One kind of answer: where it is given, and its schema."""

    path: re.Pattern[str]
    schema: dict[str, Any]


class Case(NamedTuple):
    """What is asked for, what is answered by address, and whether the file host knows ranges."""

    order: WorkOrder
    pages: dict[str, bytes | Failed | Held]
    ranges: bool


class Fixture(NamedTuple):
    """A fixture as it is written, and the content of the files among its pages."""

    sample: Sample
    pages: dict[str, dict[str, Any]]
    files: dict[str, bytes]


def schema_file(ecosystem: str) -> Path:
    """Return where the schema of an ecosystem's answers lies."""
    return FOLDER / ecosystem / SCHEMA


@cache
def answers(ecosystem: str) -> tuple[Answers, ...]:
    """Return the kinds of an ecosystem's answers."""
    document = json.loads(schema_file(ecosystem).read_text("utf-8"))
    return tuple(Answers(re.compile(one["path"]), one["schema"]) for one in document["answers"])


def schema_of(ecosystem: str, page: str) -> dict[str, Any] | None:
    """Return the schema of what is answered at a path, None when none says so."""
    return next((found.schema for found in answers(ecosystem) if found.path.search(page)), None)


@cache
def fixtures(ecosystem: str) -> tuple[Fixture, ...]:
    """Return an ecosystem's fixtures."""
    return tuple(_fixture(path) for path in fixture_files(ecosystem))


def _fixture(path: Path) -> Fixture:
    sample, pages = Sample(path), json.loads(path.read_text("utf-8"))["pages"]
    files = {page: sample.pages[REGISTRY + page] for page, found in pages.items() if not _document_form(found)}
    return Fixture(sample, pages, files)


@cache
def _bases(ecosystem: str) -> tuple[Fixture, ...]:
    """Return what cases are made from: the fixtures; those of releases also packed by xz, which tells by the name."""
    found = tuple(fixture for fixture in fixtures(ecosystem) if fixture.pages)
    repacked = (_by_xz(fixture) for fixture in found if any(page.endswith(".tar.gz") for page in fixture.files))
    return (*found, *repacked) if ecosystem == "github" else found


def _by_xz(fixture: Fixture) -> Fixture:
    pages = json.loads(json.dumps(fixture.pages).replace(".tar.gz", ".tar.xz"))
    files = {
        page.replace(".tar.gz", ".tar.xz"): lzma.compress(gzip.decompress(content), preset=0)
        if page.endswith(".tar.gz")
        else content
        for page, content in fixture.files.items()
    }
    return Fixture(fixture.sample, pages, files)


@cache
def _complete(ecosystem: str) -> tuple[Fixture, ...]:
    """Return what a recipe is made from: of the others, little is read."""
    return tuple(base for base in _bases(ecosystem) if isinstance(_made(base), Draft))


def _made(base: Fixture) -> Made:
    pages = {page: _written(base, page, base.files) for page in base.pages}
    return make(base.sample.order, DictFetcher({REGISTRY + page: content for page, content in pages.items()}))


def _written(base: Fixture, page: str, files: dict[str, bytes]) -> bytes:
    if page in files:
        return files[page]
    form = _document_form(base.pages[page])
    return _encoded(base.sample, page, _document(base.pages[page][form], form, files), form)


@st.composite
def cases(draw: st.DrawFn, ecosystem: str) -> Case:
    """Draw the answers of a fixture with up to three of them changed; digests follow the files that they are of."""
    chance = Random(draw(st.integers(0, 2**64 - 1)))
    sample, written, files = chance.choice((_complete if chance.random() < 0.7 else _bases)(ecosystem))
    changed = set(chance.choices(sorted(written), k=chance.choice([1, 1, 2, 3])))
    contents = dict(files)
    followed: dict[str, str] = {}
    for page in sorted(changed & files.keys()):
        media = (schema_of(ecosystem, page) or {})["contentMediaType"]
        contents[page] = BY_MEDIA_TYPE[media](files[page], chance)
        followed[_sha256(files[page])] = _sha256(contents[page])
    pages: dict[str, bytes | Failed | Held] = {}
    for page, found in written.items():
        if form := _document_form(found):
            value = _document(_following(found[form], followed), form, contents)
            if page in changed:
                value = _changed(draw, chance, schema_of(ecosystem, page) or {}, value)
            pages[page] = _encoded(sample, page, value, form)
        else:
            pages[page] = contents[page]
        if page in changed and chance.random() < 0.05:
            pages[page] = chance.choice([*_FAULTS, *[damaged(pages[page], chance)] * 3])
    return Case(sample.order, {REGISTRY + page: found for page, found in pages.items()}, chance.random() < 0.5)


def _document(written: Any, form: str, files: dict[str, bytes]) -> object:
    return summed(written, files) if form == "text" else filled(written, files)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _following(value: Any, digests: dict[str, str]) -> Any:
    """Return a document with the digests of changed files in the place of those that are written out in it."""
    match value:
        case dict():
            return {key: _following(item, digests) for key, item in value.items()}
        case list():
            return [_following(item, digests) for item in value]
        case str():
            return digests.get(value, value)
        case _:
            return value


def _document_form(found: dict[str, Any]) -> str:
    """Return the form of a page that is a document, "" for that of a file."""
    return next((form for form in _DOCUMENTS if form in found), "")


def _encoded(sample: Sample, page: str, value: object, form: str) -> bytes:
    if form == "text":
        return str(value).encode(errors="replace")
    return sample.encode(page, value)


def _changed(draw: st.DrawFn, chance: Random, schema: dict[str, Any], value: object) -> object:
    """Return a document: changed in places for the most part, so that more than its outline is read."""
    if chance.random() < 0.1:
        return _kept(draw(_of(schema)), value, chance)
    if isinstance(value, str):
        return changed_text(value, chance)
    holder = {"": copy.deepcopy(value)}
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        places = _places(holder, ())
        leaves = [place for place in places if not isinstance(_at(holder, place), dict | list)]
        keys = chance.choice(leaves if leaves and chance.random() < 0.75 else places)
        _change(draw, chance, _at(holder, keys[:-1]), keys[-1], _schema_at(schema, keys[1:]))
    return holder[""]


def _kept(made: Any, written: Any, chance: Random) -> Any:
    """Return a document made from the schema alone, with some of what was written: without its name none is read."""
    if not isinstance(made, dict) or not isinstance(written, dict):
        return made
    share = chance.random()
    return made | {key: item for key, item in written.items() if chance.random() < share}


def _change(draw: st.DrawFn, chance: Random, parent: Any, key: Any, schema: dict[str, Any]) -> None:
    """Change one place of a document: mostly to another value of its kind, sometimes to any, or to none."""
    how = chance.randrange(10)
    if how == 0 and key != "" and isinstance(parent, dict):
        del parent[key]
    elif how == 1 and key != "" and isinstance(parent, dict):
        parent[any_text(chance)] = parent.pop(key)
    elif how == 2 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    elif how < 6 and isinstance(parent[key], str):
        parent[key] = any_text(chance)
    elif how < 9:
        parent[key] = draw(_of(schema))
    else:
        parent[key] = draw(_ANYTHING)


def _at(document: Any, keys: tuple[Any, ...]) -> Any:
    for key in keys:
        document = document[key]
    return document


def _places(value: object, above: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return the keys that lead to each place of a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, below in items for place in [(*above, key), *_places(below, (*above, key))]]


def _schema_at(schema: dict[str, Any], keys: tuple[Any, ...]) -> dict[str, Any]:
    """Return the schema of a place, {} where none is said."""
    for key in keys:
        choices = [schema, *schema.get("anyOf", [])]
        named = (one["properties"][key] for one in choices if key in one.get("properties", {}))
        other = (
            one[word]
            for one in choices
            for word in ("items", "additionalProperties")
            if isinstance(one.get(word), dict)
        )
        schema = next(named, None) or next(other, {})
    return schema


def _of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    return _strategy(json.dumps(schema))


@cache
def _strategy(schema: str) -> st.SearchStrategy[Any]:
    """Return the strategy of a schema, made once.

    Of objects, lists and choices it is put together here: `from_schema` works out at each draw what an object that is
    half made may still hold, which took more than half of the time.
    """
    match json.loads(schema):
        case {"anyOf": list(choices)}:
            return st.one_of([_of(choice) for choice in choices])
        case {"type": "object", **rules}:
            return _objects(rules)
        case {"type": "array", **rules}:
            return st.lists(_of(rules.get("items", {})), min_size=rules.get("minItems", 0), max_size=4)
        case {"type": _} | {"enum": _} | {"const": _} as leaf:
            return from_schema(leaf)
        case _:
            return _ANY


def _objects(rules: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    known = {key: _of(rule) for key, rule in rules.get("properties", {}).items()}
    required = {key: known.pop(key, _ANY) for key in rules.get("required", ())}
    keys = _of(rules["propertyNames"]) if "propertyNames" in rules else st.text(max_size=8)
    others = st.dictionaries(keys, _of(rules.get("additionalProperties", {})), max_size=4)
    return st.tuples(others, st.fixed_dictionaries(required, optional=known)).map(lambda parts: parts[0] | parts[1])
