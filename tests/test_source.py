"""Sources and the file names made from them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.source import SLUG_LIMIT, SOURCE_PATTERN, file_stem, slug, task_label

IDENTIFIERS = st.text(min_size=1, max_size=300)


@given(one=IDENTIFIERS, other=IDENTIFIERS)
def test_two_identifiers_never_share_a_file_name(one, other):
    """Also on a file system that ignores case."""
    if one != other:
        assert slug(one).lower() != slug(other).lower()


@given(identifier=IDENTIFIERS)
def test_a_slug_is_a_safe_file_name(identifier):
    """No separator, no hidden file, no name that is too long."""
    name = slug(identifier)
    assert re.fullmatch(r"[a-z0-9_~-][a-z0-9._~-]*", name)
    assert len(name) <= SLUG_LIMIT
    assert name not in {".", ".."}


def test_a_slug_reads_like_its_identifier():
    """Ordinary names stay as they are."""
    assert slug("prettier") == "prettier"
    assert file_stem("npm:@biomejs/biome") == "npm.~40biomejs~2fbiome"
    assert task_label("npm:@biomejs/biome") == "npm.@biomejs/biome"


@pytest.mark.parametrize(
    "source",
    [
        "npm:prettier",
        "npm:@biomejs/biome",
        "go:github.com/jesseduffield/lazygit",
        "homebrew:gtk+3",
        "homebrew:openssl@3",
        "npm:a",
    ],
)
def test_real_sources_are_valid(source):
    """What registries allow in names is allowed."""
    assert re.search(SOURCE_PATTERN, source)


@pytest.mark.parametrize(
    "source",
    [
        "npm",
        "npm:",
        ":x",
        "npm:../etc",
        "npm:a/../b",
        "npm:a;rm",
        "npm:a b",
        "npm:a\n",
        "npm:a=b",
        "npm:a*",
        "npm:/a",
        "npm:" + "a" * 300,
        "NPM:a",
        "npm:a//b",
    ],
)
def test_hostile_sources_are_not(source):
    """Nothing that means something to a shell, to doit or to a path."""
    assert not re.search(SOURCE_PATTERN, source)
