"""How much of a rate limit is used and whether it is ever exceeded: 4 processes x 4 threads, two hosts.

Run `python -m benchmarks.limiter [--seconds 6] [--rates 1 10 20 50] [--json]`. Each thread asks for permits as fast
as it can; the times at which permits were given are compared with the limit.
"""

import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, arguments, publish
from pipeline.clock import SystemClock
from pipeline.limiter import FileLimiter

PROCESSES = 4
THREADS = 4
HOSTS = ("one.example", "two.example")
RATES = (1.0, 10.0, 20.0, 50.0)
MINIMUM = 2


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


def main(argv: Sequence[str]) -> int:
    """Measure each rate and print the shares."""
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each rate is asked for (default 6)")
    parser.add_argument(
        "--rates", type=float, nargs="+", default=RATES, help="requests per second (default 1 10 20 50)"
    )
    given = parser.parse_args(argv)
    figures = [
        figure
        for rate in given.rates
        for host, by_process in measure(rate, given.seconds).items()
        for figure in _figures(rate, host, by_process)
    ]
    what = f"{PROCESSES} processes x {THREADS} threads, {len(HOSTS)} hosts side by side, {given.seconds:g} s each"
    publish("limiter", what, figures, json=given.json)
    return 0


def _figures(rate: float, host: str, by_process: Sequence[Sequence[float]]) -> list[Figure]:
    """Return the share of the limit that was used, and the fullest window; two permits are the least that tell it."""
    times = [moment for process in by_process for moment in process]
    name = f"{rate:g}/s, {host}"
    if len(times) < MINIMUM:
        return [Figure(name=f"{name}: permits", value=len(times), unit="", note="too few to judge")]
    used = 100.0 * (len(times) - 1) / rate / (max(times) - min(times))
    shares = "/".join(str(len(process)) for process in by_process)
    return [
        Figure(
            name=f"{name}: used", value=round(used, 2), unit="%", limit=97, at_least=True, note=f"by process {shares}"
        ),
        Figure(name=f"{name}: fullest window", value=round(100 * closest(times, rate), 2), unit="%", limit=100),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
