"""One bare `doit` on a clean tree: from the queue to the pull request, with packages of every kind in one batch."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from pipeline.digests import sha256
from pipeline.model import Batch, VerdictStatus
from pipeline.platforms import BY_ID
from tests.e2e.world import HOST, VERSION, Done, WatchedRegistry, World, load, schema_of

RECIPE = """\
[metadata]
name = "prettify"
description = "Makes prettify easy"
homepage = "https://tools.example"

[[steps]]
action = "npm_install"
package = "prettify"
executables = ["prettify"]

[verify]
command = "prettify --version"
pattern = "{version}"
"""
SCOPED = RECIPE.replace('package = "prettify"', 'package = "@acme/scoped"').replace("prettify", "scoped")
BLACKEN = RECIPE.replace("npm_install", "pipx_install").replace("prettify", "blacken")
SILENT = RECIPE.replace("prettify", "silent").replace(
    'command = "silent --version"\npattern = "{version}"\n',
    'command = "silent --help"\nmode = "output"\nreason = "the tool prints no version"\n',
)
INCLUDED = {
    "npm:prettify": ("recipes/p/prettify.toml", RECIPE),
    "pypi:blacken": ("recipes/b/blacken.toml", BLACKEN),
    "npm:@acme/scoped": ("recipes/s/scoped.toml", SCOPED),
    "npm:silent": ("recipes/s/silent.toml", SILENT),
}
# What the reason of each begins with: the code is what programs read, the words are for people.
EXCLUDED = {
    "npm:library": "no_executables: ",
    "npm:retired": "deprecated: version 1.2.3 is deprecated: use another",
    "pypi:recalled": "yanked: all stable releases are yanked, the newest is 1.2.3: broken",
    "npm:unmet": "dependency_not_found: E404: ",
    "pypi:crashing": "verify_error: crashing --version: exit status 1: no way",
    "npm:missing": "not_found: ",
}


def publish(world: World) -> list[str]:
    """Publish the batch and return its sources."""
    return [
        world.npm("prettify"),
        world.pypi("blacken"),
        world.npm("@acme/scoped"),
        world.npm("silent", program="if (process.argv[2] === '--help') console.log('Usage: silent FILE')"),
        world.npm("library", bin={}),
        world.npm("retired", deprecated="use another"),
        world.pypi("recalled", yanked="broken"),
        world.npm("unmet", dependencies={"not-there": "^1.0.0"}),
        world.pypi("crashing", program="raise SystemExit('no way')"),
        "npm:missing",
    ]


class Finished(msgspec.Struct, frozen=True):
    """The world after the run, and what the run said."""

    world: World
    done: Done


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """One run for all tests of this file: they only look at it."""
    with WatchedRegistry() as registry:
        world = World(tmp_path_factory.mktemp("whole"), registry)
        world.queue(*publish(world))
        yield Finished(world, world.doit())


def test_the_run_ends_well(finished: Finished) -> None:
    """Packages that fail are values: the exit code is 0 and nothing stands on the error stream."""
    assert (finished.done.exit_code, finished.done.err) == (0, ""), finished.done


def test_every_package_is_included_or_excluded_with_its_reason(finished: Finished) -> None:
    """Each package of the batch ends in exactly one list, the excluded ones with the code of the cause."""
    payload = finished.world.payload()
    reasons = finished.world.excluded()
    assert payload.included == list(INCLUDED)
    assert reasons.keys() == EXCLUDED.keys()
    for source, beginning in EXCLUDED.items():
        assert reasons[source].startswith(beginning), reasons[source]


def test_failures_in_the_sandbox_name_their_cause(finished: Finished) -> None:
    """A package that cannot be installed and one that cannot be run are told apart, with what they printed."""
    unmet, crashing = finished.world.verdict("npm:unmet"), finished.world.verdict("pypi:crashing")
    assert [(each.status, each.subcategory) for each in (unmet, crashing)] == [
        (VerdictStatus.FAILED, "dependency_not_found"),
        (VerdictStatus.FAILED, "verify_error"),
    ]
    assert "not-there" in unmet.reason
    assert "no way" in crashing.reason
    assert unmet.phases[0].name == "fetch"
    assert {phase.name for phase in crashing.phases} == {"fetch", "verify"}


def test_recipes_are_byte_for_byte_what_they_should_be(finished: Finished) -> None:
    """The payload holds exactly the recipes of the included packages, and `pr.json` their digests."""
    world, payload = finished.world, finished.world.payload()
    below = world.paths.payload_files
    written = {str(path.relative_to(below)): path.read_text() for path in below.rglob("*") if path.is_file()}
    assert written == dict(INCLUDED.values())
    assert {file.path: file.sha256 for file in payload.files} == {
        path: sha256(text.encode()) for path, text in INCLUDED.values()
    }


def test_the_pull_request_says_what_it_is(finished: Finished) -> None:
    """Branch, title, labels, files and counts of `pr.json` follow from the batch."""
    world, payload = finished.world, finished.world.payload()
    batch = load(world.paths.batch, Batch)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-mixed-001", batch.id)
    assert (payload.batch_id, payload.branch) == (batch.id, f"batch/{batch.id}")
    assert payload.title == f"Add 4 recipes (npm, pypi) [{payload.batch_id}]"
    assert payload.labels == ["recipes", "automated"]
    assert payload.auto_merge.allowed
    assert payload.platforms.keys() == BY_ID.keys()
    here = payload.platforms[HOST.id]
    assert here == {VerdictStatus.VALIDATED: 4, VerdictStatus.FAILED: 2, VerdictStatus.NOT_RUN: 4}


def test_only_this_machine_is_measured(finished: Finished) -> None:
    """Every other platform has a prediction, never a verdict that claims a run."""
    for platform in BY_ID:
        tier = finished.world.verdict("npm:prettify", platform).tier
        assert tier == ("T1" if platform == HOST.id else "T0")


def test_commit_message_ends_in_trailers(finished: Finished) -> None:
    """Batch, its size and the success rate of what was attempted stand where `git interpret-trailers` finds them."""
    world = finished.world
    lines = world.paths.commit_message.read_text().splitlines()
    assert lines[0] == f"Add 4 recipes (npm, pypi) [{world.batch().id}]"
    assert lines[1] == ""
    trailers = dict(line.split(": ", 1) for line in lines[-3:])
    assert trailers == {"batch_id": world.payload().batch_id, "batch_size": "10", "success_rate": "0.40"}


def test_body_shows_each_package(finished: Finished) -> None:
    """A reviewer finds each package, the version and licence of what is added, and why the others are not in."""
    body = finished.world.paths.body.read_text()
    for source in [*INCLUDED, *EXCLUDED]:
        assert source in body or source.partition(":")[2] in body
    assert VERSION in body
    assert "MIT" in body


def test_every_record_follows_its_published_schema(finished: Finished) -> None:
    """Each file of the run decodes to its record and holds under its JSON Schema."""
    found = finished.world.records()
    # Batch, two package lists, run, pr.json; for each package an outcome, predictions, a result, and eleven verdicts.
    assert len(found) == 5 + len([*INCLUDED, *EXCLUDED]) * (3 + len(BY_ID))
    for path, kind in found:
        load(path, kind)
    for kind in {kind for _, kind in found}:
        validator = Draft202012Validator(schema_of(kind))
        for path in [path for path, other in found if other is kind]:
            assert list(validator.iter_errors(msgspec.json.decode(path.read_bytes()))) == [], path


def test_nothing_is_left_lying_about(finished: Finished) -> None:
    """No half-written file, no job folder, and nothing in the home of whoever ran it."""
    assert finished.world.leftovers() == []
    # npm, asked for its settings, makes the folder of its logs.
    assert {path.name for path in finished.world.home.iterdir()} <= {".npm"}


def test_the_checkout_is_not_written_to(finished: Finished) -> None:
    """With PIPELINE_ROOT everything is below that root, the recipes' own folder included."""
    root = finished.world.root
    assert {path.name for path in root.iterdir()} == {"build", "data", "pipeline.yaml"}
    assert Path(root, "data").is_dir()
