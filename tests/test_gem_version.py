"""RubyGems' order of versions, as a relation and against the rules of its documentation."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.gem_version import GemVersion, compare, order, parse, satisfies

SEGMENTS = st.one_of(st.integers(0, 12).map(str), st.sampled_from(["a", "b", "beta2", "pre", "rc1", "RC", "0"]))
TEXTS = st.builds(
    lambda first, rest, dash: ".".join([str(first), *rest]) + dash,
    st.integers(0, 3),
    st.lists(SEGMENTS, max_size=4),
    st.sampled_from(["", "", "-1", "-rc.2"]),
)
VERSIONS = TEXTS.map(lambda text: parse(text) or GemVersion((0,)))


@given(VERSIONS, VERSIONS, VERSIONS)
@settings(max_examples=200)
def test_the_order_is_total(one, two, three):
    """Antisymmetric and transitive: what is chosen does not depend on the order of the answer."""
    assert compare(one, two) == -compare(two, one)
    low, middle, high = sorted((one, two, three), key=order)
    assert compare(low, middle) <= 0
    assert compare(middle, high) <= 0
    assert compare(low, high) <= 0


@given(VERSIONS)
def test_trailing_zeros_mean_nothing(version):
    """`1.0` and `1` are one version, also before a word."""
    if not version.is_prerelease:
        assert compare(GemVersion((*version.segments, 0, 0)), version) == 0
    numbers = version.release().segments
    assert compare(GemVersion((*numbers, 0, *version.segments[len(numbers) :])), version) == 0


@given(VERSIONS)
def test_a_prerelease_comes_before_its_release(version):
    """A word comes before any number, and so before nothing at all."""
    assert (compare(version, version.release()) < 0) == version.is_prerelease


@given(VERSIONS, VERSIONS)
def test_requirements_agree_with_the_order(wanted, version):
    """Each operator says what the comparison says; `~>` never goes further than `>=`."""
    text = ".".join(map(str, wanted.segments))
    compared = compare(version, wanted)
    for operator, holds in (("=", compared == 0), ("!=", compared != 0), (">", compared > 0), (">=", compared >= 0)):
        assert satisfies(f"{operator} {text}", version) is holds
    for operator, holds in (("<", compared < 0), ("<=", compared <= 0)):
        assert satisfies(f"{operator} {text}", version) is holds
    assert satisfies(f"~> {text}", version) in (False, compared >= 0)


@pytest.mark.parametrize(
    ("requirement", "version", "expected"),
    [
        (">= 2.5", "2.10.0", True),
        ("~> 2.5", "3.0", False),
        ("~> 2.5.1", "2.5.9", True),
        ("~> 2.5.1", "2.6", False),
        ("~> 3", "3.9", True),
        (">= 2.7, < 4", "3.1.7", True),
        (">= 2.7, < 3", "3.1.7", False),
        ("2.0", "2.0.0", True),
        ("", "1.0", True),
        ("wanted", "1.0", None),
        (">= 1, => 2", "1.0", None),
    ],
)
def test_requirements_of_several_clauses(requirement, version, expected):
    """All clauses must hold; one that cannot be read gives no answer."""
    parsed = parse(version)
    assert parsed is not None
    assert satisfies(requirement, parsed) is expected


@pytest.mark.parametrize("text", ["", "1.", ".1", "v1", "1 2", "1\n", "1..2", "x", "1" * 101, "1_0", "1.0+3"])
def test_what_is_no_version(text):
    """Anything else than RubyGems' own pattern is none, a last newline too."""
    assert parse(text) is None


@pytest.mark.skipif(shutil.which("ruby") is None, reason="ruby is not on this machine")
@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=40, max_size=60))
def test_the_order_is_that_of_ruby(pairs):
    """The real `Gem::Version` compares pairs as this module does."""
    script = "STDIN.each_line(chomp: true) { |l| a, b = l.split; puts Gem::Version.new(a) <=> Gem::Version.new(b) }"
    lines = "".join(f"{one} {two}\n" for one, two in pairs)
    asked = subprocess.run(["ruby", "-e", script], input=lines, capture_output=True, text=True, check=True, timeout=60)
    said = [int(line) for line in asked.stdout.split()]
    versions = [(parse(one), parse(two)) for one, two in pairs]
    assert said == [compare(one, two) for one, two in versions if one is not None and two is not None]
