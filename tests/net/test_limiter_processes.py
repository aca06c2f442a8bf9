"""The limit as the registry sees it: real processes, real threads, real requests on loopback."""

import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from pipeline.clock import SystemClock
from pipeline.limiter import FileLimiter
from tests.net.worker import Orders

ROOT = Path(__file__).resolve().parents[2]
RATE = 20.0
INTERVAL = 1.0 / RATE

# Between a permit and its arrival lie the scheduler and the connection, at both ends of a window.
TRAVEL = 0.010


class Machine:
    """How punctual this machine is right now: a thread that does nothing but sleep for one interval each."""

    def __enter__(self):
        self._stop = threading.Event()
        self._ticks = []
        self._thread = threading.Thread(target=self._tick)
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._stop.set()
        self._thread.join()

    def _tick(self):
        while not self._stop.is_set():
            self._ticks.append(time.monotonic())
            self._stop.wait(INTERVAL)

    def stall(self):
        """Return the longest that anything waited for a core, in seconds."""
        return max(later - earlier for earlier, later in itertools.pairwise(self._ticks)) - INTERVAL

    def used(self):
        """Return the share of the rate that one thread without any limiter can use."""
        return used(self._ticks)


def start(orders):
    command = [sys.executable, "-m", "tests.net.worker", msgspec.json.encode(orders).decode()]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def start_all(folder, urls, *, seconds, processes=4):
    """Start workers that begin at the same time; return them and that time."""
    workers = [
        start(Orders(folder=str(folder), name=str(number), urls=urls, rate=RATE, seconds=seconds))
        for number in range(processes)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    begin = time.monotonic() + 0.1
    for worker in workers:
        worker.stdin.write(f"{begin}\n")
        worker.stdin.flush()
    return workers, begin


def permits_of(workers):
    """Wait for the workers; return their permits, one mapping of host to times for each."""
    answers = [msgspec.json.decode(worker.communicate(timeout=60)[0]) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * len(workers)
    return answers


def tightest(times, travel=0.0):
    """Return the worst window: its share of the limit, 1.0 at the limit, more above it."""
    ordered = sorted(times)
    pairs = itertools.combinations(range(len(ordered)), 2)
    return max((b - a) * INTERVAL / (ordered[b] - ordered[a] + travel) for a, b in pairs)


def most_in_a_second(times):
    """Return the largest number of requests in any half-open second."""
    return max(sum(begin <= moment < begin + 1.0 for moment in times) for begin in times)


def used(times):
    """Return the share of the limit that was used between the first and the last request."""
    return (len(times) - 1) * INTERVAL / (max(times) - min(times))


# How much of the rate is used, and when a request arrives, depend on how soon a waiting thread gets a core. Beside
# other tests only a permit too early or a stall would be a fault of ours; the whole claim is proven alone, by
# `bin/test -m long -n 0` and by benchmarks/limiter.py.
ALONE = 0.97
USED = pytest.mark.parametrize("share", [0.5, pytest.param(ALONE, marks=pytest.mark.long)])


@USED
def test_four_processes_of_four_threads_keep_and_use_the_rate(registry, tmp_path, share):
    """16 threads in 4 processes at 20/s: never over in any window, 97 % used, a share for each process."""
    with Machine() as machine:
        workers, _ = start_all(tmp_path, [registry.url], seconds=6.0 if share == ALONE else 3.0)
        answers = permits_of(workers)
    permits = sorted(moment for answer in answers for moment in answer[registry.host])
    arrivals = registry.arrivals()
    shares = [len(answer[registry.host]) for answer in answers]
    sys.stdout.write(
        f"\n{len(arrivals)} requests at {RATE:g}/s: {100 * used(arrivals):.2f} % used "
        f"(one thread alone: {100 * machine.used():.2f} %, longest stall {1000 * machine.stall():.1f} ms); "
        f"worst window: permits {100 * tightest(permits):.2f} %, arrivals {100 * tightest(arrivals):.2f} %; "
        f"at most {most_in_a_second(arrivals)} in a second; by process {shares}\n"
    )
    assert len(arrivals) == len(permits)
    assert all(permit <= arrival for permit, arrival in zip(permits, arrivals, strict=True))
    assert tightest(permits) <= 1.0
    # A stall of the machine lets requests arrive late, and the next one on time.
    assert share < ALONE or tightest(arrivals, TRAVEL + 2 * machine.stall()) <= 1.0
    assert used(arrivals) >= share
    assert min(shares) >= len(permits) / 12


@USED
def test_two_hosts_are_asked_side_by_side(registry, elsewhere, tmp_path, share):
    """Each of two hosts gets the full rate at the same time."""
    workers, _ = start_all(tmp_path, [registry.url, elsewhere.url], seconds=3.0)
    answers = permits_of(workers)
    for host in (registry, elsewhere):
        permits = [moment for answer in answers for moment in answer[host.host]]
        assert tightest(permits) <= 1.0
        assert used(permits) >= share


def test_a_killed_process_costs_the_others_no_slot(registry, tmp_path):
    """SIGKILL of one process while it waits: the others' next request comes in the next slot."""
    with Machine() as machine:
        workers, begin = start_all(tmp_path, [registry.url], seconds=2.0, processes=3)
        threading.Event().wait(begin + 1.0 - time.monotonic())
        workers[0].kill()
        permits_of(workers[1:])
    workers[0].communicate(timeout=10)
    arrivals = [moment for moment in registry.arrivals() if moment >= begin + 0.9]
    assert len(arrivals) >= 15
    # One slot may have been taken by the process that died before its request left.
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrivals)]
    assert max(gaps) <= 2 * 1.01 * INTERVAL + TRAVEL + 2 * machine.stall()


def test_a_process_killed_with_the_lock_in_its_hand_leaves_it(tmp_path):
    """The kernel gives the lock back, so nobody waits for the dead."""
    orders = Orders(folder=str(tmp_path), name="holder", urls=["http://a.example"], hold="a.example")
    holder = start(orders)
    assert holder.stdout.readline() == "held\n"
    limiter = FileLimiter(tmp_path / "limiter", clock=SystemClock(), stop=threading.Event())
    killer = threading.Timer(0.2, holder.kill)
    killer.start()
    began = time.monotonic()
    assert limiter.acquire("a.example", 1.0, lambda _seconds: None) is not None
    assert 0.1 < time.monotonic() - began < 2.0
    holder.communicate(timeout=10)


def test_a_penalty_reaches_the_other_processes(registry, tmp_path):
    """When one process is told to be patient, the others are silent for as long."""
    workers, begin = start_all(tmp_path, [registry.url], seconds=2.0, processes=2)
    threading.Event().wait(begin + 0.5 - time.monotonic())
    limiter = FileLimiter(tmp_path / "limiter", clock=SystemClock(), stop=threading.Event())
    asked = time.monotonic()
    limiter.penalise(registry.host, 0.8)
    penalised = time.monotonic()
    answers = permits_of(workers)
    permits = sorted(moment for answer in answers for moment in answer[registry.host])
    assert [moment for moment in permits if penalised < moment < asked + 0.8] == []
    assert len([moment for moment in permits if moment < penalised]) >= 5
    assert len([moment for moment in permits if moment > penalised]) >= 5


@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_a_worker_that_nobody_lets_in_says_so(tmp_path, seconds):
    """A stopped limiter gives no permit, however long the penalty: the workers above end on time."""
    stop = threading.Event()
    stop.set()
    limiter = FileLimiter(tmp_path / "limiter", clock=SystemClock(), stop=stop)
    limiter.penalise("a.example", seconds)
    assert limiter.acquire("a.example", 1.0, lambda _seconds: None) is None
