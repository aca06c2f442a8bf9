"""What a person sees of a run: a live display on a terminal, plain lines elsewhere, a summary at the end."""

import _thread
import gc
import threading
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, TextIO

from doit.exceptions import BaseFail, UnmetDependency
from doit.task import Task
from rich import box
from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipeline.checks import shorten
from pipeline.errors import BadInput, Defect, EmptySelection
from pipeline.http_events import added
from pipeline.markdown import code, text
from pipeline.model import Excluded, VerdictStatus
from pipeline.progress import Progress, silence
from pipeline.run import Run, current
from pipeline.seed import why_not
from pipeline.summary import Summary, held_back
from pipeline.tasks import ecosystems_of
from pipeline.terminal import Terminal
from pipeline.text import counted

# Times a second that the live display is drawn anew.
REFRESH_RATE = 4
# Packages that the terminal's summary names; all of them stand in the payload and the step summary.
NAMED = 15
MEGABYTE = 1_000_000
# Characters of a reason in the summary; the whole one stands in the payload.
REASON_WIDTH = 160
# Columns of a terminal that a source may take there before it is broken.
SOURCE_WIDTH = 40
STATUS_STYLE = {
    VerdictStatus.VALIDATED: "green",
    VerdictStatus.VALIDATED_EMULATED: "green",
    VerdictStatus.PREDICTED_PASS: "cyan",
    VerdictStatus.PREDICTED_FAIL: "yellow",
    VerdictStatus.FAILED: "red",
    VerdictStatus.INFRA_ERROR: "magenta",
}


class ProgressReporter:
    """A doit reporter; the method and parameter names are doit's."""

    desc = "recipeline's live progress and summary"

    def __init__(self, outstream: TextIO, options: Mapping[str, Any]) -> None:
        del options  # doit passes failure_verbosity; a failed task always shows its whole message here
        self._run: Run = current()
        self._console = Terminal(file=outstream, soft_wrap=True)
        self._live: Live | None = None
        self._executed = 0
        self._started = self._run.clock.now()
        self._work: set[str] = set()
        self._seeding = False
        self._not_reached = 0
        # One cause, such as a full disk, can fail every task: it is told once. Message -> tasks.
        self._failures: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def initialize(self, tasks: Mapping[str, Task], selected_tasks: Sequence[str]) -> None:
        """Refuse a selection that holds no work, then start the display."""
        work = _tasks_with_actions(tasks, selected_tasks)
        self._seeding = self._seeds(work)
        if self._seeding:  # its lines are few, and its work is no batch's
            self._work = work
            self._run.progress.say = self._say
            return
        if not self._run.plan.orders or not (work - {"snapshot"} or "snapshot" in selected_tasks):
            raise empty_selection(self._run)
        self._work = work
        if self._console.is_watched:
            self._live = Live(
                get_renderable=self._draw, console=self._console, refresh_per_second=REFRESH_RATE, transient=True
            )
            self._live.start()
        self._run.progress.say = self._say

    def _seeds(self, work: Set[str]) -> bool:
        """Say whether the queue is filled; refuse that where it cannot be, and beside the batch that came from it."""
        asked = sorted(name for name in work if name.startswith("seed:"))
        if asked and len(asked) < len(work):
            rule = f"{asked[0]} changes the queue, which the batch of the other tasks was made from"
            raise BadInput("command line", Defect(pointer="", rule=rule, remedy="seed first, in a call of its own"))
        for name in asked:
            refused = why_not(name.removeprefix("seed:"), self._run.plan.config)
            if refused is not None:
                raise refused
        return bool(asked)

    def get_status(self, task: Task) -> None:
        """Called when doit looks whether a task is up to date."""

    def execute_task(self, task: Task) -> None:
        """Called when a task's action starts."""
        if task.actions:
            with self._lock:
                if self._executed == 0:
                    gc.freeze()  # the plan and its tasks stay to the end: the collector need not look at them
                    gc.enable()  # see `load_plan`
                self._executed += 1

    def add_failure(self, task: Task, fail: BaseFail) -> None:
        """Called when a task failed: an error that a person must act on, or a bug."""
        if isinstance(fail, UnmetDependency):  # a consequence, not a cause
            self._not_reached += 1
            return
        self._failures.setdefault(fail.get_msg().strip(), []).append(task.name)

    def add_success(self, task: Task) -> None:
        """Called when a task's action has ended well."""

    def skip_uptodate(self, task: Task) -> None:
        """Called for a task that has its result already."""

    def skip_ignore(self, task: Task) -> None:
        """Called for a task that `doit ignore` switched off."""
        self._say(f"ignored    {task.name}")

    def cleanup_error(self, exception: BaseFail) -> None:
        """Called when a teardown failed."""
        self._failures.setdefault(exception.get_msg().strip(), [])

    def runtime_error(self, msg: str) -> None:
        """Called with an error of doit itself."""
        self._failures.setdefault(msg.strip(), [])

    def teardown_task(self, task: Task) -> None:
        """Called when a task's teardown starts."""

    def complete_run(self) -> None:
        """Stop the display and say what came of the run."""
        # After Ctrl-C the workers go on until the process ends; one that printed then would make Python abort.
        self._run.progress.be_silent()
        if self._live is not None:
            self._live.stop()
        if not self._work:  # refused before it began
            return
        for message, tasks in self._failures.items():
            others = f" (and {len(tasks) - 1} more)" if len(tasks) > 1 else ""
            where = f"{tasks[0]}{others}: " if tasks else ""
            self._console.print(Text(f"error      {where}{message}", style="red"))
        if self._not_reached:
            self._console.print(
                Text(f"not run    {counted(self._not_reached, 'task')} that needed what failed", style="red")
            )
        if self._seeding:
            return
        traffic = added(self._run.traffic().values())
        if self._executed == 0 and not self._failures:
            self._console.print(
                f"Nothing to do: {counted(len(self._work), 'task')} of batch {self._run.plan.batch.id} up to date, "
                "no request made."
            )
            return
        summary = self._run.summary()
        self._console.print(summary_view(summary, self._console.is_watched))
        self._console.print(
            f"{counted(self._executed, 'task')} run, {counted(traffic.requests, 'request')} "
            f"({traffic.bytes / MEGABYTE:.1f} MB), {counted(traffic.cache_hits, 'answer')} from the cache."
        )
        for line in closing_lines(summary, self._run):
            self._console.print(line)
        step_summary = self._run.environment.get("GITHUB_STEP_SUMMARY")
        if step_summary:
            with Path(step_summary).open("a", encoding="utf-8") as file:
                file.write(summary_markdown(summary))

    def _say(self, line: str) -> None:
        if self._live is not None:
            return
        try:
            self._console.print(Text(line))
            self._console.file.flush()
        except BrokenPipeError:  # nobody reads on: the run ends as by Ctrl-C, once
            self._run.progress.say = silence
            _thread.interrupt_main()

    def _draw(self) -> RenderableType:
        now = self._run.clock.now()
        return live_view(self._run.progress, self._run.plan.batch.id, now, now - self._started)


def live_view(progress: Progress, batch_id: str, now: float, seconds: float) -> RenderableType:
    """Return the live display: each ecosystem's queue, pace and wait, each platform's verdicts, the last lines."""
    with progress.lock:
        ecosystems = _table(f"batch {batch_id}, {seconds:.0f} s")
        for column in (
            "ecosystem",
            "queue",
            "recipes",
            "skipped",
            "failed",
            "held",
            "requests",
            "cache",
            "rate",
            "wait",
        ):
            ecosystems.add_column(column, justify="left" if column == "ecosystem" else "right")
        for name, counters in progress.ecosystems.items():
            wait = max(0.0, counters.waiting_until - now)
            ecosystems.add_row(
                name,
                f"{counters.done}/{counters.total}",
                Text(str(counters.generated), style="green"),
                str(counters.skipped),
                Text(str(counters.failed), style="red" if counters.failed else ""),
                str(counters.held),
                str(counters.requests),
                str(counters.from_cache),
                f"{counters.rate:g}/s",
                f"{wait:.1f} s" if wait else "-",
            )
        verdicts = _verdict_table({name: dict(counts) for name, counts in progress.verdicts.items() if counts})
        recent = [Text(line, overflow="ellipsis", no_wrap=True) for line in progress.recent]
    return Group(ecosystems, verdicts, *recent)


def summary_view(summary: Summary, terminal: bool) -> RenderableType:
    """Return the summary's tables."""
    ecosystems = _table(f"batch {summary.batch_id}")
    for column in ("ecosystem", "selected", "recipes", "skipped", "failed", "held", "in the pull request"):
        ecosystems.add_column(column, justify="left" if column == "ecosystem" else "right")
    for row in summary.ecosystems:
        ecosystems.add_row(
            row.ecosystem, *map(str, (row.selected, row.generated, row.skipped, row.failed, row.held, row.included))
        )
    parts: list[RenderableType] = [ecosystems]
    if summary.platforms:
        parts.append(_verdict_table(summary.platforms))
    if summary.not_included:
        parts.append(Text(f"Left out ({len(summary.not_included)}):"))
        parts += _left_out(summary.not_included[:NAMED], terminal)
        if len(summary.not_included) > NAMED:
            parts.append(Text(f"  and {len(summary.not_included) - NAMED} more, in pr.json"))
    return Group(*parts)


def _left_out(items: Sequence[Excluded], terminal: bool) -> list[RenderableType]:
    """Return why each package was left out: on a terminal in columns, as a line cut at its edge loses the remedy.

    Elsewhere each is one line, as nobody knows the width.
    """
    reasons = {item.source: shorten(item.reason, REASON_WIDTH) for item in items}
    if not terminal:
        return [Text(f"  {source}  {reason}", no_wrap=True, overflow="ignore") for source, reason in reasons.items()]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(max_width=SOURCE_WIDTH, overflow="fold")
    table.add_column(overflow="fold")
    for source, reason in reasons.items():
        table.add_row(Text(source), Text(reason))
    return [Padding(table, (0, 0, 0, 2))]


def closing_lines(summary: Summary, run: Run) -> list[str]:
    """Return what there is now and where, in a line or two."""
    if summary.included == 0 and run.progress.payload is None:
        return []
    lines = [f"Pull request: {counted(summary.included, 'recipe')} in {run.shown(run.plan.paths.payload_folder)}"]
    if summary.auto_merge_allowed:
        lines.append("It may merge without a person.")
    elif summary.auto_merge_reasons:
        lines.append(f"It needs a person: {'; '.join(summary.auto_merge_reasons)}")
    return lines


def summary_markdown(summary: Summary) -> str:
    """Return the summary for `$GITHUB_STEP_SUMMARY`."""
    lines = [
        f"## Batch {summary.batch_id}",
        "",
        "| ecosystem | selected | recipes | skipped | failed | held | in the pull request |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {r.ecosystem} | {r.selected} | {r.generated} | {r.skipped} | {r.failed} | {r.held} | {r.included} |"
        for r in summary.ecosystems
    ]
    if summary.platforms:
        statuses = _used_statuses(summary.platforms)
        lines += ["", f"| platform | {' | '.join(statuses)} |", f"|---|{'--:|' * len(statuses)}"]
        lines += [
            f"| {platform} | {' | '.join(str(counts.get(status, 0)) for status in statuses)} |"
            for platform, counts in summary.platforms.items()
        ]
    if summary.not_included:
        lines += ["", "| left out | why |", "|---|---|"]
        lines += [f"| {code(item.source)} | {text(item.reason)} |" for item in summary.not_included]
    return "\n".join([*lines, ""])


def _table(title: str | None) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _verdict_table(platforms: Mapping[str, Mapping[VerdictStatus, int]]) -> Table:
    statuses = _used_statuses(platforms)
    table = _table(None)
    table.add_column("platform")
    for status in statuses:
        table.add_column(status.value, justify="right", style=STATUS_STYLE.get(status, ""))
    for platform, counts in platforms.items():
        table.add_row(platform, *(str(counts.get(status) or "-") for status in statuses))
    return table


def _used_statuses(platforms: Mapping[str, Mapping[VerdictStatus, int]]) -> list[VerdictStatus]:
    used = Counter(status for counts in platforms.values() for status in counts)
    return [status for status in VerdictStatus if used[status]]


def _tasks_with_actions(tasks: Mapping[str, Task], selected: Sequence[str]) -> set[str]:
    """Return the names of all tasks with something to do that a selection reaches."""
    reached: set[str] = set()
    stack = list(selected)
    while stack:
        name = stack.pop()
        if name not in reached:
            reached.add(name)
            stack.extend(tasks[name].task_dep)
    # Groups have subtasks, all others work. Asking for `actions` would make doit build them, which costs an idle run
    # of 14,000 tasks a tenth of its time.
    return {name for name in reached if not tasks[name].has_subtask}


def empty_selection(run: Run) -> EmptySelection:
    """Return the error for a selection without work: what the batch has, or why it is empty itself."""
    plan = run.plan
    if plan.orders:
        return EmptySelection(
            f"no package of batch {plan.batch.id} is selected",
            remedy=f"the batch has work for {', '.join(ecosystems_of(plan))}",
        )
    return EmptySelection(
        f"no entry of the queue can be worked on now ({held_back(plan.batch)})",
        remedy="`doit why SOURCE` tells what holds one; or add entries to the queue",
    )
