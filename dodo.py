"""The pipeline as doit tasks: snapshot, generate, validate, constrain, payload; and beside it, seed. Declarations only.

`doit list` shows the stages, `doit` runs them all, `doit generate:npm` runs one ecosystem's generation.
"""

from collections.abc import Iterator

from doit.task import Task

from pipeline import tasks
from pipeline.cli import declare, load_plan
from pipeline.reporter import ProgressReporter

PLAN = load_plan()

DOIT_CONFIG = {
    "default_tasks": ["payload"],
    "dep_file": str(PLAN.paths.database),
    "backend": "whole-sqlite3",
    "reporter": ProgressReporter,
    "par_type": "thread",
    # More threads than can wait for permits at once, so that none of them holds up a validation.
    "num_process": min(4 * len(PLAN.orders) + 8, 256),
    "continue": True,  # a bug that one package meets does not stop the others
    "verbosity": 2,
}


def task_snapshot() -> Iterator[Task]:
    """Freeze the batch."""
    yield from map(declare, tasks.snapshot_tasks(PLAN))


def task_generate() -> Iterator[Task]:
    """Make a recipe of each package from registry metadata."""
    yield from map(declare, tasks.generate_tasks(PLAN))


def task_validate() -> Iterator[Task]:
    """Run or predict each recipe on each platform."""
    yield from map(declare, tasks.validate_tasks(PLAN))


def task_constrain() -> Iterator[Task]:
    """Merge what the verdicts say into each recipe."""
    yield from map(declare, tasks.constrain_tasks(PLAN))


def task_payload() -> Iterator[Task]:
    """Write the pull request."""
    yield from map(declare, tasks.payload_tasks(PLAN))


def task_seed() -> Iterator[Task]:
    """Propose entries for the queue from what registries offer."""
    yield from map(declare, tasks.seed_tasks(PLAN))
