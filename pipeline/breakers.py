"""The circuit breakers of one process's run: who may be tried, and what came of it, through the control file.

Looking costs one read of the control file. It is locked and written only when a breaker moves, which in a healthy run
is never.
"""

import threading
from collections.abc import Callable
from datetime import datetime

import msgspec

from pipeline.config import Config
from pipeline.control.breaker import Event, admit, count, release
from pipeline.control.stops import Stop, stop_for
from pipeline.errors import PipelineError
from pipeline.model import Breaker, Control, Gate, Held, Probe
from pipeline.settings import load_control
from pipeline.source import ecosystem_of
from pipeline.state.control_file import machine
from pipeline.store import Paths

NEVER_FAILED = Breaker()


class Breakers:
    """Asked before a package is tried, told what came of it; for any number of threads.

    It keeps the leases that this process was given, so that only the process that probes renews or returns them.
    """

    def __init__(self, paths: Paths, config: Config, moment: Callable[[], datetime]) -> None:
        self._paths, self._config, self._moment = paths, config, moment
        self._lock = threading.Lock()
        self._leases: dict[str, Probe] = {}

    def gate(self, ecosystem: str) -> Held | None:
        """Ask batch-control.json, as it is now, whether an ecosystem may be worked on."""
        try:
            stop = stop_for(self._control(), ecosystem, self._moment())
        except PipelineError as error:  # a damaged switch is off, not on
            return _damaged(error)
        return _held(stop) if stop else None

    def admit(self, source: str) -> Held | None:
        """Ask whether a package may be tried now; while its breaker is half-open, it takes or renews the lease."""
        ecosystem = ecosystem_of(source)
        held = self._leases.get(source)
        try:
            control, now = self._control(), self._moment()
            breaker = control.circuit_breaker.get(ecosystem, NEVER_FAILED)
            stop = stop_for(control, ecosystem, now)
            if stop is None:
                after, stop = admit(breaker, source, now, self._config.breaker, held)
                if stop is None and after is not breaker:
                    stop = self._lease(source, held)
        except PipelineError as error:
            return _damaged(error)
        return _held(stop) if stop else None

    def feed(self, event: Event | None) -> None:
        """Count what an attempt showed; an answer to a breaker that counts no failure costs only a look."""
        if event is None:
            return

        def counted(breaker: Breaker) -> Breaker:
            return count(breaker, event, self._config.breaker)

        self._move(ecosystem_of(event.source), counted)

    def release(self, source: str) -> None:
        """Return the lease of a package that ended without an answer, if it has one."""
        lease = self._leases.pop(source, None)
        if lease is None:
            return

        def released(breaker: Breaker) -> Breaker:
            return release(breaker, lease)

        self._move(ecosystem_of(source), released)

    def close(self) -> None:
        """Return all leases: the run has ended, and what it did not finish is another's to try."""
        for source in list(self._leases):
            self.release(source)

    def _control(self) -> Control:
        return load_control(self._paths, self._config.ecosystems)

    def _lease(self, source: str, held: Probe | None) -> Stop | None:
        """Take the lease, or learn that another was quicker."""
        ecosystem = ecosystem_of(source)
        stops: list[Stop] = []

        def admitted(breaker: Breaker) -> Breaker:
            after, stop = admit(breaker, source, self._moment(), self._config.breaker, held)
            stops.extend([stop] if stop else [])
            return after

        probe = self._write(ecosystem, admitted).circuit_breaker[ecosystem].probe
        if probe is not None and not stops:
            self._leases[source] = probe
        return stops[0] if stops else None

    def _move(self, ecosystem: str, change: Callable[[Breaker], Breaker]) -> None:
        """Change a breaker unless that changes nothing.

        A control file that is damaged meanwhile holds everything back by itself; what it could not be told stands in
        the records, and is counted when the batch is published.
        """
        try:
            known = self._control().circuit_breaker.get(ecosystem, NEVER_FAILED)
            if change(known) != known:
                self._write(ecosystem, change)
        except PipelineError:
            return

    def _write(self, ecosystem: str, change: Callable[[Breaker], Breaker]) -> Control:
        def changed(control: Control) -> Control:
            known = control.circuit_breaker
            after = {**known, ecosystem: change(known.get(ecosystem, NEVER_FAILED))}
            return msgspec.structs.replace(control, circuit_breaker=after)

        with self._lock:  # threads of one process wait in line here, where waiting costs nothing
            return machine(self._paths, self._config.ecosystems, changed)


def _held(stop: Stop) -> Held:
    until = f", until {stop.until}" if stop.gate is Gate.BREAKER_OPEN and stop.until else ""
    return Held(gate=stop.gate, message=f"{stop.value}{until}")


def _damaged(error: PipelineError) -> Held:
    return Held(gate=Gate.PIPELINE_DISABLED, message=error.line())
