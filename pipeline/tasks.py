"""The tasks of the plan as plain data: names, actions, files. `dodo.py` hands them to doit."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from inspect import signature
from typing import Protocol

import msgspec

from pipeline.config import CiPart, GeneratorKind, ValidationConfig
from pipeline.digests import digest_of
from pipeline.history.fingerprint import policy_digest
from pipeline.model import WorkOrder
from pipeline.plan import Plan
from pipeline.seeding import NO_RANKING, SEEDERS
from pipeline.source import ecosystem_of, identifier_of, task_label
from pipeline.store import stamp
from pipeline.summary import held_back
from pipeline.text import counted


class TaskSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One doit task. `action` names a function of `actions`; a group has none. `digest` is what it is made from."""

    name: str
    doc: str
    action: str | None = None
    args: tuple[str, ...] = ()
    file_dep: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    task_dep: tuple[str, ...] = ()
    digest: str = ""
    parent: str | None = None
    # Files that belong to the task but need not exist (a package that was skipped has no recipe).
    also_cleaned: tuple[str, ...] = ()


def _like_uptodate(task: object, values: object) -> None:
    """Have the parameters that doit looks for in an `uptodate` object."""


class SavesValues(Protocol):
    """What of a doit task an `uptodate` object may add to."""

    value_savers: list[Callable[[], dict[str, list[list[int] | None]]]]


class Fresh:
    """A doit `uptodate` object: whether the task's last result was final, of the same digest, and is still untouched.

    doit itself only looks whether a target is there. Results that come from another machine, are damaged or swapped
    between runs change their size or time; the action then looks at them, and makes again what cannot be used.
    """

    def __init__(self, digest: str, files: tuple[str, ...]) -> None:
        self._digest = digest
        self._files = files

    def configure_task(self, task: SavesValues) -> None:
        """Have doit keep the files' stamps when the task has succeeded."""
        task.value_savers.append(self._stamps)

    def __call__(self, task: object, values: Mapping[str, object]) -> bool:
        """Compare with what the action returned last time (`values` come from doit's database)."""
        del task  # part of doit's calling convention
        final = values.get("final") is True and values.get("digest") == self._digest
        return final and values.get("files") == self._stamps()["files"]

    def _stamps(self) -> dict[str, list[list[int] | None]]:
        return {"files": [stamp(file) for file in self._files]}

    def __repr__(self) -> str:
        """Read well in `doit info`."""
        return f"made from {self._digest[:12]}, and a result that stands"

    # doit asks for the signature at each check; found here, it is not worked out 14,000 times.
    __signature__ = signature(_like_uptodate)


def snapshot_tasks(plan: Plan) -> Iterator[TaskSpec]:
    """Yield the task that freezes the batch."""
    lists = [plan.paths.packages(ecosystem) for ecosystem in ecosystems_of(plan)]
    yield TaskSpec(
        name="snapshot",
        doc=_batch_words(plan),
        action="snapshot",
        targets=(str(plan.paths.batch), *lists),
        digest=snapshot_digest(plan),
    )


def _batch_words(plan: Plan) -> str:
    """Return what the batch is, for the list of tasks."""
    if not plan.orders:
        return f"nothing to do: no entry of the queue can be worked on now ({held_back(plan.batch)})"
    return f"freeze the batch: {plan.batch.id}, {counted(len(plan.orders), 'package')} of the queue"


def generate_tasks(plan: Plan) -> Iterator[TaskSpec]:
    """Yield one task for each package: its recipe from registry metadata, with evidence."""
    yield _stage("generate", "make a recipe of each package from registry metadata", map(generate_name, plan.orders))
    for ecosystem in plan.config.ecosystems:
        orders = plan.orders_of(ecosystem)
        yield TaskSpec(
            name=f"generate:{ecosystem}",
            doc=f"{counted(len(orders), 'package')} of {ecosystem}",
            task_dep=("snapshot", *map(generate_name, orders)),
            parent="generate",
        )
    for order in plan.orders:
        yield TaskSpec(
            name=generate_name(order),
            doc=f"recipe and evidence for {order.source}",
            action="generate",
            args=(order.source,),
            targets=(plan.paths.outcome(order.source),),
            also_cleaned=(plan.paths.draft(order.source),),
            digest=plan.generate_digest(order),
            parent=f"generate:{ecosystem_of(order.source)}",
        )


def validate_tasks(plan: Plan) -> Iterator[TaskSpec]:
    """Yield one task for each package and platform, and one for each package's predictions."""
    predicted = any(plan.predicted_here(platform.id) for platform in plan.platforms)
    part = plan.config.ci.part
    groups = [platform.id for platform in plan.platforms] + (["static"] if predicted or part is CiPart.GENERATE else [])
    yield _stage("validate", "run or predict each recipe on each platform", (f"validate:{name}" for name in groups))
    for name in groups:
        # A workflow asks for the predictions by name, whether or not a platform is left to be predicted.
        members = plan.orders if predicted or name != "static" else ()
        yield TaskSpec(
            name=f"validate:{name}",
            doc=_platform_doc(plan, name),
            task_dep=("snapshot", *(validate_name(name, order) for order in members)),
            parent="validate",
        )
    platforms = [(platform.id, plan.predicted_here(platform.id)) for platform in plan.platforms]
    for order in plan.orders:
        if predicted:
            yield _predict_task(plan, order)
        for platform, from_prediction in platforms:
            yield _validate_task(plan, order, platform, from_prediction)


def constrain_tasks(plan: Plan) -> Iterator[TaskSpec]:
    """Yield one task for each package: constraints and the verify command merged into its recipe."""
    yield _stage("constrain", "merge what the verdicts say into each recipe", map(_constrain_name, plan.orders))
    for ecosystem in plan.config.ecosystems:
        orders = plan.orders_of(ecosystem)
        yield TaskSpec(
            name=f"constrain:{ecosystem}",
            doc=f"{counted(len(orders), 'package')} of {ecosystem}",
            task_dep=("snapshot", *map(_constrain_name, orders)),
            parent="constrain",
        )
    platforms = [platform.id for platform in plan.platforms]
    for order in plan.orders:
        verdicts = tuple(plan.paths.verdict(platform, order.source) for platform in platforms)
        yield TaskSpec(
            name=_constrain_name(order),
            doc=f"final recipe of {order.source}",
            action="constrain",
            args=(order.source,),
            file_dep=(plan.paths.outcome(order.source), *verdicts),
            targets=(plan.paths.constraints(order.source),),
            also_cleaned=(plan.paths.merged(order.source),),
            # Named in order, although the files imply them: doit keeps file dependencies in a set.
            task_dep=(generate_name(order), *(validate_name(platform, order) for platform in platforms)),
            digest=constrain_digest(plan, order),
            parent=f"constrain:{ecosystem_of(order.source)}",
        )


def payload_tasks(plan: Plan) -> Iterator[TaskSpec]:
    """Yield the task that writes the pull request."""
    paths = plan.paths
    yield TaskSpec(
        name="payload",
        doc="write the pull request: recipes, body, commit message",
        action="payload",
        file_dep=(str(paths.batch), *(paths.constraints(order.source) for order in plan.orders)),
        targets=(str(paths.payload), str(paths.body), str(paths.commit_message)),
        also_cleaned=(str(paths.payload_files), str(paths.payload_statements)),
        task_dep=("snapshot", *map(_constrain_name, plan.orders)),
        digest=payload_digest(plan),
    )


def seed_tasks(plan: Plan) -> Iterator[TaskSpec]:
    """Yield one task for each ecosystem, also where it can only say why not; they stand beside the pipeline."""
    made = {name for name, one in plan.config.ecosystems.items() if one.generator is not GeneratorKind.NONE}
    yield TaskSpec(
        name="seed",
        doc="beside the pipeline: propose entries for the queue from what registries offer",
        task_dep=tuple(f"seed:{name}" for name in SEEDERS if name in made),
    )
    for name in plan.config.ecosystems:
        yield TaskSpec(
            name=f"seed:{name}",
            doc=SEEDERS[name].MEASURE if name in SEEDERS else NO_RANKING.get(name, "nothing is known of a ranking"),
            action="seed",
            args=(name,),
            parent="seed",
        )


def ecosystems_of(plan: Plan) -> tuple[str, ...]:
    """Return the ecosystems of the batch, in the order in which they first occur."""
    return tuple(dict.fromkeys(ecosystem_of(order.source) for order in plan.orders))


def generate_name(order: WorkOrder) -> str:
    """Return `generate:npm:prettier`."""
    return f"generate:{ecosystem_of(order.source)}:{identifier_of(order.source)}"


def validate_name(platform: str, order: WorkOrder) -> str:
    """Return `validate:linux-debian-glibc-x86_64:npm.prettier`."""
    return f"validate:{platform}:{task_label(order.source)}"


def snapshot_digest(plan: Plan) -> str:
    """Return the digest of the frozen batch."""
    return digest_of("snapshot", plan.batch)


@cache
def _platform_digest(limits: ValidationConfig, platform: str, runner: str, measured: bool, *command: str | int) -> str:
    """Return the digest of a platform's settings, worked out once: there are packages times platforms of tasks."""
    return digest_of("validate", platform, runner, measured, limits, *command)


def validate_digest(plan: Plan, platform: str, order: WorkOrder) -> str:
    """Return the digest of what a verdict depends on beside the recipe; `platform` may be "static"."""
    command = plan.command_of(platform)
    timeout = [plan.config.external.validate_timeout_seconds] if command else []
    settings = (plan.limits(order), platform, plan.runner(platform), plan.measured_here(platform))
    digest = _platform_digest(*settings, *command, *timeout)
    return digest_of(digest, order.after) if order.after else digest


def constrain_digest(plan: Plan, order: WorkOrder) -> str:
    """Return the digest of what the merge depends on beside the records."""
    return digest_of("constrain", order, plan.config.constraints, plan.published_recipe(order))


def payload_digest(plan: Plan) -> str:
    """Return the digest of what the payload depends on beside the records."""
    gates, said = plan.config.gates, (plan.config.provenance.builder, policy_digest(plan.config))
    return digest_of("payload", plan.batch.id, plan.config.payload, *said, gates.taken_executable, gates.approved)


def _constrain_name(order: WorkOrder) -> str:
    return f"constrain:{ecosystem_of(order.source)}:{identifier_of(order.source)}"


def _stage(name: str, doc: str, members: Iterator[str]) -> TaskSpec:
    # Each group brings the snapshot along; single packages do not wait for it: they take their work order from the
    # plan, and doit wakes tasks that waited for one in no particular order, which would undo the order of the plan.
    return TaskSpec(name=name, doc=doc, task_dep=("snapshot", *members))


def _platform_doc(plan: Plan, name: str) -> str:
    if name == "static":
        return f"predictions for {len(plan.orders)} packages on all platforms"
    if plan.brought(name):
        return f"{counted(len(plan.orders), 'package')}, measured by jobs of their own"
    how = "measured on this machine" if plan.measured_here(name) else plan.runner(name).value
    if plan.command_of(name):
        how = "run by a command"
    if plan.predicted_here(name):
        how = "predicted, unless a result made elsewhere is there"
    return f"{counted(len(plan.orders), 'package')}, {how}"


def _predict_task(plan: Plan, order: WorkOrder) -> TaskSpec:
    return TaskSpec(
        name=validate_name("static", order),
        doc=f"what the metadata of {order.source} says about each platform",
        action="predict",
        args=(order.source,),
        file_dep=(plan.paths.outcome(order.source),),
        targets=(plan.paths.static(order.source),),
        task_dep=(generate_name(order),),
        digest=validate_digest(plan, "static", order),
        parent="validate:static",
    )


def _validate_task(plan: Plan, order: WorkOrder, platform: str, from_prediction: bool) -> TaskSpec:
    needs: tuple[str, ...] = (generate_name(order),)
    reads: tuple[str, ...] = (plan.paths.outcome(order.source),)
    if from_prediction:
        needs = (*needs, validate_name("static", order))
        reads = (*reads, plan.paths.static(order.source))
    return TaskSpec(
        name=validate_name(platform, order),
        doc=f"verdict on {order.source} for {platform}",
        action="validate",
        args=(platform, order.source),
        file_dep=reads,
        targets=(plan.paths.verdict(platform, order.source),),
        task_dep=needs,
        digest=validate_digest(plan, platform, order),
        parent=f"validate:{platform}",
    )
