"""The commands that people type: what each does, what it leaves alone, and what a wrong one is told."""

import json
import shutil

import pytest

from pipeline.model import RunRecord
from pipeline.platforms import BY_ID
from tests.e2e.world import HOST, World

STAGES = ["snapshot", "generate", "validate", "constrain", "payload"]
BESIDE = ["seed"]
PATHS = {"npm:prettify": "/npm/prettify", "npm:peek": "/npm/peek", "pypi:blacken": "/pypi/simple/blacken/"}


@pytest.fixture
def stocked(world: World) -> World:
    """Three packages, and this machine as the only platform."""
    world.configure(platforms=world.only_here())
    world.queue(world.npm("prettify"), world.pypi("blacken"), world.npm("peek"))
    return world


def asked(world: World) -> set[str]:
    """Return the packages whose metadata was asked for since the last look."""
    seen = {one.path for one in world.registry.seen()}
    world.registry.forget()
    return {source for source, path in PATHS.items() if path in seen}


def made(world: World, stage: str) -> set[str]:
    """Return the names of the records of a stage."""
    return {path.stem for path in (world.paths.build / stage).glob("*/*.json")}


# ------------------------------------------------------------------------------------ again


def test_a_second_run_does_nothing_and_says_so(stocked: World) -> None:
    """The second run makes no request; without doit's database neither, as the records are the truth."""
    stocked.ran()
    before = {path: path.read_bytes() for path, _ in stocked.records()}
    stocked.registry.forget()

    second = stocked.ran()
    stocked.paths.database.unlink()
    third = stocked.ran()

    assert second.out.startswith("Nothing to do: ")
    assert "no request made" in second.out
    assert "0 requests (0 bytes), 0 answers from the cache" in third.out
    assert stocked.registry.seen() == []
    assert {path: path.read_bytes() for path, _ in stocked.records()} == before


def test_after_clean_everything_is_made_again(stocked: World) -> None:
    """`doit clean` removes every result and recipe, and the next run makes the same ones.

    What was asked of the registries until then was asked all the same: the batch's numbers tell of it.
    """
    stocked.ran()
    recipes = {str(path): path.read_text() for path in stocked.paths.payload_files.rglob("*.toml")}
    assert len(recipes) == 3

    assert stocked.doit("clean").exit_code == 0

    assert {kind for _, kind in stocked.records()} == {RunRecord}
    assert not list(stocked.paths.build.rglob("*.toml"))
    stocked.ran()
    assert {str(path): path.read_text() for path in stocked.paths.payload_files.rglob("*.toml")} == recipes


def test_clean_of_one_package_leaves_the_others(stocked: World) -> None:
    """`doit clean generate:npm:peek` removes that outcome and its recipe; the next run makes only them."""
    stocked.ran("generate")
    kept = {path: path.stat().st_mtime_ns for path, _ in stocked.records() if path.stem != "peek"}

    stocked.ran("clean", "generate:npm:peek")
    assert made(stocked, "generate") == {"prettify", "blacken"}
    shutil.rmtree(stocked.paths.http_cache.parent)  # so that a package that is made again must be asked for
    stocked.registry.forget()
    stocked.ran("generate")

    assert asked(stocked) == {"npm:peek"}
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_forget_asks_the_records_and_not_the_registry(stocked: World) -> None:
    """`doit forget` forgets what doit knows of one task or of all; what stands in the records is not made again."""
    stocked.ran("generate")
    stocked.registry.forget()

    assert stocked.doit("forget", "generate:npm:peek").exit_code == 0
    assert "\n1 task run, 0 requests" in stocked.ran("generate").out
    assert stocked.doit("forget", "--all").exit_code == 0
    assert "\n4 tasks run, 0 requests" in stocked.ran("generate").out
    assert asked(stocked) == set()


# ------------------------------------------------------------------------------------ parts


@pytest.mark.parametrize(
    ("task", "wanted"),
    [
        ("generate:npm", {"npm:prettify", "npm:peek"}),
        ("generate:npm:prettify", {"npm:prettify"}),
        ("generate:npm:p*", {"npm:prettify", "npm:peek"}),
        ("generate:pypi", {"pypi:blacken"}),
    ],
)
def test_a_part_is_made_and_nothing_else(stocked: World, task: str, wanted: set[str]) -> None:
    """An ecosystem, a package or a wildcard generates exactly the packages it names, and validates none."""
    stocked.ran(task)
    assert asked(stocked) == wanted
    assert made(stocked, "generate") == {source.partition(":")[2] for source in wanted}
    assert made(stocked, "validate") == set()


def test_one_platform_is_validated(world: World) -> None:
    """`doit validate:<platform>` generates what it needs and writes verdicts for that platform alone."""
    world.queue(world.pypi("blacken"))
    world.ran(f"validate:{HOST.id}")
    assert world.verdict("pypi:blacken").status == "validated"
    assert {path.parent.name for path in world.paths.build.glob("validate/*/*.json")} == {HOST.id}
    assert not world.paths.payload.exists()


def test_overrides_on_the_command_line_take_effect(stocked: World) -> None:
    """`batch.size=1` takes one package; `batch.ecosystems` and a rate are heard as well."""
    stocked.ran("generate", "batch.size=1")
    assert asked(stocked) == {"npm:prettify"}
    stocked.ran("generate", "batch.ecosystems=[pypi]", "ecosystems.pypi.requests_per_second=50")
    assert asked(stocked) == {"pypi:blacken"}


# ------------------------------------------------------------------------------------ looking


def test_list_reads_like_the_diagram(stocked: World) -> None:
    """`doit list` has one line for each stage, in the order of the pipeline, and leaves no trace in the records."""
    listed = [line.split() for line in stocked.ran("list").out.splitlines()]
    assert [words[1] for words in listed if words and words[0] == "·"] == [*STAGES, *BESIDE]
    stocked.ran("snapshot")
    document = json.loads(stocked.ran("list", "--json").out)
    assert [(task["name"], task["results"], task["of"]) for task in document["tasks"]] == [
        *[("snapshot", 1, 1), ("generate", 0, 3), ("validate", 0, 3), ("constrain", 0, 3), ("payload", 0, 1)],
        ("seed", 0, 0),
    ]
    stocked.ran("clean", "snapshot")
    assert stocked.records() == []
    assert stocked.registry.seen() == []


def test_list_all_names_every_task(stocked: World) -> None:
    """`doit list --all` names stages, groups and packages."""
    names = {line.split()[1] for line in stocked.ran("list", "--all").out.splitlines()}
    validate = f"validate:{HOST.id}:npm.prettify"
    assert {"generate", "generate:npm", "generate:npm:prettify", "generate:pypi:blacken", validate} <= names


def test_info_shows_one_task(stocked: World) -> None:
    """`doit info` shows what a task makes, without running it."""
    shown = stocked.doit("info", "generate:npm:prettify")
    assert shown.err == ""
    assert "recipe and evidence for npm:prettify" in shown.out
    assert stocked.paths.outcome("npm:prettify") in shown.out
    assert stocked.registry.seen() == []


# ------------------------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("arguments", "exit_code", "named"),
    [
        (("generate:npm:pretify",), 5, "generate:npm:prettify"),
        (("generate:nmp",), 5, "generate:npm"),
        (("genrate",), 5, "generate"),
        (("info", "generate:npm:pretify"), 5, "generate:npm:prettify"),
        (("clean", "generate:npm:pretify"), 5, "generate:npm:prettify"),
        (("forget", "generate:npm:pretify"), 5, "generate:npm:prettify"),
        (("list", "genrate"), 5, "generate"),
        (("batch.siez=1",), 4, "size"),
        (("ecosystems.nmp.requests_per_second=1",), 4, "npm"),
        (("batch.size=many",), 4, "batch/size"),
        (("generate:cargo",), 6, "generate:"),
        (("generate:npm:z*",), 6, "npm"),
        (("batch.ecosystems=[cargo]",), 6, "not_in_batch_ecosystems 3"),
    ],
)
def test_a_mistake_is_told_in_one_line(stocked: World, arguments: tuple[str, ...], exit_code: int, named: str) -> None:
    """A wrong name, key or selection ends with its exit code and one line that names what was probably meant."""
    done = stocked.doit(*arguments)
    assert done.exit_code == exit_code, done
    assert done.err.startswith("recipeline: error: ")
    assert done.err.count("\n") == 1
    assert named in done.err
    assert "Traceback" not in done.out + done.err
    assert stocked.records() == []
    assert stocked.registry.seen() == []


def test_an_unknown_folder_is_told_in_one_line(stocked: World) -> None:
    """A PIPELINE_ROOT that does not exist is an error and is not made."""
    nowhere = stocked.folder / "nowhere"
    done = stocked.doit(PIPELINE_ROOT=str(nowhere))
    assert done.exit_code == 3
    assert done.err.count("\n") == 1
    assert "there is no such folder" in done.err
    assert not nowhere.exists()


def test_every_platform_is_a_group(world: World) -> None:
    """Each of the eleven platforms can be named, although only one of them is this machine."""
    world.queue(world.pypi("blacken"))
    listed = world.ran("list", "--all").out
    assert all(f"validate:{platform} " in listed for platform in BY_ID)
