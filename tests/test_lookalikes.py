"""Names that are easily taken for each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lookalikes import Lookalikes, distance, folded, reach, same_family

NAMES = st.text("abrnmvwoil015-_./@\u0430\u0456\u043e", max_size=14)
ANY_TEXT = st.text(max_size=20)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lodash", "l0dash"),
        ("lodash", "Iodash"),
        ("commander", "comrnander"),
        ("webpack", "vvebpack"),
        ("cross-env", "crossenv"),
        ("cross-env", "cross_env"),
        ("requests", "requestss"),
        ("prettier", "pretti\u0435r"),
        ("prettier", "\uff50rettier"),
    ],
)
def test_what_looks_the_same_folds_to_the_same(one, other):
    """Digits for letters, letters that run together, separators, repetitions, other scripts, full-width letters."""
    assert folded(one) == folded(other)


@given(NAMES | ANY_TEXT)
def test_folding_twice_changes_nothing(name):
    """So it does not matter who has folded a name before."""
    assert folded(folded(name)) == folded(name)


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("abcd", "abcd", 0),
        ("abcd", "abxd", 1),
        ("abcd", "abd", 1),
        ("abcd", "acbd", 1),
        ("ca", "abc", 3),
        ("", "ab", 2),
    ],
)
def test_distance_counts_edits_and_swaps(one, other, edits):
    """The restricted form: what is swapped is not edited again (`ca` and `abc` are 3 apart)."""
    assert distance(one, other) == edits


@given(NAMES, NAMES)
def test_distance_is_the_same_in_both_directions_and_zero_only_for_equals(one, other):
    """It is bounded by the longer text, and from below by how much longer that is."""
    edits = distance(one, other)
    assert edits == distance(other, one)
    assert (edits == 0) == (one == other)
    assert abs(len(one) - len(other)) <= edits <= max(len(one), len(other))


@given(st.lists(NAMES, max_size=12), NAMES)
def test_the_index_finds_what_comparing_with_each_name_finds(known, name):
    """Deletions alone lead to every name within reach, and to no other."""
    text = folded(name)
    slow = [
        (other, distance(text, folded(other)))
        for other in dict.fromkeys(known)
        if other != name and len(text) >= 3 and distance(text, folded(other)) <= min(reach(text), reach(folded(other)))
    ]
    assert [(near.name, near.distance) for near in Lookalikes(known).near(name)] == slow


@pytest.mark.parametrize(
    ("name", "edits"), [("gc", 0), ("tool", 0), ("tools", 1), ("prettier", 1), ("abcdefghijkl", 2), ("abcdefgh" * 4, 0)]
)
def test_short_names_are_near_only_to_what_looks_the_same(name, edits):
    """And long ones forgive more, up to a length that nobody types."""
    assert reach(name) == edits


def test_a_very_short_name_is_near_to_nothing():
    """`nnn` is no forgery of `n`."""
    assert Lookalikes(["n", "gcc"]).near("nnn") == []
    assert Lookalikes(["n", "gcc"]).near("ggc") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("eslint", "tslint"),
        ("prettier", "prettierd"),
        ("eslint", "eslint_d"),
        ("markdownlint-cli", "markdownlint-cli2"),
        ("python@3.11", "python@3.12"),
        ("gradle", "gradle@8"),
        ("bazel", "ibazel"),
    ],
)
def test_real_families_are_told_apart_from_slips(one, other):
    """By a number, a word, the last letter or the first, whichever of the two is asked about."""
    assert same_family(one, other)
    assert same_family(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lodash", "l0dash"),
        ("prettier", "pretiter"),
        ("request", "requests"),
        ("express", "expres"),
        ("chalk", "cha1k"),
    ],
)
def test_slips_and_forgeries_are_no_families(one, other):
    """A digit inside of a word stands for a letter; a plural is the commonest slip of all."""
    assert not same_family(one, other)
    assert not same_family(other, one)
