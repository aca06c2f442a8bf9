"""The breakers of several runs at one control file."""

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipeline.breakers import Breakers
from pipeline.control.breaker import Event
from pipeline.instants import timestamp
from pipeline.model import Breaker, BreakerState, Gate, Held, Stage
from pipeline.settings import load_control
from pipeline.store import Paths
from tests.builders import NOW, config

CONFIG = config()


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def process(paths: Paths, time: Time) -> Breakers:
    return Breakers(paths, CONFIG, time)


def event(time: Time, source: str = "npm:a", *, answered: bool) -> Event:
    return Event(at=timestamp(time()), source=source, stage=Stage.GENERATE, answered=answered)


def npm(paths: Paths) -> Breaker:
    return load_control(paths, CONFIG.ecosystems).circuit_breaker["npm"]


def open_it(paths: Paths, time: Time) -> None:
    for number in range(CONFIG.breaker.failures):
        process(paths, time).feed(event(time, f"npm:f{number}", answered=False))
    assert npm(paths).state is BreakerState.OPEN


def test_health_leaves_no_trace(paths, time):
    """Asking and answers write nothing, not even the folder of the lock."""
    run = process(paths, time)
    assert run.admit("npm:a") is None
    run.feed(event(time, answered=True))
    run.feed(None)
    run.release("npm:a")
    run.close()
    assert list(paths.root.iterdir()) == []


def test_failures_of_several_processes_add_up_and_hold_that_ecosystem_alone(paths, time):
    """Five processes with one failure each are an outage; the other ecosystem goes on."""
    open_it(paths, time)
    held = process(paths, time).admit("npm:a")
    assert held == Held(
        gate=Gate.BREAKER_OPEN,
        message=f"npm: open after 5 failures in a row, until {timestamp(NOW + timedelta(minutes=60))}",
    )
    assert process(paths, time).gate("npm") == held
    assert process(paths, time).admit("pypi:a") is None


def test_of_many_that_ask_at_once_one_is_admitted(paths, time):
    """Eight runs, each with its own lock on the same file, ask at the same moment: also for the same package."""
    open_it(paths, time)
    time.passes(60)
    answers: list[Held | None] = []
    together = threading.Barrier(8)

    def ask(number: int) -> None:
        run = process(paths, time)
        together.wait()
        answers.append(run.admit(f"npm:{'same' if number % 2 else number}"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(None) == 1
    assert len(answers) == 8


def test_a_probe_keeps_its_lease_from_stage_to_stage(paths, time):
    """It asks again before it is validated; another process is refused in between, the same package too."""
    open_it(paths, time)
    time.passes(60)
    prober, other = process(paths, time), process(paths, time)
    assert prober.admit("npm:p") is None
    time.passes(20)
    assert prober.admit("npm:p") is None
    time.passes(20)
    assert other.admit("npm:p") is not None
    prober.release("npm:p")
    assert other.admit("npm:p") is None
    assert npm(paths).state is BreakerState.HALF_OPEN


def test_a_run_that_ends_returns_its_leases(paths, time):
    """What it did not finish is another's to try, at once."""
    open_it(paths, time)
    time.passes(60)
    prober, other = process(paths, time), process(paths, time)
    assert prober.admit("npm:p") is None
    assert other.admit("npm:q") is not None
    prober.close()
    assert other.admit("npm:q") is None
    prober.close()
    assert npm(paths).probe.source == "npm:q", "a lease is returned once"


def test_a_damaged_file_holds_everything_and_is_left_alone(paths, time):
    """A damaged switch is off, not on; what could not be counted stands in the records."""
    paths.control.write_text("{")
    run = process(paths, time)
    for held in (run.admit("npm:a"), run.gate("npm")):
        assert held is not None
        assert held.gate is Gate.PIPELINE_DISABLED
        assert "batch-control.json" in held.message
    run.feed(event(time, answered=False))
    assert paths.control.read_text() == "{"
