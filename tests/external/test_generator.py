"""A program of the user's makes a recipe: its bytes are kept, and what it did not say stays unknown."""

import json
from pathlib import Path

import pytest

from pipeline.config import EcosystemConfig, GeneratorKind
from pipeline.ecosystems.base import Draft, Made
from pipeline.external.generator import make
from pipeline.external.process import Workshop, run_program
from pipeline.model import Evidence, Failed, Origin, Skipped, Step, Subcategory, WorkOrder
from pipeline.recipe import strict_check
from pipeline.store import decode, encode
from tests.builders import NOW
from tests.fakes_program import FakeProgram, recipe_text

S = Subcategory


@pytest.fixture
def program(tmp_path: Path) -> FakeProgram:
    return FakeProgram(tmp_path / "bin")


def made(tmp_path: Path, identifier: str = "tool", name: str = "tool", timeout: float = 60) -> Made:
    config = EcosystemConfig(
        generator=GeneratorKind.COMMAND,
        requests_per_second=1,
        command=["bin/program", "{identifier}", "{output}", "{name}", "{source}"],
    )
    workshop = Workshop(root=tmp_path, jobs=tmp_path / "jobs", environment={"PATH": "/usr/bin:/bin"}, run=run_program)
    return make(WorkOrder(source=f"mine:{identifier}", name=name), config, timeout, workshop, NOW)


def drafted(tmp_path: Path) -> Draft:
    found = made(tmp_path)
    assert isinstance(found, Draft), found
    return found


def refused(tmp_path: Path, rule: str) -> None:
    """Check that the program ended well and that what it wrote is refused for this rule, for good."""
    found = made(tmp_path)
    assert isinstance(found, Failed), found
    assert (found.subcategory, found.transient, found.exit_code) == (S.BAD_RECIPE, False, 0)
    assert found.message == f"program ended well, but {rule}"


def test_the_recipe_is_kept_byte_for_byte(program: FakeProgram, tmp_path: Path) -> None:
    """Comments, spaces and line ends are the program's; nothing is rendered anew."""
    text = recipe_text("tool").replace("\n", "\r\n")
    program.on("tool", recipe=text)
    draft = drafted(tmp_path)
    assert draft.text == text
    assert (draft.recipe.name, draft.recipe.executables) == ("tool", ["tool"])
    assert draft.recipe.steps == [
        Step(action="npm_install", params={"package": "tool", "executables": ["tool"]}),
    ]


def test_the_program_is_told_what_to_make(program: FakeProgram, tmp_path: Path) -> None:
    """The recipe's name, the identifier, the key, and a file that is not there yet."""
    program.on("@scope/tool", recipe=recipe_text("cool-tool"))
    assert isinstance(made(tmp_path, "@scope/tool", "Cool Tool"), Draft)
    (call,) = program.calls()
    identifier, output, name, source = call["arguments"]
    assert (identifier, name, source) == ("@scope/tool", "cool-tool", "mine:@scope/tool")
    assert output == f"{call['folder']}/cool-tool.toml"
    assert "file" not in call
    assert list((tmp_path / "jobs").iterdir()) == [], "the folder is gone"


def test_what_nobody_said_is_unknown(program: FakeProgram, tmp_path: Path) -> None:
    """The version is an empty text, and a reviewer reads what is missing."""
    program.on("tool", recipe=recipe_text("tool"))
    evidence = drafted(tmp_path).evidence
    assert (evidence.version, evidence.license.spdx, evidence.released_at, evidence.age_days) == ("", None, None, None)
    assert evidence.risks == [
        "made by program, a program of your own; nothing of it was looked up here",
        "program does not say its version, its release time, its licence, its repository",
    ]
    assert {each.origin for each in evidence.fields} == {Origin.GENERATOR}
    assert [each.field for each in evidence.fields] == ["description", "homepage", "executables"]


def test_what_the_program_says_is_evidence(program: FakeProgram, tmp_path: Path) -> None:
    """Version, licence, repository and release time, with the generator as their origin."""
    answer = {
        "version": "1.2.3",
        "license": "MIT License",
        "repository": "https://git.example/tool",
        "released_at": "2026-02-01T00:00:00Z",
    }
    program.on("tool", recipe=recipe_text("tool"), output=f"working\n{json.dumps(answer)}\n")
    evidence = drafted(tmp_path).evidence
    assert (evidence.version, evidence.license.spdx) == ("1.2.3", "MIT")
    assert (evidence.repository, evidence.released_at) == ("https://git.example/tool", "2026-02-01T00:00:00Z")
    assert evidence.age_days == 29.5
    assert len(evidence.risks) == 1
    assert evidence.fields[0].field == "version"
    assert decode(encode(evidence), Evidence, place="test") == evidence


def test_another_recipe_or_version_is_another_upstream(program: FakeProgram, tmp_path: Path) -> None:
    """So a recheck sees that something has changed, and that nothing has."""
    seen = set()
    for recipe, version in [("a", "1"), ("a", "1"), ("a", "2"), ("b", "1")]:
        program.on("tool", recipe=f"# {recipe}\n{recipe_text('tool')}", output=json.dumps({"version": version}))
        seen.add(drafted(tmp_path).evidence.upstream)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("behaviour", "rule"),
    [
        ({}, "it wrote no recipe"),
        ({"does": "link"}, "what it wrote is a symbolic link"),
        ({"does": "folder"}, "what it wrote is no regular file"),
        ({"does": "pipe"}, "what it wrote is no regular file"),
        ({"recipe": "#" * 300_000}, "its recipe has more than 262,144 bytes"),
        ({"recipe": "name = '\udcff'"}, "its recipe is not UTF-8"),
        ({"recipe": recipe_text("other")}, "its recipe is called other, not tool"),
        ({"recipe": recipe_text("tool").replace("https://", "http://")}, None),
        ({"recipe": recipe_text("tool").replace("tool --version", "rm -rf x")}, None),
        ({"recipe": recipe_text("tool").replace("[metadata]", "[meta]")}, None),
        ({"recipe": "garbage"}, None),
    ],
)
def test_a_recipe_that_breaks_a_rule_is_refused(
    program: FakeProgram, tmp_path: Path, behaviour: dict[str, str], rule: str | None
) -> None:
    """Exit code 0 is not enough: the reader's strict rules hold for programs too."""
    program.on("tool", **behaviour)
    refused(tmp_path, rule or f"its recipe breaks a rule: {strict_check(behaviour['recipe'])[0]}")


def test_a_rule_of_the_record_is_said_in_one_line(program: FakeProgram, tmp_path: Path) -> None:
    """The strict rules of the reader leave dependencies alone; a record does not."""
    program.on("tool", recipe=recipe_text("tool").replace("homepage", "dependencies = ['Not Kebab']\nhomepage"))
    found = made(tmp_path)
    assert isinstance(found, Failed)
    assert found.message.startswith("program ended well, but its recipe breaks a rule: ")
    assert "dependencies" in found.message
    assert found.message.isprintable()


def test_a_library_is_no_tool(program: FakeProgram, tmp_path: Path) -> None:
    """There is nothing to run, and nothing to verify."""
    text = '[metadata]\nname = "tool"\ntype = "library"\n\n[[steps]]\naction = "homebrew"\nformula = "tool"\n'
    program.on("tool", recipe=text)
    found = made(tmp_path)
    assert isinstance(found, Skipped)
    assert (found.subcategory, found.message) == (S.NO_EXECUTABLES, "the recipe is a library")


@pytest.mark.parametrize(
    ("keys", "executables"),
    [
        ("binary = 'bin/tool'", ["tool"]),
        ("binaries = ['bin/z', 'tool', 'bin/a']", ["tool", "a", "z"]),
        ("binaries = [{src = 'x-linux', dest = 'bin/x'}, {src = 'out/y'}]", ["x", "y"]),
        ("executables = ['b', 'tool']\nbinaries = ['b']", ["tool", "b"]),
    ],
)
def test_executables_are_read_from_each_kind_of_step(
    program: FakeProgram, tmp_path: Path, keys: str, executables: list[str]
) -> None:
    """The one that is called like the tool first, then by name."""
    step = f'[[steps]]\naction = "github_archive"\nrepo = "o/r"\nstrip_dirs = 1\n{keys}\n'
    text = f'[metadata]\nname = "tool"\n\n{step}\n[verify]\ncommand = "tool --version"\npattern = "{{version}}"\n'
    program.on("tool", recipe=text)
    recipe = drafted(tmp_path).recipe
    assert recipe.executables == executables
    assert recipe.steps[0].params["strip_dirs"] == "1", "what is no text stands there as JSON"


@pytest.mark.parametrize(
    ("code", "cause", "transient"),
    [
        (3, S.NOT_FOUND, False),
        (5, S.CONNECTION_ERROR, True),
        (6, S.INSTALL_ERROR, False),
        (7, S.VERIFY_ERROR, False),
        (8, S.MISSING_SYSTEM_DEP, False),
        (1, S.GENERATOR_ERROR, False),
    ],
)
def test_each_exit_code_of_the_program_is_an_outcome(
    program: FakeProgram, tmp_path: Path, code: int, cause: Subcategory, transient: bool
) -> None:
    """A recipe that it wrote all the same does not count."""
    program.on("tool", exit=code, errors="the reason\n", recipe=recipe_text("tool"))
    found = made(tmp_path)
    assert isinstance(found, Failed)
    assert (found.subcategory, found.transient, found.exit_code) == (cause, transient, code)
    assert found.message == f"program ended with exit code {code}: the reason"


def test_what_the_package_lacks_is_a_fact(program: FakeProgram, tmp_path: Path) -> None:
    """Missing recipes, and what could only be guessed."""
    program.on("tool", exit=9, errors="needs a model\n")
    program.on("needy", exit=8, output='{"missing_recipes": ["libfoo", "tool"]}')
    guessed, blocked = made(tmp_path), made(tmp_path, "needy", "needy")
    assert isinstance(guessed, Skipped)
    assert (guessed.subcategory, guessed.exit_code) == (S.NOT_DETERMINISTIC, 9)
    assert isinstance(blocked, Skipped)
    assert (blocked.subcategory, blocked.blocked_by) == (S.MISSING_RECIPE, ["libfoo", "tool"])


def test_time_and_names_have_limits(program: FakeProgram, tmp_path: Path) -> None:
    """A hang passes by itself; a tool that no recipe can be called after is not even asked for."""
    program.on("tool", does="hang")
    late = made(tmp_path, timeout=1)
    assert isinstance(late, Failed)
    assert (late.subcategory, late.transient) == (S.TIMEOUT, True)
    nameless = made(tmp_path, "tool", "@@")
    assert isinstance(nameless, Skipped)
    assert nameless.subcategory is S.BAD_NAME
    assert len(program.calls()) == 1


def test_a_program_that_is_not_there_is_not_the_packages_fault(tmp_path: Path) -> None:
    """It may be installed before the next run, and the breaker does not count it."""
    found = made(tmp_path)
    assert isinstance(found, Failed)
    assert (found.subcategory, found.transient, found.exit_code) == (S.RUNTIME_MISSING, True, None)
    assert found.message == "program could not be run: there is no such program"
