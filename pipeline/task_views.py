"""What people and machines see of tasks: `doit list` and `doit info`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from doit.task import Task
from rich.console import RenderableType
from rich.text import Text

from pipeline.terminal import Mood, facts, heading, hint, line, sections, table, title, visible

# Why a task would be run: as doit calls it, and as people read it. What else doit finds says nothing beside these.
_REASONS = {
    "missing_target": "is not there",
    "changed_file_dep": "has changed",
    "missing_file_dep": "is missing",
    "removed_file_dep": "is not asked for any more",
    "added_file_dep": "is new",
}
# How doit says that a task is not up to date.
_STATES = {"run": "would be run", "error": "would fail: an input is missing"}
# Lists of a task that are shown, as doit calls them, and as people read them.
LISTS = {"file_dep": "made from", "task_dep": "after", "targets": "makes"}


class TaskRow(msgspec.Struct, frozen=True, kw_only=True):
    """A task: how many results there are of it and the tasks in it, of how many; a result may be out of date."""

    name: str
    doc: str
    results: int
    of: int


class TaskList(msgspec.Struct, frozen=True, kw_only=True):
    """What `doit list --json` prints."""

    tasks: list[TaskRow]


class TaskInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What `doit info --json` prints; `reasons` say why it would be run."""

    name: str
    doc: str
    status: str
    reasons: list[str]
    file_dep: list[str]
    task_dep: list[str]
    targets: list[str]


def reasons_of(found: Mapping[str, Sequence[object]]) -> list[str]:
    """Return why a task would be run, from what doit found: a line for each file, and one for all else."""
    told = ["what it is made from has changed, or its last result is not final"] if found["uptodate_false"] else []
    return told + [f"{words}: {item}" for kind, words in _REASONS.items() for item in found.get(kind, ())]


def rows_of(shown: Iterable[Task], every: Mapping[str, Task]) -> list[TaskRow]:
    """Return the rows of some tasks; a look at the files of all tells what there is."""
    there: dict[str, int] = {}
    whole: dict[str, int] = {}
    for task in every.values():
        if not task.targets:
            continue
        done = all(Path(target).exists() for target in task.targets)
        above: Task | None = task
        while above is not None:
            whole[above.name] = whole.get(above.name, 0) + 1
            there[above.name] = there.get(above.name, 0) + done
            above = every.get(above.subtask_of or "")
    return [
        TaskRow(name=task.name, doc=task.doc or "", results=there.get(task.name, 0), of=whole.get(task.name, 0))
        for task in shown
    ]


def list_view(rows: Sequence[TaskRow], width: int) -> RenderableType:
    """Return tasks for people."""
    made = table("task", ["what it does", "results"], width, words=1)
    for row in rows:
        results = f"{row.results:,} of {row.of:,}" if row.of else "-"
        mood = _mood(row)
        made.add_row(Text.assemble((f"{mood.sign} ", mood.style), row.name), Text(row.doc), Text(results))
    return sections(made, hint("`doit` runs them all, `doit TASK` one; `doit list --all` shows each task"))


def long_list(rows: Sequence[TaskRow]) -> Iterable[str]:
    """Yield a line for each of many tasks."""
    width = max((len(row.name) for row in rows), default=0)
    for row in rows:
        yield f"{_mood(row).sign} {row.name:<{width}}  {row.doc}"


def _mood(row: TaskRow) -> Mood:
    return Mood.GOOD if row.of and row.results == row.of else Mood.IDLE


def info_view(info: TaskInfo) -> RenderableType:
    """Return a task for people."""
    done = info.status == "up-to-date"
    lists = [
        [heading(words), *(Text(f"    {visible(item)}") for item in getattr(info, name))]
        for name, words in LISTS.items()
        if getattr(info, name)
    ]
    reasons = (
        [heading("would be run, because"), *(Text(f"    {visible(reason)}") for reason in info.reasons)]
        if info.reasons
        else []
    )
    state = facts(
        (
            "state",
            "its results are up to date" if done else _STATES.get(info.status, info.status),
            Mood.GOOD if done else Mood.IDLE,
        )
    )
    return sections([title(info.name), line(info.doc), state], reasons, *lists)
