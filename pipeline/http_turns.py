"""One question at a time for each address: whoever comes while it is asked finds the answer in the cache."""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Locks by key, for any number of threads; each lives as long as somebody uses it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: weakref.WeakValueDictionary[str, threading.Lock] = weakref.WeakValueDictionary()

    @contextmanager
    def turn(self, key: str, longest: float) -> Iterator[None]:
        """Wait for the turn, but no longer than `longest` seconds.

        Those who wait for a host that does not answer then ask it side by side, instead of one time-out after another.
        """
        with self._lock:
            lock = self._turns.setdefault(key, threading.Lock())
        got = lock.acquire(timeout=longest)
        try:
            yield
        finally:
            if got:
                lock.release()
