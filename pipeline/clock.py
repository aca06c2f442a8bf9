"""Time as something that is passed in: what the clock says, and waiting that can be cut short."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from. All values are seconds."""

    def now(self) -> float:
        """Return monotonic time, which all processes of this machine share; it starts anew at each boot."""

    def wall(self) -> float:
        """Return the time since the Unix epoch."""

    def pause(self, seconds: float, stop: threading.Event) -> bool:
        """Wait, but not once `stop` is set; return whether it is."""


class SystemClock:
    """The machine's own clock. `time.monotonic` counts from boot on Linux and macOS, for every process."""

    def now(self) -> float:
        """Return monotonic time."""
        return time.monotonic()

    def wall(self) -> float:
        """Return the time since the Unix epoch."""
        return time.time()

    def pause(self, seconds: float, stop: threading.Event) -> bool:
        """Wait, but not once `stop` is set; return whether it is."""
        return stop.wait(max(0.0, seconds))
