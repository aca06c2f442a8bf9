"""The plan: queue + control + configuration + records -> the tasks. Reads only; `doit list` writes nothing."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import msgspec

from pipeline.checks import nearest
from pipeline.config import GIVEN, CiPart, Command, Config, GeneratorKind, Runner, ValidationConfig
from pipeline.digests import digest_of
from pipeline.errors import BadInput, Defect, PipelineError
from pipeline.history.fingerprint import policy_of
from pipeline.host import Host
from pipeline.matrix import has_job
from pipeline.model import Batch, Control, InputFingerprints, Queue, WorkOrder
from pipeline.platforms import BY_ID, Platform
from pipeline.recipe import recipe_path
from pipeline.sandbox.installers import installs
from pipeline.selection.batch import make_batch, select
from pipeline.selection.situation import SHARE_DAYS, Situation
from pipeline.settings import load_config, load_control, load_queue
from pipeline.source import ecosystem_of
from pipeline.state import journal
from pipeline.state.ledger import Ledger
from pipeline.store import Paths, read_result, recipe_names
from pipeline.text import kebab


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that a run needs to know, decided before its first task."""

    paths: Paths
    config: Config
    control: Control
    batch: Batch
    # In the order in which each is due under its registry's rate.
    orders: tuple[WorkOrder, ...]
    # The ecosystems that can be generated, with the revision of their module or of their command.
    revisions: Mapping[str, int]
    host: Host

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms that get verdicts, in the order of the platform model."""
        return tuple(platform for platform in BY_ID.values() if self.runner(platform.id) is not Runner.NONE)

    def runner(self, platform: str) -> Runner:
        """Return how a platform's verdicts are made."""
        configured = self.config.platforms.get(platform)
        return configured.runner if configured else Runner.NONE

    def measured_here(self, platform: str) -> bool:
        """Return whether this machine is the platform and may run recipes for it."""
        return (
            self.config.ci.part not in {CiPart.GENERATE, CiPart.MERGE}
            and self.runner(platform) is Runner.NATIVE
            and self.host.platform is not None
            and self.host.platform.id == platform
        )

    def command_of(self, platform: str) -> Command:
        """Return the command that makes a platform's verdicts, [] when there is none, or none may be run here."""
        configured = self.config.platforms.get(platform)
        runs = self.config.ci.part not in {CiPart.GENERATE, CiPart.MERGE}
        return configured.command if configured and runs else []

    def by_command(self, ecosystem: str) -> bool:
        """Return whether a program of the user's makes an ecosystem's recipes."""
        return self.config.ecosystems[ecosystem].generator is GeneratorKind.COMMAND

    @property
    def given(self) -> bool:
        """Whether another job has made the batch and its outcomes: they stand as they are."""
        return self.config.ci.part in GIVEN

    def brought(self, platform: str) -> bool:
        """Return whether jobs of its own bring the platform's verdicts, so that none is made or predicted here."""
        return self.config.ci.part in {CiPart.GENERATE, CiPart.MERGE} and has_job(self.config, platform)

    def made_here(self, platform: str) -> bool:
        """Return whether this machine makes the platform's verdicts by running recipes: its sandbox, or a command."""
        return self.measured_here(platform) or bool(self.command_of(platform))

    def predicted_here(self, platform: str) -> bool:
        """Return whether the platform's verdict is a prediction on this machine."""
        known = self.measured_here(platform) or self.brought(platform)
        return self.runner(platform) in {Runner.NATIVE, Runner.STATIC} and not known

    def orders_of(self, ecosystem: str) -> tuple[WorkOrder, ...]:
        """Return the work orders of one ecosystem."""
        return tuple(order for order in self.orders if ecosystem_of(order.source) == ecosystem)

    @property
    def validation_workers(self) -> int:
        """How many sandboxes run at once: one for each core unless configured."""
        return self.config.validation.workers or os.cpu_count() or 1

    def limits(self, order: WorkOrder) -> ValidationConfig:
        """Return what a package's validation may use."""
        limits = self.config.validation
        if not order.heavy:
            return limits
        longer = msgspec.structs.replace(limits.compile, timeout_seconds=2 * limits.compile.timeout_seconds)
        return msgspec.structs.replace(limits, fetch=limits.heavy, build=limits.heavy, compile=longer)

    def published_recipe(self, order: WorkOrder) -> str | None:
        """Return the text of the recipe that already stands where this package's would go, line ends as they are.

        Bytes that are no UTF-8 become lone surrogates: such a recipe is left alone by `merging`.
        """
        name = kebab(order.name)
        path = self.paths.recipe(recipe_path(name)) if name else None
        return path.read_bytes().decode(errors="surrogateescape") if path is not None and path.is_file() else None

    def generate_digest(self, order: WorkOrder) -> str:
        """Return the digest of all that an outcome is made from and that this side knows."""
        made_from = ("generate", order.source, order.name, self.revisions[ecosystem_of(order.source)])
        gates = self.config.gates.approved.get(order.source, []), order.knowledge
        return digest_of(*made_from, self._gates, *gates, *([order.after] if order.after else []))

    @cached_property
    def _gates(self) -> str:
        """The digest of the gates on what is generated, without what concerns single packages."""
        return digest_of(policy_of(self.config.gates))


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What people set, as it is now: a frozen batch stands while the fingerprints of these are its own."""

    config: Config
    control: Control
    queue: Queue
    generators: frozenset[str]
    fingerprints: InputFingerprints


def load(
    paths: Paths,
    *,
    overrides: Sequence[tuple[str, str]],
    revisions: Mapping[str, int],
    host: Host,
    now: datetime,
) -> Plan:
    """Read the inputs and decide the batch: the frozen one while its inputs are unchanged, else a new one.

    Raises `BadInput` or another `PipelineError` when an input cannot be used.
    """
    inputs = read_inputs(paths, load_config(paths, overrides), revisions)
    config = inputs.config
    frozen = read_result(paths.batch, Batch)
    ledger = Ledger(paths)
    if config.ci.part in GIVEN:
        batch = _given(paths, frozen, inputs)
    elif frozen is not None and _stands(frozen, inputs, ledger):
        batch = frozen
    else:
        used = [*ledger.ids, *([frozen.id] if frozen else [])]
        chosen = select(situation(paths, config, inputs.control, inputs.queue, revisions, now))
        batch = make_batch(chosen, inputs.fingerprints, now, used)
    return Plan(
        paths=paths,
        config=config,
        control=inputs.control,
        batch=batch,
        orders=_by_due_time(batch, config),
        revisions=revisions_of(config, revisions),
        host=host,
    )


def read_inputs(paths: Paths, config: Config, revisions: Mapping[str, int]) -> Inputs:
    """Read what a batch is frozen for; raises `BadInput` or another `PipelineError` when it cannot be used."""
    control = load_control(paths, config.ecosystems)
    queue, queue_digest = load_queue(paths, config)
    generators = generators_of(config, revisions)
    fingerprints = InputFingerprints(
        queue=queue_digest,
        control=digest_of(control.enabled, control.disabled_ecosystems),
        config=digest_of(
            *(config.queue, config.batch, config.retry, config.quarantine, config.gates),
            *(sorted(generators), sorted(untried_in(config))),
        ),
    )
    return Inputs(config=config, control=control, queue=queue, generators=generators, fingerprints=fingerprints)


def _given(paths: Paths, frozen: Batch | None, inputs: Inputs) -> Batch:
    """Return the batch of another job; raises `PipelineError` without one.

    It stands although queue and control may have changed since, as it was cut into jobs that are all to be one batch.
    """
    if frozen is None or any(ecosystem_of(each.source) not in inputs.generators for each in frozen.selected):
        raise PipelineError(
            f"{paths.batch}: there is no batch of another job here",
            remedy="unpack the artifact of the job `generate` into `build/`, or leave `ci.part` out",
        )
    return frozen


def under_way(paths: Paths, inputs: Inputs) -> Batch | None:
    """Return the frozen batch while the next run would go on with it, else None."""
    frozen = read_result(paths.batch, Batch)
    return frozen if frozen is not None and _stands(frozen, inputs, Ledger(paths)) else None


def situation(
    paths: Paths, config: Config, control: Control, queue: Queue, revisions: Mapping[str, int], now: datetime
) -> Situation:
    """Return all that decides what is tried now: what was read already, with the journal and the recipes."""
    memory = journal.load(paths, now).memory
    recent = memory.recent(now, SHARE_DAYS)
    return Situation(
        queue=queue,
        now=now,
        control=control,
        config=config,
        generators=generators_of(config, revisions),
        untried=untried_in(config),
        revisions=revisions_of(config, revisions),
        history=memory.packages,
        recipes=recipe_names(paths),
        attempts=recent.attempts,
        again=recent.again,
    )


def _stands(frozen: Batch, inputs: Inputs, ledger: Ledger) -> bool:
    """Return whether a frozen batch is still the one to work on, and one that these inputs can have given.

    A batch whose publication was cut off stands until that is finished, although it has changed the queue already.
    The file may have been damaged by hand: tasks of packages that are not in the queue must not be made.
    """
    if not frozen.selected:  # one without packages would keep those out whose time comes
        return False
    if not ledger.is_unfinished(frozen.id) and (frozen.fingerprints != inputs.fingerprints or frozen.id in ledger.ids):
        return False
    asked = [(entry.source, entry.name) for entry in frozen.selected]
    known = {(entry.source, entry.name) for entry in inputs.queue.entries}
    return (
        len({source for source, _ in asked}) == len(asked)
        and known.issuperset(asked)
        and all(ecosystem_of(source) in inputs.generators for source, _ in asked)
    )


def generators_of(config: Config, revisions: Mapping[str, int]) -> frozenset[str]:
    """Return the ecosystems that can be generated; refuses `native` for one that has no module."""
    for name, ecosystem in config.ecosystems.items():
        if ecosystem.generator is GeneratorKind.NATIVE and name not in revisions:
            close = nearest(name, revisions)
            raise BadInput(
                "configuration",
                Defect(
                    pointer=f"/ecosystems/{name}/generator",
                    rule=f"there is no native generator for {name!r}",
                    remedy=f"did you mean {close!r}?" if close else "set it to `none`",
                ),
            )
    return frozenset(
        name for name, ecosystem in config.ecosystems.items() if ecosystem.generator is not GeneratorKind.NONE
    )


def untried_in(config: Config) -> frozenset[str]:
    """Return the ecosystems whose recipes nothing can try: no sandbox installs them, and no platform waits for others.

    Known before anything is asked: such packages would end in the same way each hour.
    """
    elsewhere = any(platform.runner is Runner.EXTERNAL for platform in config.platforms.values())
    return frozenset() if elsewhere else frozenset(name for name in config.ecosystems if not installs(name))


def revisions_of(config: Config, native: Mapping[str, int]) -> Mapping[str, int]:
    """Return what each ecosystem's recipes are made by, as a number: its module's revision, or one of its command.

    Another command may make another recipe, so what the one before it made, or failed at, does not stand any more.
    """
    commands = {
        name: int(digest_of("command", ecosystem.command)[:12], 16)
        for name, ecosystem in config.ecosystems.items()
        if ecosystem.generator is GeneratorKind.COMMAND
    }
    return {**native, **commands}


def _by_due_time(batch: Batch, config: Config) -> tuple[WorkOrder, ...]:
    """Sort by when each is due: the i-th package of an ecosystem at i / rate; ties keep the batch's order.

    doit hands out tasks in this order, and a worker that waits for a permit is lost to the others.
    """
    seen: dict[str, int] = {}
    due: list[tuple[float, int, WorkOrder]] = []
    for position, entry in enumerate(batch.selected):
        ecosystem = ecosystem_of(entry.source)
        index = seen.get(ecosystem, 0)
        seen[ecosystem] = index + 1
        when = index / config.ecosystems[ecosystem].requests_per_second
        order = WorkOrder(
            source=entry.source,
            name=entry.name,
            heavy=entry.heavy,
            after=entry.after,
            knowledge=entry.knowledge,
        )
        due.append((when, position, order))
    return tuple(order for _, _, order in sorted(due, key=_due_key))


def _due_key(item: tuple[float, int, WorkOrder]) -> tuple[float, int]:
    return item[0], item[1]
