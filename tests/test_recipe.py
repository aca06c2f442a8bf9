"""The recipe's file: what is meant is what is read, in the order of the format, accepted by its strict reader."""

import tomllib
from pathlib import Path

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Recipe, Step, Verify, When
from pipeline.recipe import recipe_path, render, runs_commands, same_package, set_verify, strict_check
from pipeline.recipe_rules import FORBIDDEN_WORDS, METADATA_KEYS, VERIFY_KEYS

FOLDER = Path(__file__).parent / "fixtures" / "recipes"

NAMES = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,3}", fullmatch=True)
EXECUTABLES = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._+-]{0,20}", fullmatch=True).filter(
    lambda name: name not in FORBIDDEN_WORDS
)
LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60)
ACTIONS = st.sampled_from([("npm_install", "package"), ("pipx_install", "package"), ("cargo_install", "crate")])
# `"`, `\` and unicode in addresses are legal here, a scheme that runs code inside one is not.
HOMEPAGES = st.one_of(
    st.just(""),
    st.from_regex(r"https://[a-z0-9.é\"\\/?&=-]{1,40}", fullmatch=True).filter(lambda url: ":" not in url[8:]),
)


@st.composite
def recipes(draw):
    """Draw any valid recipe of an ecosystem with executables."""
    action, key = draw(ACTIONS)
    executables = draw(st.lists(EXECUTABLES, min_size=1, max_size=4, unique=True))
    package = draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
    return Recipe(
        name=draw(NAMES),
        description=draw(LINES),
        homepage=draw(HOMEPAGES),
        steps=[Step(action=action, params={key: package, "executables": executables})],
        executables=executables,
    )


CHECKS = st.lists(
    st.one_of(
        st.builds(Verify, command=EXECUTABLES.map(lambda name: f"{name} --version"), pattern=st.just("{version}")),
        st.builds(
            Verify,
            command=EXECUTABLES.map(lambda name: f"{name} --help"),
            mode=st.just("output"),
            pattern=st.sampled_from(["", "Usage"]),
            reason=st.just("it prints no version"),
            exit_code=st.integers(0, 3),
        ),
    ),
    max_size=4,
)


@given(recipes(), CHECKS)
def test_what_is_written_is_what_is_read(recipe, checks):
    """Parsed again, the file holds the recipe and nothing else: no empty keys, no defaults."""
    parsed = tomllib.loads(render(recipe, checks))
    wanted = {"name": recipe.name, "description": recipe.description, "homepage": recipe.homepage}
    assert parsed["metadata"] == {key: value for key, value in wanted.items() if value}
    assert parsed["steps"] == [{"action": step.action, **step.params} for step in recipe.steps]
    assert list(parsed) == ["metadata", "steps", "verify"]
    assert all(value not in ("", [], 0) for value in parsed["verify"].values())


@given(recipes(), CHECKS)
def test_every_rendered_recipe_passes_the_strict_reader(recipe, checks):
    """No valid recipe is written in a form that its reader refuses."""
    assert strict_check(render(recipe, checks)) == []


@given(recipes(), CHECKS.filter(bool))
def test_setting_the_verify_of_a_rendered_recipe_is_rendering_it(recipe, checks):
    """Whether checks are known at once or later, the bytes are the same in meaning and the rest is untouched."""
    assert tomllib.loads(str(set_verify(render(recipe), checks))) == tomllib.loads(render(recipe, checks))


def test_the_bytes_are_those_of_the_format():
    """Tables and keys stand in the order of the format, one empty line between tables."""
    recipe = Recipe(
        name="black",
        description='Says "no"',
        homepage="https://example.org",
        steps=[
            Step(action="pipx_install", params={"package": "black", "executables": ["black", "blackd"], "extra": ""})
        ],
        executables=["black", "blackd"],
    )
    checks = [
        Verify(command="blackd --help", mode="output", reason="it prints no version"),
        Verify(command="black --version", pattern="{version}"),
        Verify(command="black -V", pattern="{version}"),
        Verify(command="blackd --usage", pattern="usage", exit_code=1),
    ]
    assert render(recipe, checks) == (
        "[metadata]\n"
        'name = "black"\n'
        'description = "Says \\"no\\""\n'
        'homepage = "https://example.org"\n'
        "\n"
        "[[steps]]\n"
        'action = "pipx_install"\n'
        'package = "black"\n'
        'executables = ["black", "blackd"]\n'
        "\n"
        "[verify]\n"
        'command = "black --version"\n'
        'pattern = "{version}"\n'
        "additional = [\n"
        '  {command = "black -V", pattern = "{version}"},\n'
        "]\n"
    )


def test_a_step_says_where_it_is_for_before_its_other_keys():
    """`when` follows the action, without what says nothing; the strict reader accepts it."""
    here, there = When(os=["linux"], arch="amd64", libc=["glibc"]), When(platform=["darwin/arm64"])
    params = {"repo": "a/b", "strip_dirs": 1, "os_mapping": {"linux": "Linux"}}
    steps = [Step(action="github_archive", when=when, params=params) for when in (here, there)]
    text = render(Recipe(name="b", steps=steps, executables=["b"]))
    assert 'action = "github_archive"\nwhen = {os = ["linux"], arch = "amd64", libc = ["glibc"]}\nrepo' in text
    assert 'when = {platform = ["darwin/arm64"]}\nrepo = "a/b"\nstrip_dirs = 1\n' in text
    assert strict_check(text) == []


def test_before_measuring_the_first_executable_is_asked_for_its_version():
    """The default check is `--version`; a word that the reader forbids is passed over when there is another."""
    step = Step(action="npm_install", params={"package": "p"})
    assert 'command = "a --version"\n' in render(Recipe(name="p", steps=[step], executables=["a", "b"]))
    assert 'command = "b --version"\n' in render(Recipe(name="p", steps=[step], executables=["rm", "b"]))
    assert strict_check(render(Recipe(name="p", steps=[step], executables=["rm"]))) == [
        "verify.command: must not hold rm"
    ]


def test_a_tool_that_prints_no_version_is_checked_in_output_mode():
    """Mode, reason and exit code are written when they say something."""
    step = Step(action="npm_install", params={"package": "p"})
    check = Verify(command="p --help", mode="output", reason="it prints no version", exit_code=2)
    text = render(Recipe(name="p", steps=[step], executables=["p"]), [check])
    assert text.endswith('command = "p --help"\nmode = "output"\nreason = "it prints no version"\nexit_code = 2\n')


@pytest.mark.parametrize(("name", "path"), [("prettier", "recipes/p/prettier.toml"), ("7zip", "recipes/7/7zip.toml")])
def test_a_recipe_lives_under_its_first_letter(name, path):
    """Names may begin with a digit."""
    assert recipe_path(name) == path


@pytest.mark.parametrize(
    ("fixture", "action", "package", "same"),
    [
        ("plain", "npm_install", "prettier", True),
        ("plain", "npm_install", "prettierd", False),
        ("plain", "pipx_install", "prettier", False),
        ("unicode", "pipx_install", "tool-name", True),
        ("run-command", "npm_install", "tool", True),
        ("sub-tables", "npm_install", "tool", False),
        ("only-metadata", "npm_install", "tool", False),
        ("refused-not-toml", "npm_install", "tool", False),
    ],
)
def test_a_recipe_of_another_package_is_told_apart(fixture, action, package, same):
    """Same actions on the same packages; PyPI names are one in any spelling; another source is another package."""
    recipe = Recipe(name="tool", steps=[Step(action=action, params={"package": package})], executables=["tool"])
    assert same_package((FOLDER / f"{fixture}.toml").read_text(encoding="utf-8"), recipe) is same


@pytest.mark.parametrize(("fixture", "runs"), [("plain", False), ("run-command", True), ("refused-not-toml", True)])
def test_a_recipe_that_runs_shell_is_recognised(fixture, runs):
    """Also what cannot be read is held for a person."""
    assert runs_commands((FOLDER / f"{fixture}.toml").read_text(encoding="utf-8")) is runs


GOOD = """[metadata]
name = "tool"
{metadata}
[[steps]]
action = "npm_install"
package = "tool"
{step}
[verify]
{verify}
"""
CHECK = 'command = "tool --version"\npattern = "{version}"'


def written(metadata="", step='executables = ["tool"]', verify=CHECK):
    """Return a recipe with some lines exchanged."""
    return GOOD.replace("{metadata}", metadata).replace("{step}", step).replace("{verify}", verify)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        (written(), None),
        (written('homepage = "http://example.org"'), "metadata.homepage"),
        (written('homepage = "https://example.org/?u=javascript:x"'), "metadata.homepage"),
        (written('unknown = "x"'), "metadata.unknown"),
        (written('description = ""'), "metadata.description: empty"),
        (written('type = "thing"'), "metadata.type"),
        (written('supported_os = "linux"'), "metadata"),
        (written("supported_os = []"), "metadata.supported_os: empty"),
        (written('unsupported_platforms = ["linux/debian"]'), "metadata.unsupported_platforms"),
        (written('supported_os = ["linux"]\nunsupported_platforms = ["linux/amd64", "linux/arm64"]'), "metadata: no"),
        (written('unsupported_reason = "two\\nlines"'), "metadata.unsupported_reason"),
        (written().replace('name = "tool"', 'name = "My Tool"'), "metadata.name"),
        (written().replace('name = "tool"\n', ""), "metadata.name"),
        (written(step='executables = ["../tool"]'), "steps[0].executables"),
        (written(step='when = {os = ["linux"], libc = ["musl"]}'), None),
        (written(step='when = {distribution = "debian"}'), "steps[0].when.distribution"),
        (written(step="when = {os = []}"), "steps[0].when.os: empty"),
        (written(step='when = {platform = ["darwin/arm64"], os = ["linux"]}'), "steps[0].when.platform"),
        (written().replace('package = "tool"\n', ""), "steps[0].package"),
        (written().replace('action = "npm_install"\n', ""), "steps[0].action"),
        ('[metadata]\nname = "tool"\n[verify]\n' + CHECK, "steps: at least one"),
        ("steps = [1]\n" + '[metadata]\nname = "tool"\n[verify]\n' + CHECK, "steps[0].action"),
        (written(verify='pattern = "{version}"'), "verify.command: is needed"),
        (written(verify=CHECK.replace("{version}", "1.0")), "verify.pattern"),
        (written(verify=f'{CHECK}\npatterns = ["{{version}}"]'), "verify.patterns"),
        (written(verify='command = "tool"\npatterns = ["tool {version}"]'), None),
        (written(verify='command = "tool"\nmode = "output"'), "verify.reason"),
        (written(verify='command = "tool"\nmode = "output"\nreason = "it prints none"'), None),
        (written(verify=f'{CHECK}\nmode = "functional"'), "verify.mode"),
        (written(verify=CHECK + '\nadditional = [{command = "eval x"}]'), "verify.additional[0].command"),
        (written(verify=CHECK + '\nadditional = [{command = "x"}]'), "verify.additional[0].pattern"),
        *(
            (written(verify=CHECK.replace("tool --version", command)), "verify.command: must not hold")
            for command in ("a && b", "a || b", "a $(b)", "a `b`", "eval a", "x;exec b", "a | rm b", "a; rm")
        ),
        (written(verify=CHECK.replace("tool --version", "git-rm --exec-path --eval=1")), None),
        (written() + "[extra]\nx = 1\n", "extra: unknown key"),
        ("not toml", "not TOML"),
        ("metadata = 1\nsteps = 2\nverify = 3\nversion = 4", "metadata.name"),
    ],
)
def test_the_strict_reader_names_each_broken_rule(text, broken):
    """One line for each rule, with the place first; a good recipe has none."""
    found = strict_check(text)
    if broken is None:
        assert found == []
    else:
        assert any(line.startswith(broken) for line in found), found


VALUES = st.recursive(
    st.integers() | st.booleans() | LINES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["command", "action", "x"]), inner),
    max_leaves=5,
)
TABLES = st.dictionaries(st.sampled_from([*METADATA_KEYS, *VERIFY_KEYS, "action", "executables"]), VALUES)


@given(st.dictionaries(st.sampled_from(["metadata", "version", "steps", "verify"]), TABLES | st.lists(TABLES) | VALUES))
def test_any_wrong_type_is_a_broken_rule_and_never_a_crash(raw):
    """People write recipes too: each value may have any type."""
    text = tomlkit.dumps(raw)
    assert all(isinstance(line, str) for line in strict_check(text))
    assert runs_commands(text) in {True, False}


def test_a_library_needs_no_verify():
    """Libraries are files, there is nothing to run."""
    text = '[metadata]\nname = "lib"\ntype = "library"\n[[steps]]\naction = "homebrew"\nformula = "lib"\n'
    assert strict_check(text) == []
