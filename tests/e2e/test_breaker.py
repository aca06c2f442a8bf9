"""A registry that is down: its breaker opens within the run, one probe at a time asks again, success closes it."""

import json

import pytest

from pipeline.model import Batch, BreakerState, Control, Failed, Gate, Generated, Held, VerdictStatus
from tests.e2e.world import World, finish, load
from tests.fake_registry import Reply

NPM = tuple(f"tool-{letter}" for letter in "abcdefgh")
PYPI = ("even", "fresh")
SOURCES = [*(f"npm:{name}" for name in NPM), *(f"pypi:{name}" for name in PYPI)]


def npm_requests(world: World) -> list[str]:
    """Return the npm packages that were asked for since the last look, in the order of the requests."""
    asked = [one.path.removeprefix("/npm/") for one in world.registry.seen() if one.path.startswith("/npm/")]
    world.registry.forget()
    return asked


def breaker(world: World) -> dict[str, object]:
    found: dict[str, object] = json.loads(world.paths.control.read_text())["circuit_breaker"]["npm"]
    return found


def due(world: World) -> None:
    """Let the breaker's time come."""
    control = json.loads(world.paths.control.read_text())
    control["circuit_breaker"]["npm"]["opens_at"] = "2020-01-01T00:00:00Z"
    world.control(json.dumps(control))


def furnish(world: World) -> None:
    world.configure(rate=10, platforms=world.only_here())
    world.queue(*SOURCES)


def heal(world: World) -> None:
    for name in NPM:
        world.npm(name)


@pytest.fixture
def down(world: World) -> World:
    """Eight npm packages whose registry answers 503, two PyPI packages whose index is well, one run over all."""
    furnish(world)
    for name in NPM:
        world.registry.reply(f"/npm/{name}", Reply(status=503))
    for name in PYPI:
        world.pypi(name)
    world.control(team_notes="ours")
    world.ran("generate")
    return world


def test_it_opens_within_a_run_and_what_is_left_stays_pending(down: World) -> None:
    """After five failures nothing more is asked; the packages behind are held with the number and the time."""
    asked = npm_requests(down)
    assert 5 <= len(asked) <= 6, "at most one was under way when it opened"
    assert (breaker(down)["state"], breaker(down)["failures"]) == ("open", len(asked))
    outcomes = {source: down.outcome(source).outcome for source in SOURCES}
    assert {type(outcomes[f"npm:{name}"]) for name in asked} == {Failed}
    for name in set(NPM) - set(asked):
        held = outcomes[f"npm:{name}"]
        assert isinstance(held, Held)
        assert held.gate is Gate.BREAKER_OPEN
        assert "open after 5 failures in a row" in held.message
        assert f"until {breaker(down)['opens_at']}" in held.message
    assert {type(outcomes[f"pypi:{name}"]) for name in PYPI} == {Generated}
    assert json.loads(down.paths.control.read_text())["team_notes"] == "ours"

    down.ran("generate")

    assert npm_requests(down) == [], "it is open still"


def test_one_probe_is_sent_and_its_failure_waits_longer(down: World) -> None:
    """When the time has come, one package is asked for; the registry is still down, so two hours are waited."""
    npm_requests(down)
    due(down)
    down.ran("generate")
    assert len(npm_requests(down)) == 1
    control = load(down.paths.control, Control).circuit_breaker["npm"]
    assert (control.state, control.failed_probes, control.probe) == (BreakerState.OPEN, 1, None)


def test_success_closes_it_and_the_others_go_on(down: World) -> None:
    """The probe is answered: the next run makes all that was held back."""
    npm_requests(down)
    due(down)
    heal(down)
    down.ran("generate")
    assert breaker(down)["state"] == "closed"
    down.ran("generate")
    assert sorted(npm_requests(down)) == sorted(NPM)
    assert {type(down.outcome(source).outcome) for source in SOURCES} == {Generated}
    assert "npm: closed, 0 failures" in down.ran("status").out


@pytest.fixture
def other(down: World) -> World:
    """A second root with the same queue, whose control file is the first one's."""
    second = World(down.folder / "other", down.registry)
    furnish(second)
    second.paths.control.symlink_to(down.paths.control)
    npm_requests(down)
    due(down)
    return second


def test_while_a_probe_is_out_nobody_else_asks(down: World, other: World) -> None:
    """A run of the other root, begun and ended before the probe has its answer, holds what it chose."""
    down.registry.at_request("/npm/", 1, lambda: other.ran("generate:npm"))
    down.ran("generate:npm")
    (asked,) = npm_requests(down)
    (chosen,) = [entry.source for entry in load(other.paths.batch, Batch).selected if entry.source.startswith("npm:")]
    held = other.outcome(chosen).outcome
    assert isinstance(held, Held)
    assert f"npm:{asked} is the probe, until " in held.message
    assert other.paths.control.is_symlink()
    assert breaker(down)["failed_probes"] == 1


def test_two_runs_at_once_send_one_probe(down: World, other: World) -> None:
    """Whichever gets the lease: the other finds it taken, or the breaker open again."""
    processes = [down.start("generate:npm"), other.start("generate:npm")]
    assert [finish(process).exit_code for process in processes] == [0, 0]
    assert len(npm_requests(down)) == 1
    assert breaker(down)["failed_probes"] == 1


def test_a_probe_that_died_is_followed_by_another_when_its_lease_ends(down: World) -> None:
    """Killed with the lease in its hand, a run keeps the next one out until then, and no longer."""
    npm_requests(down)
    due(down)
    process = None

    def kill() -> None:
        assert process is not None
        process.kill()

    for name in NPM:
        down.registry.at_request(f"/npm/{name}", 1, kill)
    process = down.start("generate")
    finish(process)
    assert len(npm_requests(down)) == 1
    assert breaker(down)["state"] == "half-open"

    heal(down)
    down.ran("generate")
    assert npm_requests(down) == []

    control = json.loads(down.paths.control.read_text())
    control["circuit_breaker"]["npm"]["probe"]["until"] = "2020-01-01T00:00:00Z"
    down.control(json.dumps(control))
    down.ran("generate")
    assert npm_requests(down)
    assert breaker(down)["state"] == "closed"


def test_a_validation_waits_for_its_breaker_too(world: World) -> None:
    """A recipe whose sandbox would ask a registry that is down waits, and is validated when the breaker has closed."""
    world.configure(platforms=world.only_here())
    world.queue(world.npm("aloft"))
    open_now = {"npm": {"state": "open", "failures": 5, "opens_at": "2999-01-01T00:00:00Z", "stages": ["validate"]}}
    world.registry.at_request("/npm/aloft", 1, lambda: world.control(circuit_breaker=open_now))
    world.ran()
    verdict = world.verdict("npm:aloft")
    assert (verdict.status, verdict.phases) == (VerdictStatus.NOT_RUN, [])
    assert "breaker_open: npm: open after 5 failures in a row, until 2999-01-01T00:00:00Z" in verdict.reason

    due(world)
    world.ran()

    assert world.payload().included == ["npm:aloft"]
    assert breaker(world)["state"] == "closed"
    assert breaker(world)["probe"] is None


def test_a_healthy_run_leaves_the_control_file_alone(world: World) -> None:
    """No file is made, no lock is taken, while nothing fails."""
    world.configure(platforms=world.only_here())
    world.queue(world.npm("aloft"), world.pypi("even"))
    world.ran()
    assert not world.paths.control.exists()
    assert not world.paths.control_lock.exists()


def test_stored_answers_against_packages_do_not_prove_a_registry_well(world: World) -> None:
    """What was deprecated last week is no answer of today: the breaker opens, and no package is given up for it."""
    network = {"attempts": 1, "freshness_seconds": 0}
    world.configure(network=network, breaker={"failures": 3}, platforms=world.only_here())
    world.queue(*(world.npm(name, deprecated="use another") for name in NPM))
    world.ran("generate")
    for path in sorted(world.paths.build.glob("generate/npm/*.json")):
        path.unlink()
    for name in NPM:
        world.registry.reply(f"/npm/{name}", Reply(status=503))
    npm_requests(world)
    world.ran("generate")
    asked = npm_requests(world)
    assert 3 <= len(asked) < len(NPM)  # some are on their way when it opens
    assert breaker(world)["state"] == BreakerState.OPEN
    outcomes = [world.outcome(f"npm:{name}").outcome for name in NPM]
    assert [isinstance(outcome, Failed) and outcome.transient for outcome in outcomes].count(True) == len(asked)
    world.ran()
    world.ran("publish")
    queue = json.loads((world.root / "data" / "queues" / "priority-queue.json").read_text())
    assert {entry["status"] for entry in queue["entries"]} == {"pending"}
