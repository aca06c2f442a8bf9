"""`doit init`: from an empty folder to a first batch."""

import json
import subprocess
from pathlib import Path

import pytest

from pipeline.new_registry import ignoring
from tests.e2e.world import World


@pytest.fixture
def bare(world: World) -> World:
    """A root in which there is nothing at all."""
    for path in sorted(world.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return world


def files(world: World) -> list[str]:
    found = (path for path in world.root.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(world.root)) for path in found if "build" not in path.parts)


def test_an_empty_folder_becomes_a_registry_that_makes_recipes(bare: World) -> None:
    """Four commands, and there is a recipe."""
    missing = bare.doit("list")
    assert missing.exit_code == 3
    assert missing.err.rstrip().endswith("remedy: `doit init` makes one, or set `queue` to yours")
    begun = json.loads(bare.ran("init", "--json").out)
    assert (begun["root"], begun["kept"]) == (str(bare.root), [])
    assert sorted(begun["written"]) == files(bare) == [".gitignore", "data/queues/priority-queue.json", "pipeline.yaml"]
    source = bare.npm("left")
    bare.ran("add", source)
    bare.ran("ecosystems.npm.requests_per_second=100")
    bare.ran("publish")
    assert (bare.root / "recipes/l/left.toml").is_file()


def test_what_is_there_stays_to_the_byte(bare: World) -> None:
    """A second time, and over files of one's own, nothing is written but the line of `.gitignore`."""
    own = {"pipeline.yaml": "schema_version: 1\n", ".gitignore": "*.log"}
    for name, text in own.items():
        (bare.root / name).write_text(text)
    bare.ran("init", "--github")
    assert (bare.root / "pipeline.yaml").read_text() == own["pipeline.yaml"]
    assert (bare.root / ".gitignore").read_text() == "*.log\nbuild/\n"
    before = {name: (bare.root / name).read_bytes() for name in files(bare)}
    again = json.loads(bare.ran("init", "--json").out)
    assert (again["written"], sorted(again["kept"])) == ([], sorted(before))
    assert {name: (bare.root / name).read_bytes() for name in files(bare)} == before


@pytest.mark.parametrize(("asked", "mode"), [((), "local"), (("--github",), "github")])
def test_the_settings_say_where_batches_go(bare: World, asked: tuple[str, ...], mode: str) -> None:
    """And they are settings that the pipeline reads."""
    bare.ran("init", *asked)
    assert f"  mode: {mode}\n" in (bare.root / "pipeline.yaml").read_text()
    bare.ran("status")


def test_what_can_be_made_again_is_not_tracked(bare: World) -> None:
    """git itself says so."""
    subprocess.run(["git", "init", "-q", str(bare.root)], check=True)
    bare.ran("init")
    ignored = subprocess.run(
        ["git", "-C", str(bare.root), "check-ignore", "build/batch.json"], check=False, capture_output=True
    )
    assert ignored.returncode == 0


@pytest.mark.parametrize("known", [b"build\n", b"/build/\n", b"a\nbuild/", b"\xff\nbuild/\n"])
def test_a_list_that_leaves_it_out_already_stays(known: bytes) -> None:
    """However the line is written."""
    assert ignoring(known) == known


def test_a_folder_that_cannot_be_written_is_one_line(bare: World, tmp_path: Path) -> None:
    """Also for root: a file stands where a folder should be."""
    (bare.root / "data").write_text("")
    done = bare.doit("init")
    assert done.exit_code == 3
    assert len(done.err.splitlines()) == 1
    assert "data" in done.err
