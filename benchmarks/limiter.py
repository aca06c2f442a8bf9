"""How much of a rate limit is used and whether it is ever exceeded: 4 processes x 4 threads, two hosts.

Run `python -m benchmarks.limiter [seconds] [requests per second ...]`. Each thread asks for permits as fast
as it can; the times at which permits were given are compared with the limit.
"""

import json
import multiprocessing
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.clock import SystemClock
from pipeline.limiter import FileLimiter

PROCESSES = 4
THREADS = 4
HOSTS = ("one.example", "two.example")


def _ignore(_seconds: float) -> None:
    """Nobody watches the waits."""


def _ask(limiter: FileLimiter, host: str, rate: float, until: float, given: list[float]) -> None:
    while time.monotonic() < until and (taken := limiter.acquire(host, rate, _ignore)) is not None:
        given.append(taken)


def _work(folder: str, rate: float, begin: float, seconds: float, results: Any) -> None:  # noqa: ANN401  # a queue
    """Run one process: half of its threads ask for each host."""
    stop = threading.Event()
    limiter = FileLimiter(Path(folder), clock=SystemClock(), stop=stop)
    given: dict[str, list[float]] = {host: [] for host in HOSTS}
    threads = [
        threading.Thread(target=_ask, args=(limiter, host, rate, begin + seconds, given[host]))
        for host in HOSTS
        for _ in range(THREADS // len(HOSTS))
    ]
    time.sleep(max(0.0, begin - time.monotonic()))
    for thread in threads:
        thread.start()
    stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    results.put(given)


def closest(times: Sequence[float], rate: float) -> float:
    """Return the largest number of requests in any window, divided by what the limit allows in it.

    N requests may span no less than (N - 1) / rate seconds: 1.0 is exactly at the limit, above is over it.
    """
    ordered = sorted(times)
    worst = 0.0
    for first in range(len(ordered)):
        for last in range(first + 1, len(ordered)):
            worst = max(worst, (last - first) / rate / (ordered[last] - ordered[first]))
    return worst


def measure(rate: float, seconds: float) -> dict[str, list[list[float]]]:
    """Return for each host the times at which each process was given a permit."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        results: Any = context.Queue()
        begin = time.monotonic() + 1.0
        workers = [
            context.Process(target=_work, args=(folder, rate, begin, seconds, results)) for _ in range(PROCESSES)
        ]
        for worker in workers:
            worker.start()
        answers = [results.get(timeout=seconds + 60) for _ in workers]
        for worker in workers:
            worker.join()
    return {host: [answer[host] for answer in answers] for host in HOSTS}


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    seconds = float(arguments[0]) if arguments else 6.0
    rates = [float(rate) for rate in arguments[1:]] or [1.0, 10.0, 20.0, 50.0]
    print(json.dumps({"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}))
    print(f"{PROCESSES} processes x {THREADS} threads, {len(HOSTS)} hosts side by side, {seconds:g} s each")
    print("limit/s  host          permits  possible  used %  worst window  by process")
    for rate in rates:
        for host, by_process in measure(rate, seconds).items():
            times = [moment for process in by_process for moment in process]
            possible = int(seconds * rate) + 1
            shares = "/".join(str(len(process)) for process in by_process)
            used = 100.0 * (len(times) - 1) / rate / (max(times) - min(times))
            print(
                f"{rate:7g}  {host:12}  {len(times):7}  {possible:8}  {used:6.2f}  "
                f"{100 * closest(times, rate):10.2f} %  {shares}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
