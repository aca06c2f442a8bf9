"""The week's minutes of validation while a run goes on: those of the control file, and those not in it yet."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from pipeline.config import RunnerClass
from pipeline.control.budget import runner_class, stop_for_class, week_start
from pipeline.control.stops import Stop
from pipeline.instants import known_instant
from pipeline.model import Verdict
from pipeline.plan import Plan
from pipeline.store import read_result
from pipeline.verdicts import seconds_of

# By class of machines and by the beginning of the week.
Seconds = defaultdict[tuple[RunnerClass, datetime], float]


class Meter:
    """Answers whether the budget allows one more validation; safe to use from many threads.

    The control file's minutes are those of the journal, which a batch reaches when it is published. So what this batch
    has measured counts on top: by this run, by one that was killed, and on other machines whose verdicts lie here.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        # None until the verdicts that are there were read.
        self._seconds: Seconds | None = None

    def stop(self, platform: str, source: str, now: datetime) -> Stop | None:
        """Return what keeps a package from being validated on a platform now, or None."""
        runner = runner_class(platform)
        with self._lock:
            if self._seconds is None:  # not before it is asked: an idle run need not read the verdicts
                self._seconds = defaultdict(float)
                for verdict in _unpublished(self._plan):
                    _count(self._seconds, verdict)
            minutes = self._seconds[runner, week_start(now)] / 60
        plan = self._plan
        return stop_for_class(plan.control.budget, minutes, plan.config.budget, platform, source, now)

    def add(self, verdict: Verdict) -> None:
        """Count a validation of this run; `stop` was asked before it."""
        with self._lock:
            if self._seconds is not None:
                _count(self._seconds, verdict)


def _unpublished(plan: Plan) -> Iterator[Verdict]:
    """Yield the verdicts of this batch that are there already; of those before `after`, the journal has told."""
    for order in plan.orders:
        after = None if order.after is None else known_instant(order.after)
        for platform in plan.platforms:
            verdict = read_result(plan.paths.verdict(platform.id, order.source), Verdict)
            at = None if verdict is None else known_instant(verdict.at)
            if verdict is not None and at is not None and (after is None or at >= after):
                yield verdict


def _count(seconds: Seconds, verdict: Verdict) -> None:
    """Add the verdict's own cost, and that of the tries that it replaced."""
    tries = [(verdict.at, seconds_of(verdict)), *((before.at, before.seconds) for before in verdict.earlier)]
    for text, cost in tries:
        at = known_instant(text)
        if at is not None:
            seconds[runner_class(verdict.platform), week_start(at)] += cost
