"""The operator's switches hold: when the batch is planned, and from the next request on in the middle of a run."""

import pytest

from pipeline.model import Batch, Gate, Generated, Held, VerdictStatus
from tests.e2e.world import World, load

NPM = ("aloft", "bright", "calm", "dusk")
PYPI = ("even", "fresh")
OPEN = {"circuit_breaker": {"npm": {"state": "open", "failures": 5, "opens_at": "2999-01-01T00:00:00Z"}}}
DISABLED = {"disabled_ecosystems": ["npm"], "reason": "the registry is ill"}
OFF = {"enabled": False, "reason": "an incident"}


@pytest.fixture
def stocked(world: World) -> World:
    """Four npm and two PyPI packages; slow enough that a switch is seen before the next request."""
    world.configure(rate=20, platforms=world.only_here())
    world.queue(*map(world.npm, NPM), *map(world.pypi, PYPI))
    return world


def asked(world: World, ecosystem: str) -> list[str]:
    """Return the paths of an ecosystem's requests since the last look at the registry."""
    return [one.path for one in world.registry.seen() if one.path.startswith(f"/{ecosystem}/")]


def kinds(world: World) -> dict[str, type]:
    """Return what became of each package."""
    return {source: type(world.outcome(source).outcome) for source in sources()}


def sources() -> list[str]:
    return [*(f"npm:{name}" for name in NPM), *(f"pypi:{name}" for name in PYPI)]


# ------------------------------------------------------------------------------------ in the plan


def test_a_disabled_pipeline_selects_nothing(stocked: World) -> None:
    """`enabled: false` ends the run with one line that names the gate, before any request."""
    stocked.control(**OFF)
    done = stocked.doit()
    assert (done.exit_code, done.err.count("\n")) == (6, 1)
    assert "pipeline_disabled 6" in done.err
    assert stocked.registry.seen() == []


@pytest.mark.parametrize(
    ("control", "gate"), [(DISABLED, Gate.ECOSYSTEM_DISABLED), (OPEN, Gate.BREAKER_OPEN)], ids=["disabled", "breaker"]
)
def test_a_stopped_ecosystem_is_left_out_of_the_batch(stocked: World, control: dict[str, object], gate: Gate) -> None:
    """A disabled ecosystem, or one whose breaker is open, is not asked at all, and the batch says why."""
    stocked.control(**control)
    stocked.ran("generate")
    batch = load(stocked.paths.batch, Batch)
    assert asked(stocked, "npm") == []
    assert [entry.source for entry in batch.selected] == [f"pypi:{name}" for name in PYPI]
    assert [(item.gate, item.count) for item in batch.left_out] == [(gate, len(NPM))]


def test_a_breaker_that_is_due_lets_one_probe_through(stocked: World) -> None:
    """An open breaker whose time has come gives one package a try and leaves out the others."""
    stocked.control(circuit_breaker={"npm": {"state": "open", "failures": 5, "opens_at": "2020-01-01T00:00:00Z"}})
    stocked.ran("generate")
    assert asked(stocked, "npm") == ["/npm/aloft"]


# ------------------------------------------------------------------------------------ in the middle of a run


@pytest.mark.parametrize("control", [DISABLED, OPEN], ids=["disabled", "breaker"])
def test_an_ecosystem_stopped_in_a_run_is_asked_no_more(stocked: World, control: dict[str, object]) -> None:
    """Written while its second request is answered, the stop holds from the third on; the other goes on."""
    stocked.registry.at_request("/npm/", 2, lambda: stocked.control(**control))
    stocked.ran("generate")
    found = kinds(stocked)
    assert len(asked(stocked, "npm")) == 2
    assert [found[f"npm:{name}"] for name in NPM].count(Held) == 2
    assert {found[f"pypi:{name}"] for name in PYPI} == {Generated}

    stocked.control()
    stocked.registry.forget()
    stocked.ran("generate")

    assert set(kinds(stocked).values()) == {Generated}
    assert sorted(asked(stocked, "npm")) == sorted(f"/npm/{name}" for name in NPM if found[f"npm:{name}"] is Held)
    assert asked(stocked, "pypi") == []


@pytest.mark.parametrize("text", ['{"enabled": false}', "{", '{"enabeld": false}', "[]", ""], ids=repr)
def test_a_run_that_is_switched_off_holds_everything(stocked: World, text: str) -> None:
    """`enabled: false`, and a control file that is damaged or mistyped in a run, hold all: a damaged switch is off."""
    stocked.registry.at_request("/npm/", 2, lambda: stocked.control(text or " "))
    done = stocked.ran("generate")
    found = kinds(stocked)
    before = stocked.registry.seen()
    assert len(asked(stocked, "npm")) == 2
    assert list(found.values()).count(Held) >= len(NPM) - 2
    assert "Traceback" not in done.out
    assert "held       npm:" in done.out

    stocked.control()
    stocked.ran("generate")

    assert set(kinds(stocked).values()) == {Generated}
    again = [one.path for one in stocked.registry.seen()[len(before) :]]
    assert not set(again) & {one.path for one in before}


def test_a_validation_is_held_too(world: World) -> None:
    """Switched off while the recipe is made, the sandbox does not start; the next run goes on from the recipe."""
    world.configure(platforms=world.only_here())
    world.queue(world.npm("aloft"))
    world.registry.at_request("/npm/", 1, lambda: world.control(**OFF))
    world.ran()
    verdict = world.verdict("npm:aloft")
    assert (verdict.status, verdict.phases) == (VerdictStatus.NOT_RUN, [])
    assert "pipeline_disabled" in verdict.reason
    assert "pipeline_disabled" in world.excluded()["npm:aloft"]

    world.control()
    world.ran()

    assert world.payload().included == ["npm:aloft"]
