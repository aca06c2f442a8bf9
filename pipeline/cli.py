"""Where doit meets the pipeline: loading the plan, declaring tasks, and doit's commands with better errors."""

import errno
import gc
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, ParamSpec, TypeVar

import doit
from doit.cmd_run import Run
from doit.cmdparse import CmdOption, CmdParseError
from doit.dependency import DatabaseException
from doit.exceptions import InvalidCommand, TaskFailed
from doit.task import Task

from pipeline import actions
from pipeline.actions import Kept
from pipeline.checks import nearest, shorten
from pipeline.console import (
    JSON,
    bad_option,
    fail,
    interrupted,
    is_unread,
    of_database,
    open_output,
    overrides_of,
    refused,
    report,
    root_folder,
    unread,
    usage,
)
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.errors import EmptySelection, NothingOffered, PipelineError, UnknownName, of_system
from pipeline.host import this_platform
from pipeline.lock import alone
from pipeline.plan import Plan, load
from pipeline.run import begin, current
from pipeline.run_document import JsonReporter
from pipeline.store import Paths, drop_damaged_database
from pipeline.tasks import Fresh, TaskSpec

P = ParamSpec("P")
R = TypeVar("R")
ACTIONS: dict[str, Callable[..., Kept]] = {
    "snapshot": actions.snapshot,
    "generate": actions.generate,
    "predict": actions.predict,
    "validate": actions.validate,
    "constrain": actions.constrain,
    "payload": actions.payload,
    "seed": actions.seed,
}


def load_plan() -> Plan:
    """Return the plan for this process; ends the process with one line when an input cannot be used."""
    # Until there is work, everything that is made stays: tasks, and doit's nodes for them. The collector of cyclic
    # garbage would look through all of it again and again, for two fifths of an idle run; `execute_task` of the
    # reporter switches it on.
    gc.disable()
    try:
        root = root_folder(os.environ, Path(doit.get_initial_workdir() or Path.cwd()))
        paths = Paths(root)
        plan = load(
            paths,
            overrides=overrides_of(sys.argv[1:]),
            revisions={name: module.REVISION for name, module in ECOSYSTEMS.items()},
            host=this_platform(),
            now=datetime.now(UTC),
        )
        paths.build.mkdir(exist_ok=True)  # doit opens its database there before any task runs
        drop_damaged_database(paths.database)
        if paths.database.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(paths.database))
    except PipelineError as error:
        fail(error)
    except OSError as error:
        fail(of_system(error))
    begin(plan, os.environ)
    return plan


def declare(spec: TaskSpec) -> Task:
    """Return the doit task of a specification."""
    if spec.action is None:
        return Task(spec.name, None, doc=spec.doc, task_dep=spec.task_dep, subtask_of=spec.parent, has_subtask=True)
    return Task(
        spec.name,
        [(perform, [spec.action, *spec.args])],
        doc=spec.doc,
        file_dep=spec.file_dep,
        targets=spec.targets,
        task_dep=spec.task_dep,
        uptodate=[Fresh(spec.digest, (*spec.targets, *spec.also_cleaned))],
        clean=[(actions.clean, [[*spec.targets, *spec.also_cleaned]])],
        subtask_of=spec.parent,
        io={"capture": False},
    )


def perform(action: str, *args: str) -> Kept | TaskFailed:
    """Run an action; what a person must mend fails its task in one line, a bug keeps its traceback."""
    try:
        return ACTIONS[action](*args)
    except PipelineError as error:
        return TaskFailed(error.line())
    except OSError as error:
        return TaskFailed(of_system(error).line())
    except sqlite3.Error as error:
        return TaskFailed(of_database(error).line())


class NamesNearest:
    """A doit command that says in one line what was asked wrongly, and names the nearest task that exists."""

    as_json = False
    doc_usage: str

    def get_options(self) -> list[CmdOption]:
        """Return doit's options, and `--json`, which every command has; the name is doit's."""
        return [*super().get_options(), CmdOption(JSON)]  # type: ignore[misc]  # mixed into doit's classes

    def parse_execute(self, in_args: list[str]) -> int:
        """Read the options and run the command; the names of the parameters are doit's."""
        if "--json" in in_args:  # doit reads no option behind a name
            in_args = ["--json", *(one for one in in_args if one != "--json")]
        try:
            return int(super().parse_execute(in_args))  # type: ignore[misc]  # mixed into doit's classes
        except CmdParseError as error:
            wrong = bad_option(self.name, self.cmdparser, error)  # type: ignore[attr-defined]  # set by doit
            report(wrong)
            return wrong.exit_code

    def __init__(self, *args: object, **options: object) -> None:
        open_output()  # doit takes hold of it when the command is made
        super().__init__(*args, **options)
        self.doc_usage = usage(self.doc_usage)

    def execute(self, params: Any, args: list[str]) -> int:  # noqa: ANN401  # doit's calling convention
        """Run the command; a `PipelineError` or Ctrl-C ends it with one line."""
        self.as_json = params["json"]
        try:
            code = int(super().execute(params, args) or 0)  # type: ignore[misc]  # mixed into doit's classes
            sys.stdout.flush()  # what cannot be written is told here, not by Python at the end
            return code
        except InvalidCommand as error:
            known = [task.name for task in self.task_list]  # type: ignore[attr-defined]  # set by doit
            report(unknown_task(args, known) or PipelineError(str(error), remedy="see `doit help`"))
            return UnknownName.exit_code
        except EmptySelection as error:
            report(nearest_with_work(args, self.task_list, error))  # type: ignore[attr-defined]  # set by doit
            return error.exit_code
        except PipelineError as error:
            report(error)
            return error.exit_code
        except OSError as error:  # the output, the step summary, doit's database
            return refused(error)
        except (DatabaseException, sqlite3.Error) as error:
            report(of_database(error))
            return PipelineError.exit_code
        except KeyboardInterrupt:
            if is_unread():  # the reporter ends the run when nobody reads what it says
                return unread()
            return interrupted("what is finished is kept, `doit` goes on from there")


def unknown_task(asked: Iterable[str], known: Sequence[str]) -> UnknownName | None:
    """Return the error for the first name that no task has, or None."""
    names = set(known)
    for name in asked:
        if name in names or "*" in name or name.startswith("-"):
            continue
        close = nearest(name, [*known, *COMMANDS])
        remedy = (
            f"did you mean `doit {close}`?" if close else "`doit list` shows the stages, `doit list --all` all tasks"
        )
        return UnknownName(f"there is no task {shorten(name)}", remedy=remedy)
    return None


def nearest_with_work(asked: Sequence[str], tasks: Sequence[Task], error: EmptySelection) -> EmptySelection:
    """Return an empty selection's error, with the nearest task of the same depth that has work, when there is one."""
    if isinstance(error, NothingOffered):  # another registry is no answer
        return error
    name = asked[0] if asked else ""
    members = {task.name for task in tasks if task.subtask_of}
    with_work = [
        task.name
        for task in tasks
        if task.name != name
        and task.name.count(":") == name.count(":")
        and (task.actions or members.intersection(task.task_dep))
    ]
    close = nearest(name.replace("*", ""), with_work)
    return EmptySelection(f"{name}: {error.message}", remedy=f"did you mean `doit {close}`?") if close else error


def works_alone(execute: Callable[P, R]) -> Callable[P, R]:
    """Let a command of doit work while no other does so on this root; it has read the plan by then."""

    @wraps(execute)  # doit looks up the names of the parameters
    def alone_on_root(*args: P.args, **options: P.kwargs) -> R:
        run = current()
        with alone(run.plan.paths, run.moment()):
            try:
                return execute(*args, **options)
            finally:
                run.breakers.close()

    return alone_on_root


def leaves_a_record(execute: Callable[P, R]) -> Callable[P, R]:
    """Keep what a run asked of the registries, however it ends; one that is killed loses only its own."""

    @wraps(execute)
    def recorded(*args: P.args, **options: P.kwargs) -> R:
        try:
            return execute(*args, **options)
        finally:
            current().keep_record()

    return recorded


class RunPipeline(NamesNearest, Run):  # type: ignore[misc]  # doit has no types
    """`doit` itself: SIGTERM ends it as Ctrl-C does."""

    name = "run"
    doc_purpose = "run the stages, or the tasks that are named; `doit` alone does so, too"
    doc_usage = "[TASK ...] [KEY=VALUE ...]"
    doc_description = (
        "A task may have wildcards, such as 'generate:npm:p*'. KEY=VALUE lays a value over pipeline.yaml for this run, "
        "such as batch.size=5."
    )

    def execute(self, params: Any, args: list[str]) -> int:  # noqa: ANN401  # doit's calling convention
        """Run the tasks."""
        signal.signal(signal.SIGTERM, _interrupt)
        if params["json"]:
            params["reporter"] = JsonReporter
        return super().execute(params, args)

    _execute = works_alone(leaves_a_record(Run._execute))  # noqa: SLF001  # what doit's commands are to override


COMMANDS = (
    *("run", "list", "info", "clean", "forget", "help"),
    *("stop", "resume", "disable", "enable", "status"),
    *("init", "add"),
    *("publish", "sync", "rollback", "requeue", "recheck", "replay", "why", "metrics", "check", "doctor"),
    *("matrix", "collect", "dashboard", "completion"),
)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
