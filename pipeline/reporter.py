"""What a person sees of a run: a live display on a terminal, plain lines elsewhere, a summary at the end."""

import _thread
import gc
import threading
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, TextIO

from doit.exceptions import BaseFail, UnmetDependency
from doit.task import Task
from rich.console import RenderableType
from rich.filesize import decimal
from rich.live import Live
from rich.text import Text

from pipeline.checks import shorten
from pipeline.errors import BadInput, Defect, EmptySelection
from pipeline.http_events import added
from pipeline.markdown import code, text
from pipeline.model import Excluded
from pipeline.progress import Progress, silence
from pipeline.run import Run, current
from pipeline.run_lines import told
from pipeline.seed import why_not
from pipeline.summary import Summary, held_back
from pipeline.tasks import ecosystems_of
from pipeline.terminal import Mood, Terminal, facts, heading, hint, line, number, sections, table, title
from pipeline.text import counted
from pipeline.verdict_table import used_statuses, verdict_table

# Times a second that the live display is drawn anew.
REFRESH_RATE = 4
# Packages that the terminal's summary names; all of them stand in the payload and the step summary.
NAMED = 15
# Characters of a reason in the summary; the whole one stands in the payload.
REASON_WIDTH = 160


class ProgressReporter:
    """A doit reporter; the method and parameter names are doit's."""

    desc = "recipeline's live progress and summary"

    def __init__(self, outstream: TextIO, options: Mapping[str, Any]) -> None:
        del options  # doit passes failure_verbosity; a failed task always shows its whole message here
        self._run: Run = current()
        self._console = Terminal(file=outstream)
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
            self._tell(f"error      {where}{message}")
        if self._not_reached:
            self._tell(f"not run    {counted(self._not_reached, 'task')} that needed what failed")
        if self._seeding:
            return
        traffic = added(self._run.traffic().values())
        if self._executed == 0 and not self._failures:
            batch = self._run.plan.batch.id
            what = f"{counted(len(self._work), 'task')} of batch {batch} up to date, no request made."
            self._console.print(title("Nothing to do:", what))
            return
        summary = self._run.summary()
        numbers = (
            f"{counted(self._executed, 'task')} run, {counted(traffic.requests, 'request')} "
            f"({decimal(traffic.bytes)}), {counted(traffic.cache_hits, 'answer')} from the cache."
        )
        shown = summary_view(summary, self._console.width, watched=self._console.is_watched)
        whole = sections(shown, [Text(numbers), *closing(summary, self._run)])
        self._console.print(Text(), whole, sep="\n", crop=False)  # a reason in a log is one line
        step_summary = self._run.environment.get("GITHUB_STEP_SUMMARY")
        if step_summary:
            with Path(step_summary).open("a", encoding="utf-8") as file:
                file.write(summary_markdown(summary))

    def _say(self, line: str) -> None:
        if self._live is not None:
            return
        try:
            self._tell(line)
            self._console.file.flush()
        except BrokenPipeError:  # nobody reads on: the run ends as by Ctrl-C, once
            self._run.progress.say = silence
            _thread.interrupt_main()

    def _tell(self, line: str) -> None:
        """Write a line as it is, however long: what reads a log knows no width."""
        self._console.print(told(line), soft_wrap=True)

    def _draw(self) -> RenderableType:
        now = self._run.clock.now()
        return live_view(self._run.progress, self._run.plan.batch.id, now, now - self._started, self._console.width)


def live_view(progress: Progress, batch_id: str, now: float, seconds: float, width: int) -> RenderableType:
    """Return the live display: each ecosystem's queue, pace and wait, each platform's verdicts, the last lines."""
    heads = ["queue", "recipes", "skipped", "failed", "held", "requests", "cache", "rate", "wait"]
    with progress.lock:
        ecosystems = table("ecosystem", heads, width)
        for name, counters in progress.ecosystems.items():
            wait = max(0.0, counters.waiting_until - now)
            ecosystems.add_row(
                name,
                f"{counters.done}/{counters.total}",
                number(counters.generated, Mood.GOOD.style),
                number(counters.skipped),
                number(counters.failed, Mood.BAD.style),
                number(counters.held),
                number(counters.requests),
                number(counters.from_cache),
                f"{counters.rate:g}/s",
                f"{wait:.1f} s" if wait else number(0),
            )
        verdicts = {name: dict(counts) for name, counts in progress.verdicts.items() if counts}
        recent = [told(said, overflow="ellipsis", no_wrap=True) for said in progress.recent]
    shown = [verdict_table(verdicts, width)] if verdicts else []
    return sections(title(f"batch {batch_id}, {seconds:.0f} s"), ecosystems, shown, recent)


def summary_view(summary: Summary, width: int, *, watched: bool) -> RenderableType:
    """Return the summary's tables."""
    heads = ["selected", "recipes", "skipped", "failed", "held", "in the pull request"]
    ecosystems = table("ecosystem", heads, width)
    for row in summary.ecosystems:
        ecosystems.add_row(
            row.ecosystem,
            number(row.selected),
            number(row.generated),
            number(row.skipped),
            number(row.failed, Mood.BAD.style),
            number(row.held),
            number(row.included, Mood.GOOD.style),
        )
    verdicts = [verdict_table(summary.platforms, width)] if summary.platforms else []
    return sections(title(f"batch {summary.batch_id}"), ecosystems, verdicts, _left_out(summary.not_included, watched))


def _left_out(every: Sequence[Excluded], watched: bool) -> list[RenderableType]:
    """Return why each package was left out: on a terminal in columns, as a line cut at its edge loses the remedy.

    Elsewhere each is one line, as nobody knows the width.
    """
    if not every:
        return []
    reasons = [(item.source, shorten(item.reason, REASON_WIDTH)) for item in every[:NAMED]]
    more = len(every) - NAMED
    lines = [Text(f"  {source}  {reason}", no_wrap=True, overflow="ignore") for source, reason in reasons]
    return [
        heading(f"Left out ({len(every)}):"),
        *([facts(*reasons)] if watched else lines),
        *([hint(f"  and {more} more, in pr.json")] if more > 0 else []),
    ]


def closing(summary: Summary, run: Run) -> list[RenderableType]:
    """Return what there is now and where, in a line or two."""
    if summary.included == 0 and run.progress.payload is None:
        return []
    where = f"{counted(summary.included, 'recipe')} in {run.shown(run.plan.paths.payload_folder)}"
    if summary.auto_merge_allowed:
        verdict = [line("It may merge without a person.", Mood.GOOD)]
    elif summary.auto_merge_reasons:
        verdict = [line(f"It needs a person: {'; '.join(summary.auto_merge_reasons)}", Mood.WARN)]
    else:
        verdict = []
    return [title("Pull request:", where), *verdict]


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
        statuses = used_statuses(summary.platforms)
        lines += ["", f"| platform | {' | '.join(statuses)} |", f"|---|{'--:|' * len(statuses)}"]
        lines += [
            f"| {platform} | {' | '.join(str(counts.get(status, 0)) for status in statuses)} |"
            for platform, counts in summary.platforms.items()
        ]
    if summary.not_included:
        lines += ["", "| left out | why |", "|---|---|"]
        lines += [f"| {code(item.source)} | {text(item.reason)} |" for item in summary.not_included]
    return "\n".join([*lines, ""])


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
