"""Registry answers that nobody foresaw: those of a fixture, changed by the schema of its ecosystem's answers.

`fixtures/<ecosystem>/answers.schema.json` says which answers there are: `answers` is a list of `path`, a pattern for
what follows the registry's address, and `schema`, for the JSON document, for the text (`type: string`), for the lines
of JSON (`type: array`), or the media type of the file (`contentMediaType`).
"""

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

from pipeline.model import Category, Failed, Gate, Held, Subcategory, WorkOrder
from tests.ecosystems.fuzz_archives import BY_MEDIA_TYPE, HOSTILE, changed_text, damaged
from tests.ecosystems.samples import FOLDER, REGISTRY, SCHEMA, Sample, filled, fixture_files
from tests.fakes_fetcher import NOT_FOUND

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
    """A fixture as it is written, with the files that it describes."""

    sample: Sample
    pages: dict[str, dict[str, Any]]


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
    paths = fixture_files(ecosystem)
    return tuple(Fixture(Sample(path), json.loads(path.read_text("utf-8"))["pages"]) for path in paths)


@st.composite
def cases(draw: st.DrawFn, ecosystem: str) -> Case:
    """Draw the answers of a fixture with one or two of them changed; digests follow the files that they are of."""
    sample, written = draw(st.sampled_from(fixtures(ecosystem)))
    changed = draw(st.sets(st.sampled_from(sorted(written)), min_size=1, max_size=3))
    pages: dict[str, Any] = {page: sample.pages[REGISTRY + page] for page in written}
    for page in sorted(changed):
        if not _document_form(written[page]):
            media = (schema_of(ecosystem, page) or {}).get("contentMediaType", "application/octet-stream")
            pages[page] = draw(BY_MEDIA_TYPE[media](pages[page]))
    for page, found in written.items():
        if form := _document_form(found):
            value = filled(found[form], pages)
            if page in changed:
                value = draw(_changed(schema_of(ecosystem, page) or {}, value))
            pages[page] = _encoded(sample, page, value, form)
    for page in sorted(changed):
        fault = draw(st.integers(0, 19))
        if fault == 0:
            pages[page] = draw(damaged(pages[page]))
        elif fault == 1:
            pages[page] = draw(st.sampled_from(_FAULTS))
    return Case(sample.order, {REGISTRY + page: found for page, found in pages.items()}, draw(st.booleans()))


def _document_form(found: dict[str, Any]) -> str:
    """Return the form of a page that is a document, "" for that of a file."""
    return next((form for form in _DOCUMENTS if form in found), "")


def _encoded(sample: Sample, page: str, value: object, form: str) -> bytes:
    if form == "text":
        return str(value).encode(errors="replace")
    return sample.encode(page, value)


@st.composite
def _changed(draw: st.DrawFn, schema: dict[str, Any], value: object) -> object:
    """Draw a document: changed in places for the most part, so that more than its outline is read."""
    if draw(st.integers(0, 7)) == 0:
        return draw(_of(schema))
    if isinstance(value, str):
        return draw(changed_text(value))
    holder = {"": copy.deepcopy(value)}
    for _ in range(draw(st.integers(1, 3))):
        places = _places(holder, ())
        leaves = [place for place in places if not isinstance(_at(holder, place), dict | list)]
        keys = draw(st.sampled_from(leaves if leaves and draw(st.integers(0, 3)) else places))
        _change(draw, _at(holder, keys[:-1]), keys[-1], _schema_at(schema, keys[1:]))
    return holder[""]


def _change(draw: st.DrawFn, parent: Any, key: Any, schema: dict[str, Any]) -> None:
    """Change one place of a document: mostly to another value of its kind, sometimes to any, or to none."""
    how = draw(st.integers(0, 9))
    if how == 0 and key != "" and isinstance(parent, dict):
        del parent[key]
    elif how == 1 and key != "" and isinstance(parent, dict):
        parent[draw(st.sampled_from(HOSTILE))] = parent.pop(key)
    elif how == 2 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    elif how < 6 and isinstance(parent[key], str):
        parent[key] = draw(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20)))
    elif how < 9:
        parent[key] = draw(_of(schema))
    else:
        parent[key] = draw(st.one_of(_NUMBERS, _ANY))


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
    """Return the strategy of a schema, made once: that takes longer than drawing from it."""
    return from_schema(json.loads(schema))
