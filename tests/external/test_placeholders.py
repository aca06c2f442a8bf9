"""The placeholders of a command are checked when the configuration is read, and filled in without a shell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadInput
from pipeline.placeholders import GENERATOR, filled, generator_defect, validator_defect
from pipeline.settings import load_config
from pipeline.store import Paths

GOOD = ["tsuku", "create", "{name}", "--from", "npm:{identifier}", "--output={output}"]


def test_values_stand_inside_arguments():
    """Also within a word, and more than once."""
    values = {"name": "fd", "identifier": "fd-find", "output": "/job/fd.toml", "source": "cargo:fd-find"}
    assert filled(GOOD, values) == ("tsuku", "create", "fd", "--from", "npm:fd-find", "--output=/job/fd.toml")


@given(value=st.text(), words=st.lists(st.text(), max_size=5))
def test_a_value_is_never_filled_in_again_and_never_makes_another_argument(value, words):
    """A package called `{output}; rm x` stays one argument with that text."""
    command = ["program", *words, "{name}", "{output}"]
    got = filled(command, dict.fromkeys(GENERATOR, value))
    assert len(got) == len(command)
    assert got[-2:] == (value, value)


def test_other_braces_are_left_alone():
    """jq's and awk's programs are full of them."""
    assert filled(["jq", "{a: .b}", "{A}", "{}", "{name}"], {"name": "x"}) == ("jq", "{a: .b}", "{A}", "{}", "x")


@pytest.mark.parametrize(
    ("command", "pointer", "rule", "remedy"),
    [
        (["make", "{nane}", "{output}"], "/c/1", "there is no placeholder {nane} here", "did you mean {name}?"),
        (["make", "{recipe}", "{output}"], "/c/1", "there is no placeholder {recipe} here", ""),
        (["{name}", "{output}"], "/c/0", "the program itself takes no placeholder", "write it out"),
        (["make", "{name}"], "/c", "the command must hold {output}", "add it where it belongs"),
        (["make", "{output}"], "/c", "the command must hold {name} or {source} or {identifier}", ""),
    ],
)
def test_a_wrong_generator_is_named_with_its_place(command, pointer, rule, remedy):
    """The nearest placeholder is proposed."""
    defect = generator_defect(command, "/c")
    assert defect is not None
    assert (defect.pointer, defect.rule) == (pointer, rule)
    assert remedy in defect.remedy


def test_a_validator_must_be_given_the_recipe():
    """Else it says the same of every recipe."""
    assert validator_defect(["try", "{recipe}", "{platform}"], "/c") is None
    defect = validator_defect(["try", "{name}"], "/c")
    assert defect is not None
    assert defect.rule == "the command must hold {recipe}"
    assert generator_defect(GOOD, "/c") is None


GENERATOR_LINE = "command: [make, '{name}', '{output}']"


@pytest.mark.parametrize(
    ("text", "rule", "remedy"),
    [
        (
            "ecosystems: {npm: {generator: command}}",
            "/ecosystems/npm/command: the generator `command` needs a command",
            "set it: [program, argument, ...]",
        ),
        (
            f"ecosystems: {{npm: {{{GENERATOR_LINE}}}}}",
            "/ecosystems/npm/command: the generator `native` runs no command",
            "remove it, or set the generator to `command`",
        ),
        (
            "platforms: {darwin-arm64: {command: [try, '{recipe}']}}",
            "/platforms/darwin-arm64/command: the runner `static` runs no command",
            "remove it, or set the runner to `external`",
        ),
        (
            "platforms: {darwin-arm64: {runner: external, command: [try, '{recip}']}}",
            "/platforms/darwin-arm64/command/1: there is no placeholder {recip} here",
            "did you mean {recipe}?",
        ),
        (
            "ecosystems: {npmm: {generator: native, requests_per_second: 1}}",
            "/ecosystems/npmm: unknown ecosystem 'npmm'",
            "did you mean 'npm'?",
        ),
    ],
)
def test_a_command_stands_exactly_where_one_is_run(tmp_path, text, rule, remedy):
    """One clear line: the file, the place, the rule, the remedy."""
    paths = Paths(tmp_path)
    paths.config.write_text(text)
    with pytest.raises(BadInput) as caught:
        load_config(paths, [])
    assert caught.value.line() == f"{paths.config}: {rule}; remedy: {remedy}"


def test_an_ecosystem_of_ones_own_has_any_name(tmp_path):
    """It may also be asked for in `batch.ecosystems`, and commands may come from the command line."""
    paths = Paths(tmp_path)
    own = f"tools: {{generator: command, requests_per_second: 2, {GENERATOR_LINE}}}"
    paths.config.write_text(f"ecosystems: {{{own}}}\nbatch: {{ecosystems: [tools]}}\n")
    assert load_config(paths, []).ecosystems["tools"].command == ["make", "{name}", "{output}"]
    typed = [("ecosystems.go.generator", "command"), ("ecosystems.go.command", "[mine, '{source}', '{output}']")]
    assert load_config(paths, typed).ecosystems["go"].command == ["mine", "{source}", "{output}"]
    with pytest.raises(BadInput) as caught:
        load_config(paths, typed[:1])
    assert caught.value.line().startswith("command line: /ecosystems/go/command: the generator `command` needs")
