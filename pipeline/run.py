"""The composition root: what one process of the pipeline shares, built once and handed to the adapters."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pipeline import generation
from pipeline.adapters import Adapters, open_adapters
from pipeline.admission.admit import Admission, admit
from pipeline.awaited import Awaited
from pipeline.breakers import Breakers
from pipeline.clock import Clock, SystemClock
from pipeline.control.events import event_of_outcome
from pipeline.ecosystems.base import Fetcher, Made
from pipeline.errors import NoClient
from pipeline.http_events import CacheHit, CountingObserver, HostCounts, NetworkEvent, RequestSent, WaitBegan
from pipeline.instants import timestamp
from pipeline.model import (
    Category,
    ConstraintsRecord,
    Failed,
    Generated,
    OutcomeRecord,
    Payload,
    RunRecord,
    Subcategory,
    Traffic,
    WorkOrder,
)
from pipeline.plan import Plan
from pipeline.progress import EcosystemProgress, Progress, silence
from pipeline.provenance.recorder import Recorder
from pipeline.source import ecosystem_of, identifier_of
from pipeline.state.metrics import keep_run
from pipeline.store import Paths, read_result
from pipeline.summary import Summary, summarise
from pipeline.surroundings import Around
from pipeline.validation import Validation


@dataclass(kw_only=True)
class Run:
    """One process's work on a plan."""

    plan: Plan
    environment: Mapping[str, str]
    clock: Clock
    progress: Progress
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._started = self.clock.now(), timestamp(self.moment())
        self._traffic = {ecosystem: CountingObserver() for ecosystem in self.progress.ecosystems}
        self.breakers = Breakers(self.plan.paths, self.plan.config, self.moment)
        self._lock = threading.Lock()
        self._adapters: Adapters | None = None
        self._orders = {order.source: order for order in self.plan.orders}
        self.validation = Validation(
            plan=self.plan, clock=self.clock, stop=self.stop, breakers=self.breakers, adapters=self._opened
        )
        self.awaited = Awaited(self.plan.paths, self.plan.batch.id)
        self.around = Around(
            self.plan.paths,
            self.plan.config.gates,
            self.plan.batch.id,
            lambda ecosystem: self._opened().repositories(ecosystem),
        )

    def moment(self) -> datetime:
        """Return the time of day."""
        return datetime.fromtimestamp(self.clock.wall(), UTC)

    def order(self, source: str) -> WorkOrder:
        """Return the work order of a package of the batch."""
        return self._orders[source]

    def shown(self, path: Path) -> str:
        """Return a path as people read it: relative to the root when it lies below."""
        return str(path.relative_to(self.plan.paths.root)) if path.is_relative_to(self.plan.paths.root) else str(path)

    # ------------------------------------------------------------------------------------ generate

    def make(self, order: WorkOrder, recorder: Recorder | None = None) -> Made:
        """Make the recipe of one package by its ecosystem's module, or by the command that stands in for it.

        `recorder` notes what it is made from.
        """
        ecosystem = ecosystem_of(order.source)
        held = self.breakers.admit(order.source)
        if held is not None:
            return held
        if self.plan.by_command(ecosystem):
            if recorder:
                recorder.begin("", self.moment())
            return self._opened().programs.make(order, self.breakers.admit)
        reached = self.reach(ecosystem, identifier_of(order.source))
        if isinstance(reached, Failed):
            return reached
        registry, fetcher = reached
        return generation.make(order, registry=registry, fetcher=fetcher, now=self.moment(), recorder=recorder)

    def reach(self, ecosystem: str, identifier: str = "") -> tuple[str, Fetcher] | Failed:
        """Return the address of an ecosystem's registry and what asks it, or why this machine cannot ask."""
        adapters = self._opened()
        try:
            registry = adapters.endpoints.registry(ecosystem, identifier)
        except NoClient as error:  # the other ecosystems can go on; here it may be mended before the next run
            return Failed(
                category=Category.MISSING_DEP,
                subcategory=Subcategory.RUNTIME_MISSING,
                transient=True,
                message=error.line(),
            )
        return registry, adapters.fetcher(ecosystem)

    def admit(self, order: WorkOrder, made: Made) -> Admission:
        """Ask the gates on what was generated."""
        return admit(made, order, self.plan.config.gates, self.around, self.moment())

    def made(self, record: OutcomeRecord) -> None:
        """Tell the breakers what came of a generation; a probe without a recipe has nothing left to show."""
        self.breakers.feed(event_of_outcome(record))
        if not isinstance(record.outcome, Generated):
            self.breakers.release(record.source)

    # --------------------------------------------------------------------------------------- result

    def summary(self) -> Summary:
        """Count what the records of this batch say now."""
        paths = self.plan.paths
        sources = [order.source for order in self.plan.orders]
        outcomes = [read_result(paths.outcome(source), OutcomeRecord) for source in sources]
        merged = [read_result(paths.constraints(source), ConstraintsRecord) for source in sources]
        payload = read_result(paths.payload, Payload)
        of_this = payload is not None and payload.batch_id == self.plan.batch.id  # the last batch's lies there, too
        return summarise(
            self.plan.batch,
            {outcome.source: outcome for outcome in outcomes if outcome is not None},
            [record for record in merged if record is not None],
            payload if of_this else None,
        )

    def traffic(self) -> dict[str, HostCounts]:
        """Return what happened between this process and the registries so far, by ecosystem."""
        return {ecosystem: counts.total() for ecosystem, counts in self._traffic.items()}

    def keep_record(self, keep: Callable[[Paths, RunRecord, int], None] = keep_run) -> None:
        """Write down what this process asked of the registries; nothing when it asked nothing."""
        asked = {ecosystem: counts for ecosystem, counts in self.traffic().items() if counts != HostCounts()}
        if asked:
            began, started_at = self._started
            record = RunRecord(
                batch_id=self.plan.batch.id,
                started_at=started_at,
                seconds=round(self.clock.now() - began, 3),
                traffic={ecosystem: _traffic(counts) for ecosystem, counts in asked.items()},
            )
            keep(self.plan.paths, record, os.getpid())

    # -------------------------------------------------------------------------------------- adapters

    def _opened(self) -> Adapters:
        """Return the adapters, made when the first action needs one: `doit list` opens nothing."""
        with self._lock:
            if self._adapters is None:
                self._adapters = open_adapters(
                    self.plan,
                    self.environment,
                    self.clock,
                    self.stop,
                    breakers=self.breakers,
                    # Made here, under the lock: actions of many threads share them.
                    ecosystems=self.progress.ecosystems,
                    observe=self._observe,
                    waits=self._waits,
                )
            return self._adapters

    def _waits(self, ecosystem: str, seconds: float) -> None:
        self.progress.waiting(ecosystem, self.clock.now() + seconds)

    def _observe(self, ecosystem: str, event: NetworkEvent, /) -> None:
        self._traffic[ecosystem](event)
        match event:
            case WaitBegan(seconds=seconds):
                self._waits(ecosystem, seconds)
            case RequestSent():
                self.progress.request(ecosystem, from_cache=False)
            case CacheHit():
                self.progress.request(ecosystem, from_cache=True)
            case _:
                pass


def _traffic(counts: HostCounts) -> Traffic:
    return Traffic(
        requests=counts.requests,
        cache_hits=counts.cache_hits,
        not_modified=counts.not_modified,
        bytes=counts.bytes,
        failed_tries=counts.failed_tries,
        waited=round(counts.waited, 3),
    )


_current: Run | None = None


def begin(plan: Plan, environment: Mapping[str, str]) -> Run:
    """Make the run of this process: doit calls actions without a context, so there is one for each process."""
    global _current  # noqa: PLW0603  # see the docstring
    ecosystems = {
        name: EcosystemProgress(total=len(plan.orders_of(name)), rate=plan.config.ecosystems[name].requests_per_second)
        for name in dict.fromkeys(ecosystem_of(order.source) for order in plan.orders)
    }
    _current = Run(
        plan=plan,
        environment=environment,
        clock=SystemClock(),
        progress=Progress(
            ecosystems=ecosystems, say=silence, verdicts={platform.id: Counter() for platform in plan.platforms}
        ),
    )
    return _current


def current() -> Run:
    """Return the run of this process; raises `RuntimeError` before `begin`."""
    if _current is None:
        raise RuntimeError("no plan was loaded in this process")
    return _current
