"""What a `go.mod` says, and the rules for Go's paths and versions."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import gomod
from pipeline.gomod import GoMod, parse_go_mod

WHOLE = """\
// A comment of the file.

// Deprecated: use example.com/new
// instead.
//
// It has a history.
module "example.com/old" // trailing

go 1.22.1
toolchain go1.23.0 // the newest

require (
\texample.org/ink v1.0.0
\texample.org/oil v2.0.0+incompatible // indirect
)

replace example.org/ink v1.0.0 => ../ink

replace (
\texample.org/a => example.org/b v1.2.3
)

exclude example.org/oil v1.9.9

// Broken on Tuesdays.
retract v1.0.0

retract (
\tv1.1.0 // spills
\t[v1.2.0, v1.3.0]
)
"""


def parsed(text: str) -> GoMod:
    found = parse_go_mod(text.encode())
    assert isinstance(found, GoMod), found
    return found


def test_every_directive_that_matters_is_read():
    """Single lines and blocks, quoted words, comments above and behind."""
    found = parsed(WHOLE)
    assert (found.module, found.go, found.toolchain) == ("example.com/old", "1.22.1", "go1.23.0")
    assert found.deprecated == "use example.com/new instead."
    assert found.replaces == ("example.org/ink", "example.org/a")
    assert found.excludes == ("example.org/oil",)
    assert found.retracted == (
        ("v1.0.0", "v1.0.0", "Broken on Tuesdays."),
        ("v1.1.0", "v1.1.0", "spills"),
        ("v1.2.0", "v1.3.0", ""),
    )


@pytest.mark.parametrize(
    ("version", "reason"),
    [("v1.0.0", "Broken on Tuesdays."), ("v1.2.5", ""), ("v1.3.0", ""), ("v1.3.1", None), ("v1.0.1", None)],
)
def test_retracted_ranges_are_closed(version, reason):
    """A version is retracted when it lies in a range, its ends included."""
    assert parsed(WHOLE).retraction(version) == reason


@pytest.mark.parametrize(
    ("text", "deprecated"),
    [
        ("module a.b/c // Deprecated: gone", "gone"),
        ("// Deprecated:\nmodule a.b/c", "no reason given"),
        ("// Deprecated: far away\n\nmodule a.b/c", ""),
        ("// This was Deprecated: never\nmodule a.b/c", ""),
        ("// First.\n//\n// Deprecated: second paragraph\nmodule a.b/c", "second paragraph"),
        ("module a.b/c\n// Deprecated: below", ""),
    ],
)
def test_deprecation_is_a_paragraph_at_the_module_line(text, deprecated):
    """As the reference says: a paragraph that begins so, in the comment above or behind the module directive."""
    assert parsed(text).deprecated == deprecated


@pytest.mark.parametrize(
    "content", [b"", b"go 1.2\n", b"module\n", b"module a.b/c\nmodule a.b/d\n", b"\xff\xfe", b"<html>"]
)
def test_what_is_no_go_mod_is_refused_in_one_line(content):
    """Without exactly one module line, or not in UTF-8, it is none."""
    found = parse_go_mod(content)
    assert isinstance(found, str)
    assert found.isprintable()


def test_a_huge_go_mod_is_not_read():
    """There is a limit far above the largest that was seen."""
    assert parse_go_mod(b"module a.b/c\n" + b"/" * gomod.GO_MOD_LIMIT) == "go.mod is larger than 1048576 bytes"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | st.text(alphabet='modulereplactx()[]"`/ \n\t,=>v1.', max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(content):
    """No file of a stranger ends in an exception."""
    found = parse_go_mod(content)
    assert isinstance(found, GoMod | str)
    if isinstance(found, GoMod):
        assert found.retraction("v1.0.0") is None or isinstance(found.retraction("v1.0.0"), str)


# From the specification of semantic versioning, and Go's own spelling; each is higher than the one before.
ASCENDING = [
    "v0.0.0-20240101000000-abcdefabcdef",
    "v0.1.0",
    "v1.0.0-alpha",
    "v1.0.0-alpha.1",
    "v1.0.0-alpha.beta",
    "v1.0.0-beta.2",
    "v1.0.0-beta.11",
    "v1.0.0-rc.1",
    "v1.0.0",
    "v1.0.1-0.20240101000000-abcdefabcdef",
    "v1.2.0",
    "v1.10.0",
    "v2.0.0+incompatible",
]


def test_versions_are_ordered_by_semantic_versioning():
    """Numbers count as numbers, and a pre-release comes before its release."""
    assert sorted(sorted(ASCENDING), key=gomod.precedence) == ASCENDING
    assert [version for version in ASCENDING if gomod.is_release(version)] == [
        "v0.1.0",
        "v1.0.0",
        "v1.2.0",
        "v1.10.0",
        "v2.0.0+incompatible",
    ]


@pytest.mark.parametrize("text", ["1.0.0", "v1", "v1.0", "v01.0.0", "v1.0.0-", "master", "", "v1.0.0 ", "v1.0.0\n"])
def test_what_is_no_version_is_none(text):
    """Go takes only the whole form with its `v`."""
    assert not gomod.is_version(text)
    assert gomod.precedence(text) < gomod.precedence("v0.0.0-0")


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("github.com/Acme/x", True),
        ("gopkg.in/yaml.v3", True),
        ("example.com", True),
        ("a.b/~user/x_y+z", True),
        ("nodot/x", False),
        ("Example.com/x", False),
        ("a.b/.x", False),
        ("a.b/x.", False),
        ("a.b//x", False),
        ("a.b/x/", False),
        ("a.b/x@v1", False),
        ("-a.b/x", False),
        ("a.b/ä", False),
    ],
)
def test_paths_are_what_the_go_command_downloads(path, holds):
    """The first element is a host in lower case; no element begins or ends with a full stop."""
    assert gomod.is_path(path) is holds


@given(st.from_regex(r"[A-Za-z0-9./~_-]{0,30}", fullmatch=True))
def test_escaping_can_be_undone(path):
    """Two paths never share one escaped form, even where case is ignored."""
    escaped = gomod.escaped(path)
    assert escaped == escaped.lower()
    assert re.sub(r"!([a-z])", lambda match: match[1].upper(), escaped) == path


@pytest.mark.parametrize(
    ("path", "modules"),
    [
        (
            "github.com/a/b/v2/cmd/x",
            ["github.com/a/b/v2/cmd/x", "github.com/a/b/v2/cmd", "github.com/a/b/v2", "github.com/a/b"],
        ),
        ("a.b/c", ["a.b/c", "a.b"]),
        ("github.com/a", ["github.com/a"]),
    ],
)
def test_modules_are_looked_for_from_the_longest_path(path, modules):
    """As the go command does, but never above a repository of the one forge whose depth is fixed."""
    assert gomod.prefixes(path) == modules


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.b/c/cmd/x", "x"),
        ("a.b/c/v2", "c"),
        ("a.b/c/v10", "c"),
        ("a.b/c/v1", "v1"),
        ("a.b/c/v02", "v02"),
        ("gopkg.in/c.v3", "c.v3"),
        ("v2", "v2"),
    ],
)
def test_commands_are_called_after_their_path(path, name):
    """The last element, but not the suffix of a major version."""
    assert gomod.base_name(path) == name
