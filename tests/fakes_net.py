"""Fakes for what the network layer is given: a clock that costs no time, a limiter without limit, a gate."""

import threading
import time
from collections.abc import Callable, Sequence

from pipeline.clock import Clock
from pipeline.http_events import NetworkEvent
from pipeline.model import Gate, Held


class FakeClock:
    """A `Clock` whose pauses take no time and move it on. The time of day is `time.time`, real or not."""

    def __init__(self, now: float = 1_000.0) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.pauses: list[float] = []

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return time.time()

    def pause(self, seconds: float, stop: threading.Event) -> bool:
        with self._lock:
            if not stop.is_set():
                self.pauses.append(seconds)
                self._now += max(0.0, seconds)
        return stop.is_set()

    def advance(self, seconds: float) -> None:
        self._now += seconds


class OpenLimiter:
    """A `Limiter` that lets everything pass at once and remembers who asked and who was penalised."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.asked: list[tuple[str, float]] = []
        self.departures: list[str] = []
        self.penalties: list[tuple[str, float]] = []

    def acquire(self, host: str, rate: float, on_wait: Callable[[float], None]) -> float | None:
        self.asked.append((host, rate))
        return self._clock.now()

    def sent(self, host: str, claimed: float) -> None:
        self.departures.append(host)

    def penalise(self, host: str, seconds: float) -> None:
        self.penalties.append((host, seconds))


class ScriptedGate:
    """A gate that gives these answers, then lets everything pass; counts how often it was asked."""

    def __init__(self, answers: Sequence[Held | None] = ()) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self) -> Held | None:
        self.asked += 1
        return self._answers.pop(0) if self._answers else None


class EventList:
    """An observer that keeps the events."""

    def __init__(self) -> None:
        self.events: list[NetworkEvent] = []

    def __call__(self, event: NetworkEvent, /) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[NetworkEvent]:
        return [event for event in self.events if isinstance(event, kind)]


CLOSED = Held(gate=Gate.ECOSYSTEM_DISABLED, message="npm is disabled in batch-control.json")
