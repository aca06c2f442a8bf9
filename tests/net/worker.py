"""One of several processes that share a limit: `python -m tests.net.worker '{"folder": …}'`.

Each thread asks for addresses that nobody asked for before, so that no answer comes from the cache, until
its time is over. It says that it is ready, reads when to begin (monotonic seconds), and prints as JSON when
it was given its permits, by host. With `hold`, it takes the lock of a host and keeps it until it is killed.
"""

import itertools
import sys
import threading
from pathlib import Path

import msgspec

from pipeline.clock import SystemClock
from pipeline.config import NetworkConfig
from pipeline.http import HttpFetcher
from pipeline.http_events import CountingObserver
from pipeline.limiter import FileLimiter


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker is told. Threads take turns with the urls."""

    folder: str
    name: str
    urls: list[str]
    threads: int = 4
    rate: float = 20.0
    seconds: float = 0.0
    hold: str = ""


class Recorder:
    """A limiter that remembers when permits were given."""

    def __init__(self, inner: FileLimiter) -> None:
        self._inner = inner
        self.given: dict[str, list[float]] = {}

    def acquire(self, host, rate, on_wait):
        taken = self._inner.acquire(host, rate, on_wait)
        if taken is not None:
            self.given.setdefault(host, []).append(taken)
        return taken

    def sent(self, host, claimed):
        self._inner.sent(host, claimed)

    def penalise(self, host, seconds):
        self._inner.penalise(host, seconds)


def hold(limiter: FileLimiter, host: str) -> None:
    with limiter._line(host).locked():
        sys.stdout.write("held\n")
        sys.stdout.flush()
        threading.Event().wait()


def work(orders: Orders) -> dict[str, list[float]]:
    folder, clock, stop = Path(orders.folder), SystemClock(), threading.Event()
    recorder = Recorder(FileLimiter(folder / "limiter", clock=clock, stop=stop))
    if orders.hold:
        hold(FileLimiter(folder / "limiter", clock=clock, stop=stop), orders.hold)
    config = NetworkConfig(
        timeout_seconds=10,
        total_seconds=10,
        attempts=1,
        max_wait_seconds=60,
        max_answer_mb=1,
        freshness_seconds=60,
    )
    fetcher = HttpFetcher(
        config=config,
        rate=orders.rate,
        limiter=recorder,
        cache_file=folder / "answers.sqlite",
        gate=lambda: None,
        clock=clock,
        stop=stop,
        observer=CountingObserver(),
        credentials={},
    )

    def ask(number: int) -> None:
        url = orders.urls[number % len(orders.urls)]
        clock.pause(begin - clock.now(), stop)
        for count in itertools.count():
            if clock.now() >= begin + orders.seconds:
                return
            fetcher.get(f"{url}/{orders.name}-{number}-{count}")

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    begin = float(sys.stdin.readline())
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(orders.threads)]
    for thread in threads:
        thread.start()
    threading.Timer(max(0.0, begin + orders.seconds - clock.now()), stop.set).start()
    for thread in threads:
        thread.join()
    fetcher.close()
    return recorder.given


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(work(msgspec.json.decode(sys.argv[1], type=Orders))).decode())
