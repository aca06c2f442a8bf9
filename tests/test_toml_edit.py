"""Editing TOML that people also edit: what was meant, and not another byte."""

import difflib
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import toml_edit
from pipeline.model import Constraints, Verify
from pipeline.recipe import merge_constraints, set_verify
from pipeline.toml_edit import Change, Refusal, edit, encode
from pipeline.toml_scan import keys, scan

FOLDER = Path(__file__).parent / "fixtures" / "recipes"
TEXTS = {path.stem: path.read_bytes().decode() for path in sorted(FOLDER.glob("*.toml"))}
EDITABLE = [name for name in TEXTS if not name.startswith("refused-")]
REFUSED = [name for name in TEXTS if name.startswith("refused-")]
LISTS = ("supported_os", "supported_arch", "supported_libc", "unsupported_platforms")

WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
CONSTRAINTS = st.builds(
    Constraints,
    supported_os=st.lists(st.sampled_from(["linux", "darwin"]), unique=True),
    supported_arch=st.lists(st.sampled_from(["amd64", "arm64"]), unique=True),
    supported_libc=st.lists(st.sampled_from(["glibc", "musl"]), unique=True),
    unsupported_platforms=st.lists(st.sampled_from(["linux/arm64", "darwin/amd64", "linux/amd64/musl"]), unique=True),
    unsupported_reason=WORDS,
)


def lines(text):
    """Return the lines with their ends; only TOML's line ends count, so that U+2028 is part of a line."""
    return text.split("\n")


def changed_lines(before, after):
    """Return the lines that a diff shows as removed and as added."""
    diff = list(difflib.ndiff(lines(before), lines(after), charjunk=None))
    return [line[2:] for line in diff if line[0] == "-"], [line[2:] for line in diff if line[0] == "+"]


def own_lines(text, *wanted):
    """Return the lines of the statements that set some keys of a table at the top."""
    spans = [text[each.start : each.end] for each in scan(text) if each.path in wanted]
    return {line for span in spans for line in lines(span)}


def without_limits(text):
    """Return what a recipe says apart from its limits."""
    parsed = tomllib.loads(text)
    return {
        **parsed,
        "metadata": {
            key: value for key, value in parsed.get("metadata", {}).items() if key not in (*LISTS, "unsupported_reason")
        },
    }


@pytest.mark.parametrize("name", EDITABLE)
@given(constraints=CONSTRAINTS)
@settings(max_examples=25)
def test_merging_sets_exactly_the_constraints(name, constraints):
    """The merged recipe says the constraints, all else that it said, and merging again changes nothing."""
    merged = merge_constraints(TEXTS[name], constraints)
    assert isinstance(merged, str)
    metadata = tomllib.loads(merged).get("metadata", {})
    assert [metadata.get(key, []) for key in LISTS] == [getattr(constraints, key) for key in LISTS]
    assert metadata.get("unsupported_reason", "") == constraints.unsupported_reason
    assert without_limits(merged) == without_limits(TEXTS[name])
    assert merge_constraints(merged, constraints) == merged


@pytest.mark.parametrize("name", EDITABLE)
@given(constraints=CONSTRAINTS)
@settings(max_examples=25)
def test_merging_touches_only_its_own_lines(name, constraints):
    """A line diff shows no line but those of the constraint keys; line ends stay as they are."""
    text = TEXTS[name]
    merged = merge_constraints(text, constraints)
    paths = [("metadata", key) for key in (*LISTS, "unsupported_reason")]
    removed, added = changed_lines(text, merged)
    # A last line without an end gets one when another line follows it.
    last = lines(text)[-1]
    assert set(removed) <= own_lines(text, *paths) | {last}
    assert set(added) <= own_lines(merged, *paths) | {last + "\r", last}
    if "\r\n" in text:
        assert "\n" not in merged.replace("\r\n", "")


@pytest.mark.parametrize("name", EDITABLE)
@given(constraints=CONSTRAINTS)
@settings(max_examples=25)
def test_lifting_what_was_set_restores_every_byte(name, constraints):
    """A constraint that measurements no longer support leaves no trace."""
    free = merge_constraints(TEXTS[name], Constraints())
    merged = merge_constraints(free, constraints)
    assert merge_constraints(merged, Constraints()) == free


@pytest.mark.parametrize("name", [name for name in EDITABLE if name != "only-metadata"])
def test_lifting_from_a_recipe_without_limits_returns_it_unchanged(name):
    """Nothing to lift, nothing to write."""
    text = TEXTS[name]
    if not any(key in tomllib.loads(text)["metadata"] for key in (*LISTS, "unsupported_reason")):
        assert merge_constraints(text, Constraints()) == text


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_edited_safely_is_refused(name):
    """A form without lines of its own is a refusal with a reason, never a damaged file."""
    refusal = merge_constraints(TEXTS[name], Constraints(supported_libc=["glibc"], supported_os=["darwin"]))
    assert isinstance(refusal, Refusal)
    assert refusal.reason


@pytest.mark.parametrize("name", EDITABLE)
def test_verify_is_replaced_and_nothing_else(name):
    """The measured checks take the place of the written ones, and setting them again changes nothing."""
    text = TEXTS[name]
    checks = [
        Verify(command="tool -V", pattern="v{version}"),
        Verify(command='tool-"server" --version', pattern="{version}"),
    ]
    edited = set_verify(text, checks)
    assert isinstance(edited, str)
    assert tomllib.loads(edited)["verify"] == {
        "command": "tool -V",
        "pattern": "v{version}",
        "additional": [{"command": 'tool-"server" --version', "pattern": "{version}"}],
    }
    before = {key: value for key, value in tomllib.loads(text).items() if key != "verify"}
    assert {key: value for key, value in tomllib.loads(edited).items() if key != "verify"} == before
    assert set_verify(edited, checks) == edited


def test_a_new_key_stands_with_its_table_and_not_above_the_comment_of_the_next():
    """The comment of `[[steps]]` stays directly above it."""
    merged = merge_constraints(TEXTS["comments"], Constraints(supported_os=["linux"], supported_libc=["glibc"]))
    assert '# "any colour you like"\nsupported_os = ["linux"]\n# Set after' in merged
    assert "come between.\n\n# How it is installed\n[[steps]] # first\n" in merged


def test_a_comment_behind_a_changed_value_stays():
    """Only the value changes, also when it was written over several lines."""
    one_line = merge_constraints(TEXTS["comments"], Constraints(supported_libc=["musl"]))
    assert 'supported_libc = ["musl"] # see the report' in one_line
    many = merge_constraints(TEXTS["multi-line"], Constraints(unsupported_platforms=["linux/arm64"]))
    assert 'unsupported_platforms = ["linux/arm64"] # end of the list\n' in many


def test_a_missing_verify_table_is_added_at_the_end():
    """A recipe without checks gets the table behind an empty line."""
    assert set_verify("[metadata]", [Verify(command="t --version", pattern="{version}")]) == (
        '[metadata]\n\n[verify]\ncommand = "t --version"\npattern = "{version}"\n'
    )
    text = '[metadata]\r\nname = "t"\r\n'
    assert set_verify(text, [Verify(command="t --version", pattern="{version}")]) == (
        text + '\r\n[verify]\r\ncommand = "t --version"\r\npattern = "{version}"\r\n'
    )
    assert set_verify(text, []) == text


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("a = 1\n", Change(table="a", key="b", value="x")),
        ("a = {b = 1}\n", Change(table="a", key="b", value=None)),
        ("a = {b = 1}\n", Change(table="a", key="b", value=2)),
        ("[a.b]\nc = 1\n", Change(table="a", key="b", value="x")),
        ("[a]\nb.c = 1\n", Change(table="a", key="b", value="x")),
        ("a.b = {c = 1}\n[a.d]\n[e", Change(table="a", key="b", value="x")),
        ("[" * 5_000, Change(table="a", key="b", value="x")),
        ("a = " + "[" * 5_000 + "]" * 5_000, Change(table="a", key="b", value="x")),
    ],
)
def test_forms_without_a_line_of_their_own_are_refused(text, change):
    """Inline tables, keys spread over statements and text that is not TOML are left alone."""
    assert isinstance(edit(text, [change]), Refusal)


def test_removing_what_is_not_there_is_nothing():
    """A key, or a whole table, that is not there needs no edit."""
    assert edit("[a]\nb = 1\n", [Change(table="a", key="c", value=None)]) == "[a]\nb = 1\n"
    assert edit("[a]\nb = 1\n", [Change(table="x", key="c", value=None)]) == "[a]\nb = 1\n"


ABOVE, BELOW = "# above\n", "# below\n"


@pytest.mark.parametrize("value", ["y", None])
@pytest.mark.parametrize(
    "shift",
    [
        {"start": -len(ABOVE)},
        {"start": -1},
        {"start": 1},
        {"end": len(BELOW)},
        {"end": -1},
        {"end": len(BELOW + "c = 1\n")},
        {"value_start": -len("b = ") - 1},
        {"value_end": len("# b\n") + 2},
    ],
    ids=str,
)
def test_a_statement_that_was_mistaken_is_not_edited(monkeypatch, shift, value):
    """Should the scanner ever take another line for the statement's own, the proof refuses the edit."""

    def mistaken(text):
        for each in scan(text):
            moved = {field: getattr(each, field) + by for field, by in shift.items()}
            yield msgspec.structs.replace(each, **moved) if each.path == ("a", "b") else each

    monkeypatch.setattr(toml_edit, "scan", mistaken)
    text = f'[a]\n{ABOVE}b = "x" # b\n{BELOW}c = 1\n'
    assert isinstance(edit(text, [Change(table="a", key="b", value=value)]), Refusal)


def test_an_edit_that_says_something_else_is_refused(monkeypatch):
    """Should a value ever be written wrongly, the outcome does not parse to what was meant."""
    monkeypatch.setattr(toml_edit, "encode", lambda value: '"wrong"')
    refusal = edit("[a]\nb = 1\n", [Change(table="a", key="b", value="y")])
    assert refusal == Refusal(reason="the edited text would not say what was meant")


@given(st.recursive(WORDS | st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=6), WORDS, WORDS)
def test_scanning_finds_each_statement_of_any_value(value, key, comment):
    """Whatever a value holds, its statement ends where the next begins."""
    written = f"[{', '.join(map(encode_any, value))}]" if isinstance(value, list) else encode(value)
    comment = "".join(char for char in comment if char.isprintable())
    text = f"[t]\n{encode(key)} = {written} # {comment}\n{encode(key + 'x')} = 1\n"
    found = list(scan(text))
    assert [each.path for each in found] == [("t",), ("t", key), ("t", key + "x")]
    assert text[found[1].value_start : found[1].value_end] == written
    assert "".join(text[each.start : each.end] for each in found) == text


def encode_any(value):
    """Return any nested value as TOML."""
    return f"[{', '.join(map(encode_any, value))}]" if isinstance(value, list) else encode(value)


@given(WORDS)
def test_every_text_is_encoded_so_that_it_reads_back(value):
    """Quotes, control characters and anything else survive the way into a file and back."""
    assert tomllib.loads(f"a = {encode(value)}\nb = {encode([value])}\nc = {encode([{'k': value}])}") == {
        "a": value,
        "b": [value],
        "c": [{"k": value}],
    }


def test_keys_are_read_with_their_quotes():
    """Bare, quoted and dotted keys with spaces are the same key when they mean the same."""
    assert keys("a . \"b.c\" . 'd\\e'") == ("a", "b.c", "d\\e")
