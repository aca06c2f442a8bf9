"""`doit matrix`: the jobs of a CI workflow that validate the batch in `build/`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.awaited import matrix_path
from pipeline.commands.base import Root, StateCommand, no_arguments, wrong_call
from pipeline.config import Config, RunnerClass
from pipeline.constraints import PASSED
from pipeline.control.budget import runner_class
from pipeline.errors import PipelineError
from pipeline.lock import alone
from pipeline.matrix import LARGEST_OUTPUT, cut, has_job, strategy
from pipeline.model import Batch, Generated, MatrixRecord, OutcomeRecord, Verdict
from pipeline.platforms import BY_ID
from pipeline.settings import load_control
from pipeline.store import Paths, is_there, read, read_result, write


class Matrix(StateCommand):
    """Cut the batch into jobs."""

    name = "matrix"
    doc_purpose = "print the jobs that validate the batch, as JSON for strategy.matrix of a workflow"
    doc_usage = "[--class linux|macos] [--github-output]"
    cmd_options = (
        {"name": "class", "long": "class", "type": str, "default": "linux", "help": "the machines: linux or macos"},
        {
            "name": "github_output",
            "long": "github-output",
            "type": bool,
            "default": False,
            "help": "append matrix, empty, batch and macos to the file that GITHUB_OUTPUT names",
        },
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Write the jobs beside the batch and print them; without a batch there are none."""
        no_arguments(arguments, self.name)
        if options["class"] not in set(RunnerClass):
            raise wrong_call(self.name, "--class must be linux or macos")
        output = root.environment.get("GITHUB_OUTPUT", "")
        if options["github_output"] and not output:
            raise wrong_call(self.name, "--github-output needs a file", "set GITHUB_OUTPUT to its path")
        runner = RunnerClass(options["class"])
        root.paths.build.mkdir(exist_ok=True)
        with alone(root.paths, root.now):
            # A batch that cannot be read is no batch without jobs: the hour would end well with nothing measured.
            batch = read(root.paths.batch, Batch, purpose="batch") if is_there(root.paths.batch) else None
            record = _cut(root, batch, runner) if batch is not None and batch.selected else None
            document = strategy(record, root.config) if record else '{"include":[]}'
            if len(document) > LARGEST_OUTPUT:
                rule = f"the jobs take {len(document)} characters, a workflow passes on {LARGEST_OUTPUT}"
                raise PipelineError(f"doit matrix: {rule}", remedy="lower `batch.size`")
            if record is not None:
                write(matrix_path(root.paths, runner), record)
        if options["github_output"]:
            with Path(output).open("a", encoding="utf-8") as file:
                file.write(_output(root.config, record, document))
        self.say(document)
        return 0


def _output(config: Config, record: MatrixRecord | None, document: str) -> str:
    """Return what later jobs ask: the jobs, whether there are none, the batch, and whether macOS is measured at all."""
    macos = any(has_job(config, name) for name in BY_ID if runner_class(name) is RunnerClass.MACOS)
    empty = record is None or not record.jobs
    said = {"matrix": document, "empty": empty, "batch": record.batch_id if record else "", "macos": macos}
    return "".join(f"{key}={str(value).lower() if isinstance(value, bool) else value}\n" for key, value in said.items())


def _cut(root: Root, batch: Batch, runner: RunnerClass) -> MatrixRecord:
    """Return the jobs for the packages of a batch that have a recipe."""
    generated = [entry.source for entry in batch.selected if _is_generated(root.paths, entry.source)]
    passed = [source for source in generated if runner is RunnerClass.MACOS and _passed(root.paths, source)]
    budget = load_control(root.paths, root.config.ecosystems).budget
    return cut(batch.id, generated, root.config, budget, root.now, runner=runner, passed=frozenset(passed))


def _is_generated(paths: Paths, source: str) -> bool:
    record = read_result(paths.outcome(source), OutcomeRecord)
    return record is not None and record.source == source and isinstance(record.outcome, Generated)


def _passed(paths: Paths, source: str) -> bool:
    """Return whether a package was run and passed on a Linux platform."""
    linux = (platform.id for platform in BY_ID.values() if platform.os == "linux")
    verdicts = (read_result(paths.verdict(platform, source), Verdict) for platform in linux)
    return any(verdict is not None and verdict.status in PASSED for verdict in verdicts)
