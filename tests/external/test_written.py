"""Whatever a program writes, reading it ends in a recipe, in nothing to run, or in a rule on one line."""

from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.external.written import Broken, NoExecutable, read_recipe
from pipeline.model import Recipe
from pipeline.store import decode, encode
from tests.fakes_program import recipe_text

VALUES = st.recursive(
    st.one_of(
        st.text(max_size=20),
        st.integers(),
        st.booleans(),
        st.floats(),
        st.datetimes(),
        st.sampled_from(["tool", "..", "bin/tool", "library", "https://x.example", ["tool"], [{"dest": 1}]]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
PLACES = [
    ("metadata",),
    ("metadata", "name"),
    ("metadata", "description"),
    ("metadata", "homepage"),
    ("metadata", "type"),
    ("metadata", "dependencies"),
    ("metadata", "binaries"),
    ("version",),
    ("version", "source"),
    ("steps",),
    ("steps", 0),
    ("steps", 0, "action"),
    ("steps", 0, "package"),
    ("steps", 0, "executables"),
    ("steps", 0, "binaries"),
    ("steps", 0, "binary"),
    ("steps", 0, "when"),
    ("verify",),
]


def changed(place: tuple[str | int, ...], value: Any) -> str | None:
    """Return the good recipe with another value at one place, None where TOML cannot say it."""
    document: Any = tomlkit.parse(recipe_text("tool")).unwrap()
    table = document
    for key in place[:-1]:
        table = table[key] if isinstance(key, int) else table.setdefault(key, {})
    table[place[-1]] = value
    try:
        return tomlkit.dumps(document)
    except (TypeError, ValueError):
        return None


@settings(max_examples=200, deadline=None)
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_one_strange_value_is_read_or_refused(place: tuple[str | int, ...], value: Any) -> None:
    """Of any type, at any place; what is read goes through the record's schema."""
    text = changed(place, value)
    if text is None:
        return
    match read_recipe(text, "tool"):
        case Recipe() as recipe:
            assert decode(encode(recipe), Recipe, place="test") == recipe
        case Broken(rule=rule) | NoExecutable(message=rule):
            assert rule


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_garbage_is_refused(text: str) -> None:
    assert isinstance(read_recipe(text, "tool"), Broken)


@pytest.mark.parametrize("name", ["tool", "other-tool"])
def test_a_good_recipe_is_a_record(name: str) -> None:
    recipe = read_recipe(recipe_text(name), name)
    assert isinstance(recipe, Recipe)
    assert (recipe.description, recipe.homepage) == ("A tool", "https://tools.example"), "its first sentence"
    assert recipe.executables == [name]


def test_values_of_other_kinds_stand_there_as_json() -> None:
    """So the record hides nothing of the step: the sandbox does not take it for a plain one."""
    more = "strip_dirs = 1\nwhen = {os = ['linux']}\nsince = 2026-01-01\nhuge = 99999999999999999999999\n"
    recipe = read_recipe(recipe_text("tool").replace("package =", f"{more}package ="), "tool")
    assert isinstance(recipe, Recipe)
    params = recipe.steps[0].params
    assert [params[key] for key in ("strip_dirs", "when", "since", "huge")] == [
        "1",
        '{"os": ["linux"]}',
        '"2026-01-01"',
        "99999999999999999999999",
    ]
