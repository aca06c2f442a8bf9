"""A program of the user's tries a recipe: its exit code is the verdict, and only 0 is a pass."""

from pathlib import Path

import msgspec
import pytest

from pipeline.external.native import objection
from pipeline.external.process import Workshop, run_program
from pipeline.external.validator import Question, made_from, validate
from pipeline.model import Generated, Recipe, Step, Subcategory, Tier, Verdict, VerdictStatus
from pipeline.staleness import usable, verdict_is_final
from pipeline.store import decode, encode
from tests.builders_payload import evidence
from tests.builders_recipe import recipe
from tests.fakes_program import FakeProgram, recipe_text

S, V = Subcategory, VerdictStatus
COMMAND = ["bin/program", "{identifier}", "{recipe}", "{name}", "{source}", "{platform}"]
PLATFORM = "darwin-arm64"
AT = "2026-03-02T12:00:00Z"


@pytest.fixture
def program(tmp_path: Path) -> FakeProgram:
    return FakeProgram(tmp_path / "bin")


def verdict(tmp_path: Path, timeout: float = 60) -> Verdict:
    question = Question(
        source="npm:@scope/tool",
        name="tool",
        version="1.2.3",
        platform=PLATFORM,
        text=recipe_text("tool"),
        recipe_sha256="a" * 64,
        made_from="b" * 64,
    )
    workshop = Workshop(root=tmp_path, jobs=tmp_path / "jobs", environment={"PATH": "/usr/bin:/bin"}, run=run_program)
    found = validate(question, COMMAND, timeout, workshop, AT)
    assert decode(encode(found), Verdict, place="test") == found
    assert (found.tier, found.recipe_sha256, found.made_from, found.at) == (Tier.EXTERNAL, "a" * 64, "b" * 64, AT)
    return found


def test_exit_code_0_is_a_pass(program: FakeProgram, tmp_path: Path) -> None:
    """With the version that the program says it installed."""
    program.on("@scope/tool", output='{"status": "ok", "version": "1.2.4"}', errors="installing\n")
    found = verdict(tmp_path)
    assert (found.status, found.subcategory, found.observed_version) == (V.VALIDATED, None, "1.2.4")
    assert found.reason == "program installed 1.2.4 and ended well"
    assert found.backend is not None
    assert (found.backend.name, found.blocked_by) == ("program", [])


def test_the_program_is_given_the_recipe_as_it_was_generated(program: FakeProgram, tmp_path: Path) -> None:
    """A copy in the private folder, and which package and platform it is for."""
    program.on("@scope/tool")
    found = verdict(tmp_path)
    (call,) = program.calls()
    assert call["arguments"] == ["@scope/tool", f"{call['folder']}/tool.toml", "tool", "npm:@scope/tool", PLATFORM]
    assert call["file"] == recipe_text("tool")
    (phase,) = found.phases
    assert phase.command == " ".join(COMMAND), "the same in every run"
    assert (phase.name, phase.exit_code, phase.network) == ("external", 0, True)
    assert phase.wall_s > 0


@pytest.mark.parametrize(
    ("code", "status", "cause"),
    [
        (1, V.FAILED, S.VALIDATOR_ERROR),
        (3, V.FAILED, S.NOT_FOUND),
        (5, V.INFRA_ERROR, S.CONNECTION_ERROR),
        (6, V.FAILED, S.INSTALL_ERROR),
        (7, V.FAILED, S.VERIFY_ERROR),
        (8, V.FAILED, S.MISSING_SYSTEM_DEP),
        (9, V.FAILED, S.VALIDATOR_ERROR),
    ],
)
def test_each_exit_code_has_its_verdict(
    program: FakeProgram, tmp_path: Path, code: int, status: VerdictStatus, cause: Subcategory
) -> None:
    """What passes by itself says nothing of the package."""
    program.on("@scope/tool", exit=code, output='{"status": "ok", "message": "because"}')
    found = verdict(tmp_path)
    assert (found.status, found.subcategory, found.phases[0].exit_code) == (status, cause, code)
    assert found.reason == f"program ended with exit code {code}: because"
    assert verdict_is_final(found) == (status is V.FAILED)


@pytest.mark.parametrize("cause", ["runtime_too_old", "runtime_missing"])
def test_what_the_machine_lacks_says_nothing_of_the_package(program: FakeProgram, tmp_path: Path, cause: str) -> None:
    program.on("@scope/tool", exit=8, output=f'{{"subcategory": "{cause}", "message": "wants Python 3.99"}}')
    found = verdict(tmp_path)
    assert (found.status, found.subcategory) == (V.INFRA_ERROR, cause)


def test_missing_recipes_stand_in_the_verdict(program: FakeProgram, tmp_path: Path) -> None:
    program.on("@scope/tool", exit=8, output='{"missing_recipes": ["libfoo"], "message": "no libfoo"}')
    found = verdict(tmp_path)
    assert (found.status, found.subcategory, found.blocked_by) == (V.FAILED, S.MISSING_RECIPE, ["libfoo"])


@pytest.mark.parametrize(
    ("behaviour", "status", "cause"),
    [
        ({"does": "hang"}, V.INFRA_ERROR, S.TIMEOUT),
        ({"does": "die"}, V.FAILED, S.VALIDATOR_ERROR),
        ({"output": '{"status": "error"}'}, V.FAILED, S.VALIDATOR_ERROR),
        ({"output": "\udcff{garbage", "errors": "\udcfe\x1b[31m"}, V.VALIDATED, None),
        ({"does": "flood", "exit": 6}, V.FAILED, S.INSTALL_ERROR),
    ],
)
def test_an_ugly_program_gives_a_verdict(
    program: FakeProgram, tmp_path: Path, behaviour: dict[str, object], status: VerdictStatus, cause: Subcategory | None
) -> None:
    """Garbage, floods, hangs and signals end in a record that follows the schema."""
    program.on("@scope/tool", **behaviour)
    found = verdict(tmp_path, timeout=3)
    assert (found.status, found.subcategory) == (status, cause)
    assert found.reason.isprintable()
    assert len(found.phases[0].output_tail) <= 4_000


def test_a_program_that_is_not_there_says_nothing_of_the_package(tmp_path: Path) -> None:
    found = verdict(tmp_path)
    assert (found.status, found.subcategory, found.phases) == (V.INFRA_ERROR, S.RUNTIME_MISSING, [])


def test_a_verdict_stands_until_what_it_is_made_from_changes() -> None:
    """Another command, time, platform or recipe is another question."""
    one = made_from(["try", "{recipe}"], 60, PLATFORM, "npm:a", "a" * 64)
    others = {
        made_from(["try", "-v", "{recipe}"], 60, PLATFORM, "npm:a", "a" * 64),
        made_from(["try", "{recipe}"], 61, PLATFORM, "npm:a", "a" * 64),
        made_from(["try", "{recipe}"], 60, "darwin-x86_64", "npm:a", "a" * 64),
        made_from(["try", "{recipe}"], 60, PLATFORM, "npm:a", "b" * 64),
        made_from(["try", "{recipe}"], 60, PLATFORM, "npm:a", "a" * 64, AT),
    }
    assert len(others | {one}) == 6
    known = Verdict(
        source="npm:a",
        version="1",
        platform=PLATFORM,
        recipe_sha256="a" * 64,
        made_from=one,
        tier=Tier.EXTERNAL,
        status=V.VALIDATED,
        reason="",
        at=AT,
    )
    assert usable(known, "a" * 64, one, measure=True)
    assert not any(usable(known, "a" * 64, other, measure=True) for other in others)


def generated(version: str = "1.2.3", **fields: object) -> Generated:
    written = msgspec.structs.replace(recipe("tool"), **fields)
    return Generated(recipe=written, recipe_sha256="a" * 64, evidence=evidence(version=version))


def steps(**params: str | list[str]) -> list[Step]:
    return [Step(action="npm_install", params={"package": "tool", "executables": ["tool"], **params})]


def test_the_sandbox_measures_a_recipe_that_does_what_the_sandbox_does() -> None:
    """One step of the ecosystem, for the package, of a version that is known."""
    assert objection("npm:tool", generated(), by_command=True) == ""


@pytest.mark.parametrize(
    ("source", "outcome", "why"),
    [
        ("tools:tool", generated(), "the sandbox installs nothing of tools"),
        ("github:o/tool", generated(), "the sandbox knows no recipe of github but those that recipeline makes"),
        ("npm:tool", generated(version=""), "nobody said which version"),
        ("npm:other", generated(), "does other things than to install other by npm_install"),
        ("pypi:tool", generated(), "does other things than to install tool by pipx_install"),
        ("npm:tool", generated(steps=steps(when='{"os":["linux"]}')), "does other things"),
        ("npm:tool", generated(steps=[*steps(), Step(action="run_command", params={"command": "id"})]), "does other"),
    ],
)
def test_of_any_other_recipe_the_sandbox_can_say_nothing(source: str, outcome: Generated, why: str) -> None:
    """A pass of one thing is no pass of another."""
    assert why in objection(source, outcome, by_command=True)


def test_of_its_own_recipes_the_sandbox_says_nothing_only_where_it_has_no_installer() -> None:
    """What recipeline made needs no comparison; an ecosystem that nothing installs yet gives no traceback."""
    assert objection("github:o/tool", generated(version=""), by_command=False) == ""
    assert objection("tools:tool", generated(), by_command=False) == "the sandbox installs nothing of tools"


def test_pypi_takes_two_spellings_for_one_project() -> None:
    step = Step(action="pipx_install", params={"package": "My_Tool", "executables": ["tool"]})
    written = Recipe(name="my-tool", steps=[step], executables=["tool"])
    outcome = Generated(recipe=written, recipe_sha256="a" * 64, evidence=evidence())
    assert objection("pypi:my-tool", outcome, by_command=True) == ""
