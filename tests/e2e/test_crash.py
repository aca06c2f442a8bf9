"""A run that is killed at any moment loses nothing, does nothing twice, and leaves nothing behind."""

import random
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import msgspec
import pytest

from pipeline.model import OutcomeRecord, Verdict
from pipeline.staleness import outcome_is_final, verdict_is_final
from tests.e2e.world import World, finish, load
from tests.fake_registry import Reply

NPM = ("aloft", "bright")
PYPI = ("calm", "dusk", "even", "fresh", "glad")
# How long the kernel may take to end what a killed process leaves.
PATIENCE = 10.0
# What differs between two runs of the same: ages, times, and the digests of what holds them.
PASSING = re.compile(
    rb'"age_days": [\d.]+|"(?:at|startedOn|finishedOn)":"[^"]+"|"(?:made_from|statements_sha256)": "[0-9a-f]{64}"'
)
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What an undisturbed run did: how long, what it wrote, which requests of its own it made."""

    seconds: float
    products: dict[str, bytes]
    requests: list[str]


def sources(world: World) -> list[str]:
    """Publish the packages; one more does not exist."""
    return [*map(world.npm, NPM), *map(world.pypi, PYPI), "npm:missing"]


def prepared(world: World, folder: Path) -> World:
    """Return a fresh root beside the same registry, with this machine as the only platform."""
    fresh = World(folder, world.registry)
    fresh.configure(rate=20, platforms=fresh.only_here())
    fresh.queue(*sources(fresh))
    world.registry.forget()
    return fresh


def products(world: World) -> dict[str, bytes]:
    """Return what a run leaves for the next stage, without what tells only when it was made."""
    build = world.paths.build
    files = [*build.glob("generate/*/*.toml"), *build.glob("constrain/*/*"), *build.glob("payload/**/*.*")]
    return {
        str(path.relative_to(build)): PASSING.sub(b"", path.read_bytes())
        for path in files
        if path.is_file() and path.name != "body.md"
    }


def standing(world: World) -> dict[Path, bytes]:
    """Return the results that stand and must not be made again; each record there is must decode."""
    found: dict[Path, bytes] = {}
    for path, kind in world.records():
        record = load(path, kind)
        final = (isinstance(record, OutcomeRecord) and outcome_is_final(record.outcome)) or (
            isinstance(record, Verdict) and verdict_is_final(record)
        )
        if final:
            found[path] = path.read_bytes()
    return found


def in_sandbox(world: World) -> list[int]:
    """Return the processes that see a folder of this root through a mount of their own: those of the sandbox."""
    marker = str(Path(*world.paths.build.parts[-4:]))
    found: list[int] = []
    for place in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            text = place.read_text()
        except OSError:  # it has just ended
            continue
        if marker in text:
            found.append(int(place.parent.name))
    return found


def wait_until_gone(world: World) -> None:
    deadline = time.monotonic() + PATIENCE
    while alive := in_sandbox(world):
        assert time.monotonic() < deadline, f"left running: {alive}"
        time.sleep(0.01)  # the kernel is ending them; there is nothing to wait on, they are nobody's children


@pytest.fixture
def undisturbed(world: World, tmp_path: Path) -> Course:
    """A whole run from a clean tree, measured."""
    calm = prepared(world, tmp_path / "calm")
    began = time.monotonic()
    calm.ran()
    seconds = time.monotonic() - began
    return Course(seconds=seconds, products=products(calm), requests=calm.own_requests())


def kill_and_go_on(world: World, number: int, undisturbed: Course, after: float) -> None:
    """Kill a run `after` so many seconds, look at what it left, run again, and compare."""
    how = SIGNALS[number % len(SIGNALS)]
    process = world.start()
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(how)
    ended = finish(process)
    wait_until_gone(world)
    kept = standing(world)
    first = world.own_requests()

    again = world.ran()

    where = f"{how.name} after {after:.2f} s, which ended with {ended.exit_code}: {ended.err}{again.out}"
    assert products(world) == undisturbed.products, where
    assert {path: path.read_bytes() for path in kept} == kept, where
    answered = {
        load(path, OutcomeRecord).source for path in kept if path.is_relative_to(world.paths.build / "generate")
    }
    asked = world.own_requests()
    assert all(asked.count(path) <= 1 + (path in first) for path in asked), where
    repeated = len(asked) - len(undisturbed.requests)
    in_flight = len(NPM) + len(PYPI) + 1 - len(answered)
    assert repeated <= in_flight, where
    assert world.leftovers() == [], where


def kill_at_random_moments(world: World, tmp_path: Path, undisturbed: Course, *, times: int, seed: int) -> None:
    moments = random.Random(seed)
    for number in range(times):
        fresh = prepared(world, tmp_path / f"killed-{number}")
        kill_and_go_on(fresh, number, undisturbed, moments.uniform(0, undisturbed.seconds))


def test_a_killed_run_is_finished_by_the_next(world: World, tmp_path: Path, undisturbed: Course) -> None:
    """Killed at any of 3 moments, by any of 3 signals, the next run ends with the same payload and repeats nothing."""
    kill_at_random_moments(world, tmp_path, undisturbed, times=3, seed=1)


@pytest.mark.long
def test_thirty_killed_runs_are_finished_by_the_next(world: World, tmp_path: Path, undisturbed: Course) -> None:
    """Killed at any of 30 moments, by any of 3 signals, the next run ends with the same payload and repeats nothing."""
    kill_at_random_moments(world, tmp_path, undisturbed, times=30, seed=2)


# ------------------------------------------------------------------------------------ asked to stop


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
@pytest.mark.parametrize("moment", ["/npm/bright", "/npm/aloft/-/aloft-1.2.3.tgz"], ids=["a request", "a sandbox"])
def test_a_run_that_is_asked_to_stop_says_so(world: World, tmp_path: Path, how: signal.Signals, moment: str) -> None:
    """SIGTERM is Ctrl-C: at once, with exit code 130 and one line, the sandboxes die; the next run goes on."""
    fresh = prepared(world, tmp_path / "stopped")
    # The answer takes so long that only the signal can end the run in time.
    fresh.registry.script(moment, Reply(delay=60))
    arrived = threading.Event()
    fresh.registry.at_request(moment, 1, arrived.set)
    process = fresh.start()
    assert arrived.wait(60)
    began = time.monotonic()
    process.send_signal(how)
    done = finish(process)
    seconds = time.monotonic() - began
    wait_until_gone(fresh)
    assert done.exit_code == 130
    assert done.err == "recipeline: interrupted; what is finished is kept, `doit` goes on from there\n"
    assert "Traceback" not in done.out
    assert seconds < 5

    fresh.ran()

    assert len(fresh.payload().included) == len(NPM) + len(PYPI)
    assert fresh.leftovers() == []
