"""The validation of recipes, in the sandbox or by a command: when it is their turn, and control lets them."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipeline.adapters import Adapters
from pipeline.breakers import Breakers
from pipeline.clock import Clock
from pipeline.config import CiPart
from pipeline.control.events import event_of_verdict
from pipeline.digests import digest_of
from pipeline.external.native import objection
from pipeline.external.validator import Question
from pipeline.external.validator import made_from as made_by_command
from pipeline.history.tries import keeping
from pipeline.instants import timestamp
from pipeline.meter import Meter
from pipeline.model import Generated, StaticRecord, Subcategory, Tier, Verdict, VerdictStatus
from pipeline.plan import Plan
from pipeline.platforms import BY_ID, Platform
from pipeline.sandbox.base import Job
from pipeline.sandbox.bwrap import prepare_folder
from pipeline.sandbox.installers import INSTALLERS, revision_of
from pipeline.source import ecosystem_of
from pipeline.taxonomy import MISSING_HERE
from pipeline.verdicts import no_runner, not_run, out_of_budget, unanswered

# Waits between the tries of a validation that met an infrastructure error, in seconds.
RETRY_FIRST, RETRY_LONGEST = 2.0, 30.0


@dataclass(kw_only=True)
class Validation:
    """The validations of one process: so many at once, and no more minutes than are left.

    `adapters` opens the outside world when it is first needed.
    """

    plan: Plan
    clock: Clock
    stop: threading.Event
    breakers: Breakers
    adapters: Callable[[], Adapters]

    def __post_init__(self) -> None:
        self._orders = {order.source: order for order in self.plan.orders}
        self._slots = threading.BoundedSemaphore(self.plan.validation_workers)
        self._meter = Meter(self.plan)

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

    def _objection(self, source: str, outcome: Generated) -> str:
        """Return why the sandbox can say nothing of a package's recipe, "" when it can."""
        return objection(source, outcome, by_command=self.plan.by_command(ecosystem_of(source)))

    def _after(self, source: str) -> tuple[str, ...]:
        """Return what tells the results of another try from those up to its order's `after`."""
        after = self._orders[source].after
        return (after,) if after else ()

    def predict(self, source: str, outcome: Generated, made_from: str) -> StaticRecord:
        """Ask a package's metadata about every platform that gets verdicts; what control holds back stays open."""
        now = timestamp(self._moment())
        if self.plan.config.ci.part is CiPart.MERGE:  # asks nobody, and runs no installer
            return unanswered(source, outcome, made_from, now)
        if self._objection(source, outcome):
            return msgspec.structs.replace(unanswered(source, outcome, made_from, now), final=True)
        if self.breakers.admit(source) is not None:
            return unanswered(source, outcome, made_from, now)
        installer = INSTALLERS[ecosystem_of(source)]
        platforms = self.plan.platforms
        with self._slots, self._job(source, outcome, made_from, platforms[0]) as job:
            return installer.predict(job, self.adapters().sandbox, platforms, timestamp(self._moment()))

    def measure(self, platform: str, source: str, outcome: Generated, made_from: str) -> Verdict:
        """Run one recipe in the sandbox or by a command; only infrastructure errors are tried again."""
        why = "" if self.plan.command_of(platform) else self._objection(source, outcome)
        if why:
            return no_runner(source, platform, outcome, made_from, timestamp(self._moment()), why)
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
        if command and (held := self.adapters().programs.permit(ecosystem)) is not None:
            return not_run(source, platform, outcome, made_from, timestamp(self._moment()), held.message)
        with self._slots:
            # Asked when its turn has come: until then, others used minutes, breakers opened, operators stopped.
            now = timestamp(self._moment())
            held = self.breakers.admit(source)
            if held is not None:
                return not_run(source, platform, outcome, made_from, now, f"{held.gate}: {held.message}")
            stop = self._meter.stop(platform, source, self._moment())
            if stop is not None:
                return out_of_budget(source, platform, outcome, made_from, now, stop)
            if command:
                verdict = self.adapters().programs.validate(self._question(platform, source, outcome, made_from))
            else:
                with self._job(source, outcome, made_from, BY_ID[platform]) as job:
                    verdict = INSTALLERS[ecosystem].validate(job, self.adapters().sandbox, timestamp(self._moment()))
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
                client_environment=self.adapters().endpoints.environment(ecosystem),
            )
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self.clock.wall(), UTC)
