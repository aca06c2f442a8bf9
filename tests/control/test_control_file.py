"""The control file keeps what others wrote, whoever writes and however it ends."""

import json
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BadInput, PipelineError
from pipeline.model import Breaker, BreakerState, Budget, Control, Probe
from pipeline.settings import load_control
from pipeline.state.control_file import machine, operator
from pipeline.store import SHIPPED, Paths
from tests.control.writer import ECOSYSTEMS

NPM = ("npm", "pypi")
THEIRS = """{
  "team_notes": {"who": "us", "ümlaut": [1, 2.5, null]},
  "budget": {"linux_minutes_used": 12, "burst": true, "macos_minutes_used": 0},
  "enabled": true,
  "circuit_breaker": {
    "pypi": {"state": "closed", "next_look": "monday", "failures": 2},
    "npm": {"failures": 5, "state": "open", "last_failure": "2026-03-01T00:00:00Z", "opens_at": "2026-03-01T01:00:00Z",
            "probe": {"until": "2026-03-01T00:30:00Z", "source": "npm:a", "host": "x"}}
  }
}"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def breaker_of(control: Control, name: str, **fields: object) -> Control:
    after = msgspec.structs.replace(control.circuit_breaker.get(name, Breaker()), **fields)
    return msgspec.structs.replace(control, circuit_breaker={**control.circuit_breaker, name: after})


def replaced(**fields: object):
    return lambda control: msgspec.structs.replace(control, **fields)


# ------------------------------------------------------------------------------------ what stays


def test_a_machine_changes_what_differs_and_nothing_else(paths):
    """Keys of others stay at every level, in their order; so does what an operator has just written."""
    paths.control.write_text(THEIRS)
    before = json.loads(THEIRS)

    def change(control: Control) -> Control:
        control = breaker_of(control, "npm", failures=6, probe=Probe(source="npm:b", until="2026-03-02T00:00:00Z"))
        return msgspec.structs.replace(control, budget=msgspec.structs.replace(control.budget, linux_minutes_used=13.5))

    written = machine(paths, NPM, change)

    after = json.loads(paths.control.read_text())
    before["budget"]["linux_minutes_used"] = 13.5
    before["circuit_breaker"]["npm"]["failures"] = 6
    before["circuit_breaker"]["npm"]["probe"] |= {"source": "npm:b", "until": "2026-03-02T00:00:00Z"}
    assert json.dumps(after) == json.dumps(before), "the order of keys counts too"
    assert "ümlaut" in paths.control.read_text()
    assert written == load_control(paths, NPM)


def test_an_operator_changes_switches_and_nothing_else(paths):
    """The breakers and the budget stay as the machine left them."""
    paths.control.write_text(THEIRS)
    operator(paths, NPM, replaced(enabled=False, reason="an incident"))
    assert json.loads(paths.control.read_text()) == {**json.loads(THEIRS), "enabled": False, "reason": "an incident"}


def written_file(paths):
    """Return what any write would change: which file it is, and when its content was written."""
    found = paths.control.stat()
    return found.st_ino, found.st_mtime_ns


@pytest.mark.parametrize("content", [None, "{}", THEIRS], ids=["missing", "empty", "full"])
def test_nothing_is_written_when_nothing_changes(paths, content):
    """Not even a file that is missing."""
    if content is not None:
        paths.control.write_text(content)
    before = written_file(paths) if content is not None else None
    for write in (machine, operator):
        assert write(paths, NPM, lambda known: known) == load_control(paths, NPM)
    assert (written_file(paths) if content is not None else None) == before
    assert paths.control.exists() is (content is not None)


def test_a_missing_file_is_made_with_every_key(paths):
    """It says what the shipped one says, and what changed."""
    operator(paths, NPM, replaced(reason="why not"))
    made = json.loads(paths.control.read_text())
    assert made == {**json.loads((SHIPPED / "batch-control.json").read_text()), "reason": "why not"}


def test_each_writer_has_its_own_keys(paths):
    """The machine never changes a switch, a command never a breaker: a bug, and nothing is written."""
    with pytest.raises(ValueError, match="enabled"):
        machine(paths, NPM, replaced(enabled=False))
    with pytest.raises(ValueError, match="budget"):
        operator(paths, NPM, replaced(budget=Budget(linux_minutes_used=1)))
    assert not paths.control.exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=6,
)
OTHERS = st.dictionaries(st.text(max_size=9).map("x_{}_theirs".format), JSON, max_size=3)


@settings(deadline=None, max_examples=50)
@given(top=OTHERS, inside=OTHERS, budget=OTHERS, failures=st.integers(1, 9))
def test_whatever_others_keep_there_stays(tmp_path_factory, top, inside, budget, failures):
    """At the top, in a breaker and in the budget."""
    paths = Paths(tmp_path_factory.mktemp("root"))
    theirs = {**top, "circuit_breaker": {"npm": inside}, "budget": budget}
    paths.control.write_text(json.dumps(theirs))
    machine(paths, NPM, lambda known: breaker_of(known, "npm", failures=failures))
    operator(paths, NPM, replaced(enabled=False))
    theirs["circuit_breaker"]["npm"] = {**inside, "failures": failures}
    assert json.loads(paths.control.read_text()) == {**theirs, "enabled": False}


# ------------------------------------------------------------------------------------ damage


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"enabeld": false}',
        '{"enabled": true, "enabled": false}',
        '{"circuit_breaker": {"npm": {"probe": {"source": "npm:a", "until": "2026-02-30T00:00:00Z"}}}}',
        '{"circuit_breaker": {"npm": {"fed_until": "2026-02-30T00:00:00Z"}}}',
        '{"circuit_breaker": {"npm": {"opened_at": "2026-13-01T00:00:00Z"}}}',
        '{"disabled_at": "2026-02-30T00:00:00Z"}',
        '{"disabled_ecosystems": ["nmp"]}',
        '{"others": 1e999, "x": "\\ud800"}',
    ],
)
def test_a_damaged_file_is_an_error_and_stays_as_it_is(paths, content):
    """What a person wrote is theirs to mend."""
    paths.control.write_text(content)
    for write, change in (
        (machine, lambda known: breaker_of(known, "npm", failures=1)),
        (operator, replaced(reason="x")),
    ):
        with pytest.raises(BadInput):
            write(paths, NPM, change)
    assert paths.control.read_text() == content


def test_a_change_that_makes_the_file_invalid_is_refused(paths):
    """Nothing that could not be read again is ever written."""
    paths.control.write_text(THEIRS)
    with pytest.raises(BadInput, match="opens_at"):
        machine(paths, NPM, lambda known: breaker_of(known, "npm", opens_at="soon"))
    assert paths.control.read_text() == THEIRS


@pytest.mark.parametrize("target", ["nowhere.json", "batch-control.json"])
def test_a_link_that_leads_nowhere_is_an_error(paths, target):
    """As it is for whoever reads it; a loop is not followed for ever."""
    paths.control.symlink_to(target)
    with pytest.raises(PipelineError):
        operator(paths, NPM, replaced(reason="x"))
    assert paths.control.is_symlink()


# ------------------------------------------------------------------------------------ several at once


def start(root: Path, mode: str, number: int, times: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.control.writer", str(root), mode, str(number), str(times)]
    return subprocess.Popen(command, cwd=SHIPPED, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def let_go(writers: "list[subprocess.Popen[str]]") -> None:
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()


def test_several_processes_lose_nothing(paths, tmp_path_factory):
    """Machines and operators write at once, some through a link from another root; every change is there at the end."""
    paths.control.write_text('{"team_notes": "x"}')
    other = tmp_path_factory.mktemp("other")
    (other / "batch-control.json").symlink_to(paths.control)
    roots = [paths.root, other]
    times = 15
    writers = [start(roots[number % 2], "machine" if number < 2 else "operator", number, times) for number in range(4)]
    let_go(writers)
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0] * 4
    control = load_control(paths, ECOSYSTEMS)
    assert control.circuit_breaker["e0"].failures == 2 * times
    assert sorted(control.disabled_ecosystems) == sorted(f"e{number}" for number in range(2 * times, 4 * times))
    assert json.loads(paths.control.read_text())["team_notes"] == "x"
    assert (other / "batch-control.json").is_symlink()


def test_threads_of_one_process_lose_nothing(paths):
    """The lock holds between threads as well."""

    def count() -> None:
        for _ in range(20):
            machine(paths, NPM, lambda known: breaker_of(known, "npm", failures=_failures(known) + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _failures(load_control(paths, NPM)) == 80


def _failures(control: Control) -> int:
    return control.circuit_breaker.get("npm", Breaker()).failures


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(paths):
    """Nothing is half-written, the lock is free, and the next writer removes what was left beside it."""
    chance = random.Random(3)
    paths.control.write_text(THEIRS)
    seen = 0
    for _ in range(6):
        writer = start(paths.root, "machine", 0, 10_000)
        before = paths.control.read_bytes()
        let_go([writer])
        while paths.control.read_bytes() == before:  # a busy machine may take its time until the first write
            assert writer.poll() is None
        threading.Event().wait(chance.uniform(0.0, 0.06))
        writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=30)
        control = load_control(paths, ("npm", "pypi", "e0"))
        assert control.circuit_breaker["npm"].state is BreakerState.OPEN
        now = control.circuit_breaker.get("e0", Breaker()).failures
        assert now > seen
        seen = now
    (paths.root / ".batch-control.json.left.part").write_text("{")
    machine(paths, ECOSYSTEMS[:1] + NPM, lambda known: breaker_of(known, "npm", failures=0))
    assert list(paths.root.glob(".*.part")) == []
    assert json.loads(paths.control.read_text())["team_notes"] == json.loads(THEIRS)["team_notes"]
