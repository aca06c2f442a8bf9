"""The composition root: what one process of the pipeline shares, built once and handed to the adapters."""

import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipeline import generation
from pipeline.adapters import Adapters, open_adapters
from pipeline.admission.admit import Admission, admit
from pipeline.awaited import Awaited
from pipeline.breakers import Breakers
from pipeline.clock import Clock, SystemClock
from pipeline.config import CiPart, GeneratorKind
from pipeline.control.events import event_of_outcome, event_of_verdict
from pipeline.digests import digest_of
from pipeline.ecosystems.base import Fetcher, Made
from pipeline.errors import NoClient
from pipeline.external.native import objection
from pipeline.external.validator import Question
from pipeline.external.validator import made_from as made_by_command
from pipeline.history.tries import keeping
from pipeline.http_events import CacheHit, CountingObserver, HostCounts, NetworkEvent, RequestSent, WaitBegan
from pipeline.instants import timestamp
from pipeline.meter import Meter
from pipeline.model import (
    Category,
    ConstraintsRecord,
    Failed,
    Generated,
    OutcomeRecord,
    Payload,
    RunRecord,
    StaticRecord,
    Subcategory,
    Tier,
    Traffic,
    Verdict,
    VerdictStatus,
    WorkOrder,
)
from pipeline.plan import Plan
from pipeline.platforms import BY_ID, Platform
from pipeline.progress import EcosystemProgress, Progress, silence
from pipeline.provenance.recorder import Recorder
from pipeline.sandbox.base import Job
from pipeline.sandbox.bwrap import prepare_folder
from pipeline.sandbox.installers import INSTALLERS, revision_of
from pipeline.source import ecosystem_of, identifier_of
from pipeline.state.metrics import keep_run
from pipeline.store import Paths, read_result
from pipeline.summary import Summary, summarise
from pipeline.surroundings import Around
from pipeline.taxonomy import MISSING_HERE
from pipeline.verdicts import no_runner, not_run, out_of_budget, unanswered

# Waits between the tries of a validation that met an infrastructure error, in seconds.
RETRY_FIRST, RETRY_LONGEST = 2.0, 30.0


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
        self._slots = threading.BoundedSemaphore(self.plan.validation_workers)
        self._meter = Meter(self.plan)
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
        if self._by_command(ecosystem):
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

    # ------------------------------------------------------------------------------------ validate

    def static_digest(self, source: str, outcome: Generated) -> str:
        """Return the digest of what a package's predictions are made from."""
        made_from = ("T0", source, outcome.recipe_sha256, revision_of(ecosystem_of(source)))
        # A recipe names no version, so it stays the same when a release gains or loses the file of a platform.
        builds = [(build.platforms, build.artifact.digest) for build in outcome.evidence.builds]
        return digest_of(*made_from, *builds, *self._after(source))

    def verdict_digest(self, platform: str, source: str, outcome: Generated) -> str:
        """Return the digest of what a verdict made on this machine is made from; the same on every machine."""
        command = self.plan.command_of(platform)
        if command:
            timeout = self.plan.config.external.validate_timeout_seconds
            return made_by_command(command, timeout, platform, source, outcome.recipe_sha256, *self._after(source))
        if not self.plan.measured_here(platform):
            return self.static_digest(source, outcome)
        limits = self.plan.limits(self._orders[source])
        made_from = ("T1", source, outcome.recipe_sha256, platform, revision_of(ecosystem_of(source)))
        used = (limits.fetch, limits.build, limits.compile, limits.verify)
        return digest_of(*made_from, *used, *self._after(source))

    def _by_command(self, ecosystem: str) -> bool:
        """Return whether a program of the user's makes an ecosystem's recipes."""
        return self.plan.config.ecosystems[ecosystem].generator is GeneratorKind.COMMAND

    def _objection(self, source: str, outcome: Generated) -> str:
        """Return why the sandbox can say nothing of a package's recipe, "" when it can."""
        return objection(source, outcome, by_command=self._by_command(ecosystem_of(source)))

    def _after(self, source: str) -> tuple[str, ...]:
        """Return what tells the results of another try from those up to its order's `after`."""
        after = self._orders[source].after
        return (after,) if after else ()

    def predict(self, source: str, outcome: Generated, made_from: str) -> StaticRecord:
        """Ask a package's metadata about every platform that gets verdicts; what control holds back stays open."""
        now = timestamp(self.moment())
        if self.plan.config.ci.part is CiPart.MERGE:  # asks nobody, and runs no installer
            return unanswered(source, outcome, made_from, now)
        if self._objection(source, outcome):
            return msgspec.structs.replace(unanswered(source, outcome, made_from, now), final=True)
        if self.breakers.admit(source) is not None:
            return unanswered(source, outcome, made_from, now)
        installer = INSTALLERS[ecosystem_of(source)]
        platforms = self.plan.platforms
        with self._slots, self._job(source, outcome, made_from, platforms[0]) as job:
            return installer.predict(job, self._opened().sandbox, platforms, timestamp(self.moment()))

    def measure(self, platform: str, source: str, outcome: Generated, made_from: str) -> Verdict:
        """Run one recipe in the sandbox or by a command; only infrastructure errors are tried again."""
        why = "" if self.plan.command_of(platform) else self._objection(source, outcome)
        if why:
            return no_runner(source, platform, outcome, made_from, timestamp(self.moment()), why)
        attempts = self.plan.config.validation.attempts
        verdict = self._measure_once(platform, source, outcome, made_from, 1)
        for attempt in range(2, attempts + 1):
            if verdict.status is not VerdictStatus.INFRA_ERROR or verdict.subcategory in MISSING_HERE:
                break
            if verdict.tier is Tier.EXTERNAL and verdict.subcategory is Subcategory.TIMEOUT:
                break  # it had all the time that it is given
            if self.clock.pause(min(RETRY_FIRST * 2 ** (attempt - 2), RETRY_LONGEST), self.stop):
                break
            again = self._measure_once(platform, source, outcome, made_from, attempt)
            if again.status is VerdictStatus.NOT_RUN:  # what was found before tells more than that it was not repeated
                break
            verdict = keeping(again, verdict, None)
        return verdict

    def measured(self, verdict: Verdict) -> None:
        """Tell the breakers what came of a validation on this machine, which ends a probe."""
        self.breakers.feed(event_of_verdict(verdict))
        self.breakers.release(verdict.source)

    def _measure_once(self, platform: str, source: str, outcome: Generated, made_from: str, attempt: int) -> Verdict:
        ecosystem, command = ecosystem_of(source), self.plan.command_of(platform)
        if command and (held := self._opened().programs.permit(ecosystem)) is not None:
            return not_run(source, platform, outcome, made_from, timestamp(self.moment()), held.message)
        with self._slots:
            # Asked when its turn has come: until then, others used minutes, breakers opened, operators stopped.
            now = timestamp(self.moment())
            held = self.breakers.admit(source)
            if held is not None:
                return not_run(source, platform, outcome, made_from, now, f"{held.gate}: {held.message}")
            stop = self._meter.stop(platform, source, self.moment())
            if stop is not None:
                return out_of_budget(source, platform, outcome, made_from, now, stop)
            if command:
                verdict = self._opened().programs.validate(self._question(platform, source, outcome, made_from))
            else:
                with self._job(source, outcome, made_from, BY_ID[platform]) as job:
                    verdict = INSTALLERS[ecosystem].validate(job, self._opened().sandbox, timestamp(self.moment()))
            self._meter.add(verdict)
        return msgspec.structs.replace(verdict, attempt=attempt)

    def _question(self, platform: str, source: str, outcome: Generated, made_from: str) -> Question:
        return Question(
            source=source,
            name=outcome.recipe.name,
            version=outcome.evidence.version,
            platform=platform,
            text=Path(self.plan.paths.draft(source)).read_bytes().decode(),
            recipe_sha256=outcome.recipe_sha256,
            made_from=made_from,
        )

    @contextmanager
    def _job(self, source: str, outcome: Generated, made_from: str, platform: Platform) -> Iterator[Job]:
        """Give a job its private folder, and remove that folder whatever happens."""
        ecosystem = ecosystem_of(source)
        paths = self.plan.paths
        paths.sandbox.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="job-", dir=paths.sandbox))
        try:
            yield Job(
                source=source,
                version=outcome.evidence.version,
                recipe_sha256=outcome.recipe_sha256,
                made_from=made_from,
                executables=tuple(outcome.recipe.executables),
                runtime_requirement=outcome.evidence.runtime_requirement,
                has_install_scripts=outcome.evidence.has_install_scripts,
                platform=platform,
                limits=self.plan.limits(self._orders[source]),
                steps=tuple(outcome.recipe.steps),
                builds=tuple(outcome.evidence.builds),
                artifact_digest=outcome.evidence.artifact.digest if outcome.evidence.artifact else "",
                work_folder=prepare_folder(work),
                cache_folder=prepare_folder(paths.client_cache / ecosystem),
                client_environment=self._opened().endpoints.environment(ecosystem),
            )
        finally:
            shutil.rmtree(work, ignore_errors=True)

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
