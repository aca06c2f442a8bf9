"""What has not changed upstream costs a question for each package and no body; while it is fresh, nothing."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.instants import timestamp
from pipeline.model import STOOD_IN, Generated, RunRecord, Subcategory
from pipeline.state import journal
from pipeline.state.metrics import read_rechecks, read_runs
from tests.builders_journal import line
from tests.e2e.world import World
from tests.fake_registry import Reply

NEVER_CHANGE = ("/npm/-/", "/pypi/files/", "/cargo/dl/", ".info", ".mod", ".zip")
EACH = 8
FOUR = ("npm", "pypi", "cargo", "go")
TOOL_ZIP = "/go/git.example/tool/@v/v1.2.3.zip"
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def publish(world: World) -> list[str]:
    """Publish eight packages in each ecosystem, two of the Go commands below their modules' roots."""
    names = [f"tool-{letter}" for letter in "abcdefgh"]
    sources = [make(name) for make in (world.npm, world.pypi, world.crate) for name in names]
    sources += [world.go(f"git.example/{name}") for name in names[2:]]
    return sources + [world.go(f"git.example/{name}/cmd/{name}", module=f"git.example/{name}") for name in names[:2]]


@pytest.fixture
def known(world: World) -> World:
    """A root that has made the recipes of 32 packages, and whose results were removed since; the answers are stored."""
    world.configure(platforms=world.only_here())
    world.queue(*publish(world))
    return world


def generate(world: World, age: int = 0) -> None:
    """Make all recipes for the first time, from answers that are `age` seconds old and good for an hour."""
    world.registry.tag(age=age)
    world.ran("generate", **world.clients())
    assert all(isinstance(outcome, Generated) for outcome in outcomes(world).values())
    forget(world)


def forget(world: World) -> None:
    """Remove what was made, and count anew."""
    for folder in (world.paths.build / "generate", world.paths.runs_folder):
        for path in folder.rglob("*.*"):
            path.unlink()
    world.registry.forget()


def outcomes(world: World) -> dict[str, object]:
    sources = [entry.source for entry in world.batch().selected]
    assert len(sources) == 4 * EACH
    return {source: world.outcome(source).outcome for source in sources}


def asked(world: World) -> Counter[str]:
    """Return how often each ecosystem was asked; fails when it was for what cannot change, or sent a body."""
    seen = world.registry.seen()
    assert [one.path for one in seen if any(part in one.path for part in NEVER_CHANGE)] == []
    assert {one.status for one in seen} <= {304}
    return Counter(one.path.split("/")[1] for one in seen)


# That of the index's config.json is not among them: the crates share it, and the second one has asked already.
ONE_EACH = Counter(dict.fromkeys(FOUR, EACH))


def test_within_the_freshness_time_nobody_is_asked(known: World) -> None:
    """32 recipes made again within the hour cost no request, though longer paths of Go commands were not found."""
    generate(known)
    known.ran("generate", **known.clients())
    assert known.registry.seen() == []
    (run,) = read_runs(known.paths, known.batch().id)
    assert {name: run.traffic[name].requests for name in FOUR} == dict.fromkeys(FOUR, 0)
    assert run.traffic["cargo"].cache_hits >= 2 * EACH


def test_later_each_package_costs_one_question_and_no_body(known: World) -> None:
    """One conditional request for each of 32 packages, all answered with 304; what cannot change is not asked for."""
    generate(known, age=7200)
    known.ran("generate", **known.clients())
    assert asked(known) == ONE_EACH
    (run,) = read_runs(known.paths, known.batch().id)
    assert {name: (found.requests, found.not_modified, found.bytes) for name, found in run.traffic.items()} == {
        name: (count, count, 0) for name, count in ONE_EACH.items()
    }
    assert all(isinstance(outcome, Generated) for outcome in outcomes(known).values())


def test_a_recheck_costs_the_same_and_is_in_the_numbers(known: World) -> None:
    """It asks about each package once, reads no body, and what it asked counts with the next batch published."""
    generate(known, age=7200)
    sources = [entry.source for entry in known.batch().selected]
    failed = timestamp(datetime.now(UTC) - timedelta(days=9))
    reason = {"subcategory": Subcategory.NO_EXECUTABLES, "upstream": "0" * 64, "fingerprint": None}
    journal.append(known.paths, [line(source=source, at=failed, **reason) for source in sources])
    known.queue(*sources, status="failed")
    known.ran("recheck", **known.clients())
    assert asked(known) == ONE_EACH
    (record,) = read_rechecks(known.paths, LATER)
    assert not_modified(record) == ONE_EACH

    fresh = known.npm("fresh")
    known.queue(fresh)
    known.ran(**known.clients())
    known.ran("publish")
    counted = json.loads(known.ran("metrics", "--json").out)["totals"]["traffic"]
    assert (counted["cargo"]["requests"], counted["cargo"]["not_modified"]) == (EACH, EACH)
    assert counted["npm"]["requests"] > EACH
    assert read_rechecks(known.paths, LATER) == []


def not_modified(record: RunRecord) -> Counter[str]:
    return Counter({name: found.not_modified for name, found in record.traffic.items()})


def test_stored_answers_stand_in_while_the_registry_is_down(known: World) -> None:
    """All 32 recipes are made from what is stored, and each says so, as long as the breaker is closed."""
    known.configure(platforms=known.only_here(), breaker={"failures": 1000})
    generate(known, age=7200)
    for path in known.registry.paths():
        known.registry.reply(path, Reply(status=503))
    known.ran("generate", **known.clients())
    stood_in = {
        source: isinstance(outcome, Generated) and STOOD_IN in outcome.evidence.risks
        for source, outcome in outcomes(known).items()
    }
    assert stood_in == dict.fromkeys(stood_in, True)


def test_a_stored_file_that_cannot_be_read_is_asked_about_again(world: World) -> None:
    """What a broken mirror once gave for a version that never changes does not keep its package away for a month."""
    world.configure(platforms=world.only_here())
    source = world.go("git.example/tool")
    whole = world.registry.choose(TOOL_ZIP)
    world.registry.reply(TOOL_ZIP, Reply(body=b"<html>", headers={"Cache-Control": "max-age=0"}))
    world.queue(source)
    world.ran("generate", **world.clients())
    assert world.outcome(source).outcome.subcategory is Subcategory.BAD_METADATA

    world.registry.reply(TOOL_ZIP, whole)
    forget(world)
    world.ran("generate", **world.clients())
    assert isinstance(world.outcome(source).outcome, Generated)
