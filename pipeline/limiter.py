"""The rate limit that all threads and processes of this machine share, one small file for each host.

At most one thread of a process competes for a host's next slot, the others stand in line behind it in the
order in which they came. Between processes the first to wake takes the slot.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from pipeline.clock import Clock
from pipeline.slots import Slots, claim, delay, due, from_bytes, is_late, push_back, to_bytes, unknown
from pipeline.source import slug

# Getting up, and the lock, take up to a millisecond. So a thread gets up early and waits for the rest with
# the lock in its hand, where the next wake-up is only some 0.1 ms late.
EARLY_SECONDS = 0.002

# filelock asks again in this interval; its default of 50 ms is longer than a slot at 20 requests a second.
LOCK_POLL_SECONDS = 0.001


class Limiter(Protocol):
    """Who may send a request to a host, and when."""

    def acquire(self, host: str, rate: float, on_wait: Callable[[float], None]) -> float | None:
        """Wait for the next slot of `host` at `rate` requests a second.

        Returns the monotonic time at which it was taken, or None when waiting was cut short. `on_wait` hears
        each wait before it begins, in seconds.
        """

    def sent(self, host: str, claimed: float) -> None:
        """Say that the request whose slot was taken at `claimed` leaves just now."""

    def penalise(self, host: str, seconds: float) -> None:
        """Let nobody send a request to `host` for so many seconds."""


class _Line:
    """The threads of this process that want to reach one host, and the file shared with other processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._file_mutex = threading.Lock()
        self._file_lock = FileLock(f"{path}.lock", thread_local=False, poll_interval=LOCK_POLL_SECONDS)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Stand in line; the body runs for one thread at a time, first come, first served."""
        mine = threading.Event()
        with self._threads:
            self._queue.append(mine)
            if self._queue[0] is mine:
                mine.set()
        try:
            mine.wait()
            yield
        finally:
            with self._threads:
                self._queue.remove(mine)
                if self._queue:
                    self._queue[0].set()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the file against all other threads and processes."""
        with self._file_mutex, self._file_lock:
            yield

    def read(self, now: float) -> Slots:
        """Return the shared state; call it with the lock held."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            raw = b""
        slots = from_bytes(raw, now)
        if slots is None:
            slots = unknown(now)
            self.write(slots)
        return slots

    def write(self, slots: Slots) -> None:
        """Replace the shared state in one step: a process killed here leaves the old state or the new one."""
        staged = self.path.with_suffix(".new")
        staged.write_bytes(to_bytes(slots))
        staged.replace(self.path)


class FileLimiter:
    """A `Limiter` whose state lies in `folder`. Waiting ends early once `stop` is set."""

    def __init__(self, folder: Path, *, clock: Clock, stop: threading.Event) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._clock = clock
        self._stop = stop
        self._lines: dict[str, _Line] = {}
        self._lines_lock = threading.Lock()

    def acquire(self, host: str, rate: float, on_wait: Callable[[float], None]) -> float | None:
        """Wait for the next slot of `host`; return when it was taken, or None when `stop` was set."""
        line = self._line(host)
        with line.turn():
            while not self._stop.is_set():
                taken, wait = self._claim(line, rate)
                if wait == 0.0:
                    return taken
                on_wait(wait)
                self._clock.pause(wait - EARLY_SECONDS, self._stop)
        return None

    def sent(self, host: str, claimed: float) -> None:
        """Say that a request leaves just now; when that is late, the next one keeps its distance to it."""
        if is_late(claimed, self._clock.now()):
            line = self._line(host)
            with line.locked():
                now = self._clock.now()
                line.write(delay(line.read(now), now))

    def penalise(self, host: str, seconds: float) -> None:
        """Let nobody send a request to `host` for so many seconds, not even those who already wait."""
        line = self._line(host)
        with line.locked():
            now = self._clock.now()
            line.write(push_back(line.read(now), now, seconds))

    def _claim(self, line: _Line, rate: float) -> tuple[float, float]:
        """Return the time, and 0.0 when the slot is ours, else the seconds after which to ask again."""
        with line.locked():
            now = self._clock.now()
            slots = line.read(now)
            early = due(slots, rate) - now
            if 0.0 < early <= EARLY_SECONDS:
                self._clock.pause(early, self._stop)
                now = self._clock.now()
            slots, wait = claim(slots, now, rate)
            if wait == 0.0:
                line.write(slots)
            return now, wait

    def _line(self, host: str) -> _Line:
        with self._lines_lock:
            if host not in self._lines:
                self._lines[host] = _Line(self._folder / f"{slug(host)}.json")
            return self._lines[host]
