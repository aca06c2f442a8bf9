"""`doit init`: from an empty folder to a first batch."""

import json
import subprocess
from pathlib import Path

import pytest

from pipeline.new_registry import ignoring, workflow
from tests.e2e.own_checkout import cloned, git
from tests.e2e.world import World

WORKFLOW = ".github/workflows/batch.yml"


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


@pytest.fixture
def in_a_clone(bare: World, tmp_path: Path) -> World:
    """The empty root, and recipeline as somebody cloned it from a forge."""
    bare.checkout = cloned(tmp_path / "recipeline")
    return bare


def test_the_workflow_calls_the_recipeline_that_runs_here(in_a_clone: World) -> None:
    """At the address and the commit of the checkout; one of the user's own stays."""
    commit = git(in_a_clone.checkout, "rev-parse", "HEAD")
    begun = json.loads(in_a_clone.ran("init", "--github", "--json").out)
    assert begun["left_out"] == {}
    assert WORKFLOW in begun["written"]
    place = in_a_clone.root / WORKFLOW
    assert place.read_bytes() == workflow("OWNER/recipeline", commit)
    place.write_text("name: mine\n")
    assert WORKFLOW in json.loads(in_a_clone.ran("init", "--github", "--json").out)["kept"]
    assert place.read_text() == "name: mine\n"


def test_without_pull_requests_there_is_no_workflow(in_a_clone: World) -> None:
    """It would have nothing to publish to."""
    begun = json.loads(in_a_clone.ran("init", "--json").out)
    assert (begun["left_out"], (in_a_clone.root / WORKFLOW).exists()) == ({}, False)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("commit", "-q", "--allow-empty", "-m", "Mine"), "OWNER/recipeline does not have the commit"),
        (("remote", "set-url", "origin", "/srv/git/tools/recipeline"), "is no repository on a forge"),
        (("remote", "remove", "origin"), "is no repository on a forge"),
    ],
)
def test_a_workflow_that_could_not_find_recipeline_is_left_out(
    in_a_clone: World, change: tuple[str, ...], why: str
) -> None:
    """It says why; the rest is written, and the file follows once that is mended."""
    git(in_a_clone.checkout, *change)
    begun = json.loads(in_a_clone.ran("init", "--github", "--json").out)
    assert why in begun["left_out"][WORKFLOW]
    assert sorted(begun["written"]) == files(in_a_clone)
    assert WORKFLOW not in begun["written"]
    assert "then repeat `doit init --github`" in " ".join(in_a_clone.ran("init", "--github").out.split())


def test_no_checkout_of_recipeline_is_told(in_a_clone: World) -> None:
    """As where it was unpacked from an archive."""
    (in_a_clone.checkout / ".git").rename(in_a_clone.folder / "gone")
    begun = json.loads(in_a_clone.ran("init", "--github", "--json").out)
    assert "is no git checkout" in begun["left_out"][WORKFLOW]


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
