"""Each check of the machine by what it is given: no check looks anywhere else."""

import subprocess
import threading
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import msgspec
import pytest

from pipeline.doctor.base import Finding, Machine, State, Unanswered, ok
from pipeline.doctor.checks import CHECKS, examine
from pipeline.doctor.files import leftovers
from pipeline.doctor.git import of_reply
from pipeline.doctor.python import of_packages, of_python
from pipeline.doctor.registries import of_clock, of_silence
from pipeline.doctor.resources import look, of_disk, of_memory
from pipeline.doctor.sandboxes import of_places
from pipeline.errors import PipelineError
from pipeline.lock import alone
from pipeline.sandbox.cgroups import Place
from pipeline.settings import load_config
from pipeline.store import SHIPPED, Paths

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONFIG = load_config(Paths(SHIPPED), [])
# The largest phase of the shipped configuration.
LARGEST_MB = 4096


def test_a_command_that_refuses_what_was_asked_is_no_killed_run(tmp_path: Path) -> None:
    """A mere error ends in order; an end in the middle of the work leaves its note."""
    (tmp_path / "build").mkdir()
    paths = Paths(tmp_path)

    def left() -> Finding:
        return leftovers(paths, lambda pid: False)

    with pytest.raises(PipelineError), alone(paths, NOW):
        raise PipelineError("refused", remedy="ask otherwise")
    assert left().state is State.OK
    with pytest.raises(KeyboardInterrupt), alone(paths, NOW):
        raise KeyboardInterrupt
    assert left().state is State.WARNING
    assert "was ended before its work was done" in left().seen
    (paths.sandbox / "job-1").mkdir(parents=True)
    assert left().seen.endswith(", and left 1 folder of its jobs")


def test_a_check_that_hangs_is_a_failure_and_the_others_are_told() -> None:
    """Nobody waits for it longer than its time."""
    let_go = threading.Event()

    def hangs(_machine: Machine, /) -> list[Finding]:
        let_go.wait(20)
        return []

    began = time.monotonic()
    try:
        checks = {"slow": hangs, "quick": lambda _machine: [ok("quick", "done")]}
        findings = examine(None, patience=0.2, checks=checks)  # type: ignore[arg-type]  # neither looks at it
    finally:
        let_go.set()
    assert time.monotonic() - began < 5
    assert [(each.check, each.state) for each in findings] == [("slow", State.FAILED), ("quick", State.OK)]
    assert "0.2 s" in findings[0].seen


def test_a_bug_in_a_check_is_no_finding() -> None:
    """It keeps its traceback."""

    def broken(_machine: Machine, /) -> list[Finding]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        examine(None, checks={"broken": broken})  # type: ignore[arg-type]  # it does not look at it


def test_there_are_checks_of_all_that_the_work_needs() -> None:
    """Each has a name of its own, in the order in which a person mends things."""
    assert list(CHECKS)[:2] == ["files", "python"]
    assert len(CHECKS) == 10


@pytest.mark.parametrize(
    ("here", "state"), [((3, 10, 14), State.FAILED), ((3, 11, 0), State.OK), ((4, 0, 0), State.OK)]
)
def test_an_old_python_is_a_failure(here: tuple[int, int, int], state: State) -> None:
    assert of_python(here).state is state


def test_the_installed_packages_are_compared_with_the_lock(tmp_path: Path) -> None:
    """A line whose marker does not hold here is nobody's; what is missing is worse than what is another version."""
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "alpha==1.0 \\\n    --hash=sha256:00\nbeta==2.0 ; sys_platform != 'nowhere' \\\n    --hash=sha256:00\n"
        "gamma==3.0 ; sys_platform == 'nowhere' \\\n    --hash=sha256:00\n"
    )

    def of(installed: dict[str, str]) -> Finding:
        def version(name: str) -> str:
            if name not in installed:
                raise PackageNotFoundError(name)
            return installed[name]

        return of_packages(lock, version)

    assert of({"alpha": "1.0", "beta": "2.0"}).state is State.OK
    other = of({"alpha": "1.1", "beta": "2.0"})
    assert (other.state, "alpha 1.1 instead of 1.0" in other.seen) == (State.WARNING, True)
    missing = of({"alpha": "1.1"})
    assert (missing.state, "beta 2.0" in missing.seen) == (State.FAILED, True)


def test_the_shipped_lock_is_read() -> None:
    """Its form is that which the check expects: with nothing installed, all of it is missing."""

    def nothing(name: str) -> str:
        raise PackageNotFoundError(name)

    found = of_packages(SHIPPED / "requirements.lock", nothing)
    assert found.state is State.FAILED
    assert int(found.seen.split()[0]) > 30


@pytest.mark.parametrize(
    ("ahead", "state"),
    [
        ([], State.WARNING),
        ([0.4, -0.2], State.OK),
        ([60.0], State.OK),
        ([61.0], State.WARNING),
        ([-3600.0, -3601.0], State.WARNING),
        ([4000.0, 0.1], State.OK),  # one server is wrong
    ],
)
def test_a_clock_is_wrong_when_all_servers_say_so(ahead: list[float], state: State) -> None:
    assert of_clock(ahead).state is state


@pytest.mark.parametrize(("paced", "state"), [(True, State.NOT_ASKED), (False, State.FAILED)])
def test_a_registry_whose_pace_others_use_is_not_asked(paced: bool, state: State) -> None:
    """A busy machine is no finding; a registry that does not answer is."""
    assert of_silence("registry npm", Unanswered(message="why", paced=paced), "npm's settings").state is state


@pytest.mark.parametrize(
    ("free", "state"),
    [(LARGEST_MB - 1, State.FAILED), (LARGEST_MB, State.WARNING), (2 * LARGEST_MB + 2048, State.OK)],
)
def test_the_disk_must_hold_one_validation_and_should_hold_all(free: int, state: State) -> None:
    """Two workers at 4,096 MiB, and 2,048 MiB of kept answers."""
    assert of_disk(free, CONFIG, workers=2).state is state


@pytest.mark.parametrize(
    ("free", "state"), [(None, State.WARNING), (LARGEST_MB, State.WARNING), (2 * LARGEST_MB, State.OK)]
)
def test_the_memory_should_hold_all_validations(free: int | None, state: State) -> None:
    assert of_memory(free, CONFIG, workers=2).state is state


def test_without_control_groups_a_watchdog_stands_in() -> None:
    """Both controllers are wanted."""
    memory = Place(folder=Path("/m"), version=1, controllers=("memory",))
    pids = Place(folder=Path("/p"), version=1, controllers=("pids",))
    assert of_places((memory, pids)).state is State.OK
    assert of_places((memory,)).state is State.WARNING
    assert of_places(()).state is State.WARNING


def told(permissions: object = None, **fields: object) -> bytes:
    return msgspec.json.encode({"full_name": "o/r", "permissions": permissions, **fields})


@pytest.mark.parametrize(
    ("status", "scopes", "content", "state", "word"),
    [
        (200, "repo, workflow", told({"push": True}), State.OK, "with repo"),
        (200, None, told({"push": True}), State.OK, "tells no more"),
        (200, "gist", told({"push": True}), State.FAILED, "gist"),
        (200, "", told({"push": True}), State.FAILED, "none"),
        (200, "repo", told({"push": False}), State.FAILED, "may not push"),
        (200, "repo", told({"push": True}, archived=True), State.FAILED, "archived"),
        (200, "repo", b"<html>", State.WARNING, "cannot be read"),
        (200, "repo", b"[" * 100_000, State.WARNING, "cannot be read"),
        (401, None, b"", State.FAILED, "expired"),
        (404, None, b"", State.FAILED, "does not see"),
        (502, None, b"", State.WARNING, "502"),
    ],
)
def test_what_a_token_may_do(status: int, scopes: str | None, content: bytes, state: State, word: str) -> None:
    """By the answer to `GET /repos/o/r`: its status, a classic token's scopes, the permissions of whoever has it."""
    found = of_reply("GH_TOKEN", "o/r", status, scopes, content)
    assert found.state is state
    assert word in found.seen
    assert bool(found.remedy) is (state is not State.OK)


def test_a_full_file_system_is_seen(tmp_path: Path) -> None:
    """On a disk of 64 KiB there is no MiB, and once it is full nothing can be written."""
    disk = tmp_path / "build"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        assert look(disk).disk_mb == 0
        assert look(disk).writable == ""
        with pytest.raises(OSError, match="No space"):
            (disk / "filler").write_bytes(bytes(128 * 1024))
        assert "free some space" in look(disk).writable
    finally:
        subprocess.run(["umount", disk], check=True)
