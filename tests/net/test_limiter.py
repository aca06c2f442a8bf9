"""The limiter within one process: files, order, penalties, stopping."""

import threading

import pytest

from pipeline.clock import SystemClock
from pipeline.limiter import FileLimiter
from tests.fakes_net import FakeClock


def ignore(seconds: float) -> None:
    """Nobody watches the waits."""


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def stop():
    return threading.Event()


@pytest.fixture
def limiter(tmp_path, clock, stop):
    return FileLimiter(tmp_path / "limiter", clock=clock, stop=stop)


def test_the_first_request_goes_at_once_and_the_next_waits(limiter, clock):
    """The first slot is free; the second comes an interval later, and the wait is announced."""
    waits = []
    first = limiter.acquire("a.example", 2.0, waits.append)
    second = limiter.acquire("a.example", 2.0, waits.append)
    assert first == 1_000.0
    assert second - first == pytest.approx(0.505)
    assert waits == [pytest.approx(0.505)]


def test_hosts_do_not_wait_for_each_other(limiter, clock):
    """A slot taken at one host takes none from another, nor from another port."""
    for host in ("a.example", "b.example", "a.example:8080"):
        limiter.acquire(host, 1.0, ignore)
    assert clock.now() == 1_000.0


def test_the_state_is_shared_through_the_folder(tmp_path, clock, stop):
    """Two limiters on one folder are one limit: so do two processes share it."""
    folder = tmp_path / "limiter"
    one, two = (FileLimiter(folder, clock=clock, stop=stop) for _ in range(2))
    one.acquire("a.example", 1.0, ignore)
    assert two.acquire("a.example", 1.0, ignore) == pytest.approx(1_001.01)


def test_a_penalty_holds_everybody_back(tmp_path, clock, stop):
    """After one requester was told to be patient, another one waits as long."""
    folder = tmp_path / "limiter"
    one, two = (FileLimiter(folder, clock=clock, stop=stop) for _ in range(2))
    one.penalise("a.example", 30.0)
    assert two.acquire("a.example", 10.0, ignore) == pytest.approx(1_030.0)


def test_a_request_that_leaves_late_holds_the_next_one_back(limiter, clock):
    """Opening a connection took half a second: the next request goes an interval after that, not before."""
    claimed = limiter.acquire("a.example", 1.0, ignore)
    clock.advance(0.5)
    limiter.sent("a.example", claimed)
    assert limiter.acquire("a.example", 1.0, ignore) == pytest.approx(1_001.51, abs=0.003)


def test_a_request_that_leaves_on_time_costs_nothing(limiter, clock):
    """A millisecond between slot and departure is normal, and is not added to every interval."""
    claimed = limiter.acquire("a.example", 1.0, ignore)
    clock.advance(0.001)
    limiter.sent("a.example", claimed)
    assert limiter.acquire("a.example", 1.0, ignore) == pytest.approx(1_001.01)


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b'{"last": 1', b'{"last": 1e300}', b'{"last": null}'])
def test_a_damaged_file_neither_crashes_nor_blocks(limiter, clock, tmp_path, content):
    """Rubbish in the state file costs at most one interval, and is replaced."""
    limiter.acquire("a.example", 1.0, ignore)
    (state,) = (tmp_path / "limiter").glob("*.json")
    state.write_bytes(content)
    assert limiter.acquire("a.example", 1.0, ignore) - 1_000.0 <= 1.02


def test_a_state_from_before_a_reboot_does_not_block(tmp_path, stop):
    """Times of an earlier boot lie in the future of this one and are dropped."""
    folder = tmp_path / "limiter"
    FileLimiter(folder, clock=FakeClock(900_000.0), stop=stop).penalise("a.example", 3_000.0)
    after = FileLimiter(folder, clock=FakeClock(60.0), stop=stop)
    assert after.acquire("a.example", 1.0, ignore) == 60.0


@pytest.mark.parametrize("host", ["..", "a/b", "[::1]:80", "A.example", "x" * 300, "\n"])
def test_no_host_name_leaves_the_folder(limiter, tmp_path, host):
    """Host names come from metadata: each becomes a plain file in the limiter's own folder."""
    limiter.acquire(host, 1.0, ignore)
    inside = [path for path in (tmp_path / "limiter").rglob("*") if path.is_file()]
    assert inside
    assert {path.name for path in tmp_path.iterdir()} == {"limiter"}
    assert all(path.parent == tmp_path / "limiter" for path in inside)


def test_waiting_ends_at_once_when_the_run_stops(tmp_path):
    """A thread that waits for an hour returns None as soon as `stop` is set, and so do those behind it."""
    stop = threading.Event()
    limiter = FileLimiter(tmp_path / "limiter", clock=SystemClock(), stop=stop)
    limiter.penalise("a.example", 3_600.0)
    waiting = threading.Semaphore(0)
    results = []

    def ask():
        results.append(limiter.acquire("a.example", 1.0, lambda _seconds: waiting.release()))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert waiting.acquire(timeout=10)
    stop.set()
    for thread in threads:
        thread.join(timeout=10)
    assert results == [None, None, None]


def test_threads_are_served_in_the_order_in_which_they_came(tmp_path):
    """First come, first served: a thread that has just been served goes to the end of the line."""
    limiter = FileLimiter(tmp_path / "limiter", clock=SystemClock(), stop=threading.Event())
    limiter.penalise("a.example", 0.3)  # time for all of them to stand in line
    served = []

    def ask(name):
        for _ in range(5):
            limiter.acquire("a.example", 100.0, ignore)
            served.append(name)

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(served) == 15
    assert max(served[:9].count(name) for name in range(3)) <= 4
