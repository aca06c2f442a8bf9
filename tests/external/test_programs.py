"""Each run of a program takes a permit from a line of its own, and asks control once it has it."""

from pathlib import Path

from pipeline.external.answers import Ran
from pipeline.external.process import Errand, Workshop
from pipeline.external.programs import STOPPED, Programs
from pipeline.limiter import Limiter
from pipeline.model import Gate, Held, WorkOrder
from tests.builders import NOW, config
from tests.fakes_net import FakeClock, OpenLimiter

ORDER = WorkOrder(source="npm:tool", name="tool")
HELD = Held(gate=Gate.BREAKER_OPEN, message="the circuit breaker of npm is open")


class ShutLimiter(OpenLimiter):
    """Waiting is cut short: the run was asked to stop."""

    def acquire(self, host, rate, on_wait):
        on_wait(2.5)


class Journal:
    """A runner of programs that runs none, and the order in which things were asked."""

    def __init__(self, answer: Held | None = None) -> None:
        self.told: list[str] = []
        self._answer = answer

    def run(self, errand: Errand) -> Ran:
        self.told.append(f"run {Path(errand.argv[0]).name} within {errand.timeout} s")
        return Ran(exit_code=3)

    def admit(self, source: str) -> Held | None:
        self.told.append(f"admit {source}")
        return self._answer

    def waits(self, ecosystem: str, seconds: float) -> None:
        self.told.append(f"{ecosystem} waits {seconds} s")


def programs(tmp_path: Path, journal: Journal, limiter: Limiter) -> Programs:
    npm = {"generator": "command", "requests_per_second": 0.5, "command": ["true", "{name}", "{output}"]}
    return Programs(
        config(ecosystems={"npm": npm}, external={"generate_timeout_seconds": 7}),
        Workshop(root=tmp_path, jobs=tmp_path / "jobs", environment={"PATH": "/usr/bin:/bin"}, run=journal.run),
        limiter=limiter,
        moment=lambda: NOW,
        waits=journal.waits,
    )


def test_a_permit_comes_first_then_control_is_asked_then_the_program_runs(tmp_path: Path) -> None:
    """So a stop that comes while it waits holds, and no other host's line is used."""
    journal, limiter = Journal(), OpenLimiter(FakeClock())
    programs(tmp_path, journal, limiter).make(ORDER, journal.admit)
    assert limiter.asked == [("command:npm", 0.5)]
    assert journal.told == ["admit npm:tool", "run true within 7 s"]


def test_what_control_holds_is_not_run(tmp_path: Path) -> None:
    journal = Journal(HELD)
    assert programs(tmp_path, journal, OpenLimiter(FakeClock())).make(ORDER, journal.admit) == HELD
    assert journal.told == ["admit npm:tool"]


def test_waiting_that_is_cut_short_holds_the_package(tmp_path: Path) -> None:
    """It stays pending; the display had heard of the wait."""
    journal = Journal()
    assert programs(tmp_path, journal, ShutLimiter(FakeClock())).make(ORDER, journal.admit) == STOPPED
    assert journal.told == ["npm waits 2.5 s"]
