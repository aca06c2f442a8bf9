"""The whole life of batches with the real commands: made, published, merged, taken back, asked for again."""

import json
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pipeline.ecosystems import ECOSYSTEMS
from pipeline.instants import instant
from pipeline.lock import alone
from pipeline.model import BatchState, LedgerFile, Queue
from pipeline.publishing.books import Books
from pipeline.publishing.places import destination_of
from pipeline.publishing.publish import publish
from pipeline.settings import load_config
from pipeline.state.ledger import Ledger
from pipeline.store import Paths
from tests.builders_ledger import ledger_entry
from tests.e2e.world import World, finish, load
from tests.publishing.lab import Checkout

QUEUE = "data/queues/priority-queue.json"


def statuses(world: World) -> dict[str, str]:
    return {entry.source: entry.status.value for entry in load(world.root / QUEUE, Queue).entries}


def ids(world: World) -> list[str]:
    return list(Ledger(world.paths).ids)


def recipes(root: Path) -> set[str]:
    return {path.stem for path in root.glob("recipes/*/*.toml")}


def in_git(world: World) -> Checkout:
    """Make the world's root a checkout of somebody's, with the queue and the configuration committed."""
    checkout = object.__new__(Checkout)
    checkout.top = world.root
    checkout.git("init", "-q", "-b", "main")
    checkout.write(".gitignore", "build/\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "A registry")
    return checkout


@pytest.fixture
def small(world: World) -> World:
    """Four packages, two in each batch, this machine as the only platform."""
    world.configure(platforms=world.only_here(), batch={"size": 2})
    world.queue(world.npm("aloft"), world.npm("bright"), world.pypi("calm"), "npm:missing")
    return world


def test_a_recipe_that_an_open_batch_holds_is_left_out(small: World) -> None:
    """The payload asks the ledger; the package says whose path it is."""
    file = LedgerFile(source="npm:another", path="recipes/a/aloft.toml", sha256="a" * 64)
    Ledger(small.paths).append(ledger_entry(state=BatchState.PUBLISHED, files=[file]))
    small.ran()
    reasons = {each.source: each.reason for each in small.payload().excluded}
    assert reasons == {"npm:aloft": f"name_collision: {ledger_entry().batch_id} has {file.path}"}
    assert small.payload().included == ["pypi:calm"]


def test_the_whole_life_in_a_git_checkout(small: World) -> None:
    """Two batches: the first is merged, taken back and one of its packages asked for again."""
    checkout = in_git(small)
    small.ran()
    told = small.ran("publish")
    (first,) = ids(small)
    assert told.out.splitlines()[0] == f"✓ published {first}: 2 recipes, 0 packages left out"
    assert f"git merge batch/{first}" in told.out
    assert statuses(small) == {
        "npm:aloft": "in_review",
        "npm:bright": "pending",
        "pypi:calm": "in_review",
        "npm:missing": "pending",
    }
    assert recipes(small.root) == set()

    checkout.git("merge", "-q", f"batch/{first}")
    small.ran()
    assert sorted(small.payload().included) == ["npm:bright"]
    told = small.ran("publish")
    second = ids(small)[1]
    assert re.search(rf"merged +{first}", told.out)
    assert statuses(small) == {
        "npm:aloft": "success",
        "npm:bright": "in_review",
        "pypi:calm": "success",
        "npm:missing": "failed",
    }

    told = small.ran("rollback", "--batch", first, "--source", "npm:aloft")
    assert re.search("remove +recipes/a/aloft.toml", told.out)
    checkout.git("merge", "-q", "-m", "Merge", f"rollback/{first}")
    assert recipes(small.root) == {"calm"}
    assert statuses(small)["npm:aloft"] == "requires_manual"
    assert small.doit("requeue", "npm:aloft").exit_code == 0

    small.ran()
    assert small.payload().included == ["npm:aloft"]
    checkout.git("merge", "-q", "-m", "Merge", f"batch/{second}")
    small.ran("publish")
    third = ids(small)[2]
    checkout.git("merge", "-q", "-m", "Merge", f"batch/{third}")
    small.ran("publish")
    assert recipes(small.root) == {"aloft", "bright", "calm"}
    assert statuses(small) == {
        "npm:aloft": "success",
        "npm:bright": "success",
        "pypi:calm": "success",
        "npm:missing": "failed",
    }
    assert checkout.git("status", "--short", "--", "recipes", "pipeline.yaml") == ""


def test_the_whole_life_in_a_plain_folder(small: World) -> None:
    """Recipes are there at once; the next run works on others; a rollback removes them."""
    small.ran()
    told = small.ran("publish", "--json")
    assert json.loads(told.out)["state"] == "merged"
    assert recipes(small.root) == {"aloft", "calm"}
    small.ran()
    assert small.payload().included == ["npm:bright"]
    small.ran("publish")
    first, _ = ids(small)
    small.ran("rollback", "--batch", first)
    assert recipes(small.root) == {"bright"}
    assert statuses(small)["pypi:calm"] == "requires_manual"
    again = small.ran("publish")
    assert "was published before" in again.out


def test_what_cannot_be_done_is_one_line(small: World) -> None:
    """With the exit codes of errors: nothing to publish, an unknown batch, no batch, a stray word."""
    done = small.doit("publish")
    assert (done.exit_code, done.out) == (3, "")
    assert "there is no batch yet; remedy: run `doit`" in done.err
    done = small.doit("rollback", "--batch", "2026-03-02-npm-001")
    assert (done.exit_code, done.err.count("\n")) == (5, 1)
    assert small.doit("rollback").exit_code == 4
    assert small.doit("publish", "everything").exit_code == 4


def test_a_dry_run_leaves_everything_as_it_is(small: World) -> None:
    """Of a publication and of a rollback."""
    small.ran()
    told = small.ran("publish", "--dry-run")
    assert told.out.startswith("· would publish ")
    assert not small.paths.ledger.exists()
    assert recipes(small.root) == set()
    small.ran("publish")
    told = small.ran("rollback", "--batch", ids(small)[0], "--dry-run")
    assert re.search("remove +recipes/a/aloft.toml", told.out)
    assert recipes(small.root) == {"aloft", "calm"}


# ------------------------------------------------------------------------------------ killed


def kept(root: Path) -> dict[str, bytes]:
    """Return all that is kept: data/, the control file, recipes/, branches."""
    files = [root / "batch-control.json", *(root / "data").rglob("*"), *(root / "recipes").rglob("*")]
    found = {str(path.relative_to(root)): path.read_bytes() for path in files if path.is_file()}
    refs = subprocess.run(["git", "for-each-ref"], cwd=root, capture_output=True, check=True).stdout
    return {**found, "refs": refs}


def undisturbed(template: Path, folder: Path, at: str) -> dict[str, bytes]:
    """Publish a copy of a root at a certain moment, and return what is kept then."""
    root = folder / "root"
    shutil.copytree(template, root)
    paths = Paths(root)
    config = load_config(paths, [])
    with alone(paths, instant(at)):
        publish(
            Books(paths, config),
            destination=destination_of(paths, config, {"PATH": "/usr/bin:/bin"}),
            revisions={name: module.REVISION for name, module in ECOSYSTEMS.items()},
            now=instant(at),
        )
    return kept(root)


def kill_at_random_moments(world: World, tmp_path: Path, *, times: int, seed: int) -> None:
    """Kill `doit publish` with SIGKILL, publish again, and compare with an undisturbed publication at that time."""
    checkout = in_git(world)
    world.ran()
    template = tmp_path / "template"
    shutil.copytree(world.root, template)
    began = time.monotonic()
    world.ran("publish")
    seconds = time.monotonic() - began
    moments = random.Random(seed)
    cut_off = 0
    for number in range(times):
        shutil.rmtree(world.root)
        shutil.copytree(template, world.root)
        process = world.start("publish")
        try:
            # What is published is published at the end: the interpreter and its modules come first.
            process.communicate(timeout=seconds * moments.uniform(0.4, 1))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        cut_off += finish(process).exit_code != 0
        again = world.doit("publish")
        assert again.exit_code == 0, again
        (entry,) = Ledger(world.paths).entries().values()
        expected = undisturbed(template, tmp_path / f"calm-{number}", entry.published_at)
        assert kept(world.root) == expected, again.out
        assert checkout.git("diff", "--cached", "--name-only") == ""
    assert cut_off > 0


def test_a_killed_publication_is_finished_by_the_next(small: World, tmp_path: Path) -> None:
    """Killed at any of 6 moments, publishing again ends byte for byte as if nothing had happened."""
    kill_at_random_moments(small, tmp_path, times=6, seed=3)


@pytest.mark.long
def test_thirty_killed_publications_are_finished_by_the_next(small: World, tmp_path: Path) -> None:
    """Killed at any of 30 moments, publishing again ends byte for byte as if nothing had happened."""
    kill_at_random_moments(small, tmp_path, times=30, seed=4)


def test_a_run_between_a_killed_publication_and_the_next_leaves_the_batch_alone(small: World) -> None:
    """An hourly `doit && doit publish` begins with a run: the batch is finished, not replaced."""
    in_git(small)
    small.ran()
    small.ran("publish")
    lines = small.paths.ledger.read_bytes().splitlines(keepends=True)
    small.paths.ledger.write_bytes(lines[0])  # killed right before its last line
    small.ran()
    told = small.ran("publish")
    assert told.out.startswith(f"✓ published {ids(small)[0]}: 2 recipes")
    assert small.paths.ledger.read_bytes().splitlines(keepends=True) == lines
