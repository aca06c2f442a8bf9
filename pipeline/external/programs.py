"""The programs of the user's that a run may start: each run has a permit, and control was asked just before."""

from collections.abc import Callable
from datetime import datetime

from pipeline.config import Config
from pipeline.ecosystems.base import Made
from pipeline.external import generator, validator
from pipeline.external.process import Workshop
from pipeline.instants import timestamp
from pipeline.limiter import Limiter
from pipeline.model import Gate, Held, Verdict, WorkOrder
from pipeline.source import ecosystem_of

STOPPED = Held(gate=Gate.PIPELINE_DISABLED, message="the run was asked to stop")


class Programs:
    """Makes recipes and verdicts by commands; for any number of threads.

    Each run takes a permit at the ecosystem's pace, from a line of its own: `command:<ecosystem>`. What the program
    itself asks of registries is not seen. `waits` hears of each wait for a permit, in seconds.
    """

    def __init__(
        self,
        config: Config,
        workshop: Workshop,
        *,
        limiter: Limiter,
        moment: Callable[[], datetime],
        waits: Callable[[str, float], None],
    ) -> None:
        self._config = config
        self._workshop = workshop
        self._limiter = limiter
        self._moment = moment
        self._waits = waits

    def make(self, order: WorkOrder, admit: Callable[[str], Held | None]) -> Made:
        """Return what the ecosystem's command makes of a package; `admit` is asked once the permit is there."""
        ecosystem = ecosystem_of(order.source)
        held = self.permit(ecosystem) or admit(order.source)
        if held is not None:
            return held
        timeout = self._config.external.generate_timeout_seconds
        return generator.make(order, self._config.ecosystems[ecosystem], timeout, self._workshop, self._moment())

    def validate(self, question: validator.Question) -> Verdict:
        """Return what the platform's command says of a recipe; the caller has the permit, and has asked control."""
        command = self._config.platforms[question.platform].command
        timeout = self._config.external.validate_timeout_seconds
        return validator.validate(question, command, timeout, self._workshop, timestamp(self._moment()))

    def permit(self, ecosystem: str) -> Held | None:
        """Wait until one more run is allowed; returns why there is none when waiting was cut short."""

        def tell(seconds: float) -> None:
            self._waits(ecosystem, seconds)

        rate = self._config.ecosystems[ecosystem].requests_per_second
        return STOPPED if self._limiter.acquire(f"command:{ecosystem}", rate, tell) is None else None
