"""A batch made again when the registry is gone, by the real command."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.digests import sha256
from pipeline.errors import Alarm, EmptySelection, PipelineError, UnknownName
from pipeline.lock import alone
from pipeline.provenance.answers import place
from tests.builders import NOW
from tests.e2e.test_publishing import in_git
from tests.e2e.world import HOST, WatchedRegistry, World
from tests.kept import Kept
from tests.provenance.test_statement import check_standards

pytestmark = pytest.mark.skipif(HOST is None, reason="this machine is no known platform")

# Nothing that could be asked: the discard port of this machine, where nobody listens.
NOBODY = "http://127.0.0.1:9"
AWAY = {"npm_config_registry": NOBODY, "UV_DEFAULT_INDEX": NOBODY, "PATH": "/nowhere"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Kept]]:
    """A finished batch of an npm and a PyPI package, this machine as the only platform, kept so."""
    with WatchedRegistry() as registry:
        world = World(tmp_path_factory.mktemp("finished"), registry)
        world.configure(platforms=world.only_here(), batch={"size": 3})
        world.queue(world.npm("prettify"), world.pypi("blacken"), world.npm("library", bin={}), world.npm("later"))
        world.ran()
        kept = Kept(world.folder)
        kept.keep()
        yield world, kept


@pytest.fixture
def made(finished: tuple[World, Kept]) -> World:
    """A finished batch as nobody has touched it yet."""
    world, kept = finished
    kept.restore()
    return world


def replayed(world: World, batch_id: str = "") -> dict[str, str]:
    """Replay a batch that must come out the same; return the endings by source."""
    done = world.ran("replay", batch_id or world.batch().id, "--json", **AWAY)
    return {each["source"]: each["ending"] for each in json.loads(done.out)["recipes"]}


def files(root: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the time of the last change of each file."""
    found = [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_the_registry_is_not_needed(made: World) -> None:
    """The same bytes, without a request, a lock or a write."""
    asked = len(made.registry.seen())
    with alone(made.paths, NOW):
        before = files(made.root)
        assert replayed(made) == {"npm:prettify": "same", "pypi:blacken": "same"}
        assert files(made.root) == before
    assert len(made.registry.seen()) == asked


def test_the_records_name_what_was_read(made: World) -> None:
    """Also those of a package that was left out; the answers lie by their digest."""
    for source in ("npm:prettify", "pypi:blacken", "npm:library"):
        record = made.outcome(source)
        assert record.inputs
        assert record.registry.startswith("http://127.0.0.1:")
        for read in record.inputs:
            assert place(made.paths.answers_folder, read.sha256 or "").is_file()
    assert [read.status for read in made.outcome("pypi:blacken").inputs] == [200, 206]


def test_the_payload_names_its_statements(made: World) -> None:
    """One file for each recipe, under the recipe's path, in the form of the standards."""
    payload = made.payload()
    assert len(payload.files) == 2
    for file in payload.files:
        content = made.paths.statements(file.path).read_bytes()
        assert file.statements_sha256 == sha256(content)
        check_standards(content)
    assert len(list(made.paths.payload_statements.rglob("*.jsonl"))) == 2


def test_an_idle_run_leaves_them(made: World) -> None:
    """Nothing is made again; a statement that was removed is."""
    before = files(made.paths.payload_folder)
    assert "Nothing to do" in made.ran().out
    assert files(made.paths.payload_folder) == before
    made.paths.payload_statements.rename(made.paths.build / "elsewhere")
    made.ran()
    assert {path: content for path, (content, _) in files(made.paths.payload_statements).items()} == {
        path: content for path, (content, _) in before.items() if "statements" in path
    }


def test_a_published_batch_is_replayed_after_the_next(made: World) -> None:
    """In a git checkout: its statements are on the state branch, its recipes in their own, the payload is another's."""
    checkout = in_git(made)
    first = made.batch().id
    made.ran("publish")
    made.ran()
    made.ran("publish")
    assert made.batch().id != first
    assert replayed(made, first) == {"npm:prettify": "same", "pypi:blacken": "same"}
    assert replayed(made) == {"npm:later": "same"}
    kept = checkout.git("ls-tree", "-r", "--name-only", "recipeline-state", "data/provenance").splitlines()
    assert kept == [f"data/provenance/{first}.jsonl", f"data/provenance/{made.batch().id}.jsonl"]


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(("spoil", "told"), [(damaged, "is damaged"), (Path.unlink, "is not kept here")])
def test_an_answer_that_is_not_whole_is_named(made: World, spoil, told: str) -> None:
    """With its digest; the other recipe comes out the same, and the exit code says that not all did."""
    digest = made.outcome("npm:prettify").inputs[0].sha256 or ""
    spoil(place(made.paths.answers_folder, digest))
    done = made.doit("replay", made.batch().id, **AWAY)
    assert done.exit_code == PipelineError.exit_code
    said = rf"! cannot be replayed recipes/p/prettify.toml \(npm:prettify\): the answer {digest} .*{told} ✓ same"
    assert re.search(said, " ".join(done.out.split()))
    assert re.search(r"^  ✓ same +recipes/b/blacken.toml", done.out, re.MULTILINE)
    assert done.err.count("\n") == 1


def test_another_revision_is_named(made: World) -> None:
    """Both are."""
    made.ran("publish")
    kept = made.paths.provenance(made.batch().id)
    kept.write_bytes(kept.read_bytes().replace(b'"generatorRevision":1', b'"generatorRevision":7'))
    done = made.doit("replay", made.batch().id, **AWAY)
    assert done.exit_code == PipelineError.exit_code
    assert done.out.count("revision 7 of the ") == 2
    assert done.out.count("here is revision 1") == 2


def test_a_recipe_that_comes_out_different_is_an_alarm(made: World) -> None:
    """With a short difference, and an exit code of its own."""
    made.ran("publish")
    kept = made.paths.provenance(made.batch().id)
    kept.write_bytes(kept.read_bytes().replace(b'"command":"prettify --version"', b'"command":"prettify --help"'))
    done = made.doit("replay", made.batch().id, **AWAY)
    assert done.exit_code == Alarm.exit_code
    assert '-command = "prettify --version"' in done.out
    assert '+command = "prettify --help"' in done.out


@pytest.mark.parametrize(("remove", "told"), [(False, "was changed"), (True, "is not there any more")])
def test_a_recipe_that_was_changed_by_hand_is_an_alarm(made: World, remove: bool, told: str) -> None:
    """What lies in the payload is what is reviewed, whatever its digest says."""
    recipe = min(made.paths.payload_files.rglob("*.toml"))
    recipe.unlink() if remove else recipe.write_bytes(recipe.read_bytes() + b"# mine\n")
    done = made.doit("replay", made.batch().id, **AWAY)
    assert done.exit_code == Alarm.exit_code
    assert f"✗ different          recipes/{recipe.parent.name}/{recipe.name}" in done.out
    assert " ".join(done.out.split()).count(f": its file in the payload {told}") == 1


def test_what_cannot_be_replayed_at_all(world: World) -> None:
    """No batch, no name, a name that is a path, a batch without recipes: one line and its code."""
    world.configure(platforms=world.only_here())
    world.queue(world.npm("library", bin={}))
    assert world.doit("replay").exit_code == 4
    assert world.doit("replay", "2026-03-14-mixed-001").exit_code == UnknownName.exit_code
    assert world.doit("replay", "../../etc/passwd").exit_code == UnknownName.exit_code
    world.ran()
    done = world.doit("replay", world.batch().id)
    assert done.exit_code == EmptySelection.exit_code
    assert done.err.count("\n") == 1
