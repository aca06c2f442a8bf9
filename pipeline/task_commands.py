"""The commands of doit that look at tasks and put them back, in the look of all others."""

import io
from collections.abc import Sequence
from typing import Any, TextIO

from doit.cmd_base import DoitCmdBase
from doit.cmd_clean import Clean
from doit.cmd_forget import Forget
from doit.cmd_help import Help
from doit.cmd_info import Info
from doit.cmd_list import List
from doit.exceptions import InvalidCommand
from doit.task import Task

from pipeline.checks import nearest, shorten
from pipeline.cli import COMMANDS, NamesNearest, unknown_task, works_alone
from pipeline.console import report, write_document
from pipeline.errors import UnknownName
from pipeline.help_views import CommandInfo, command_info, command_view, help_view
from pipeline.task_views import (
    TaskInfo,
    TaskList,
    info_view,
    list_view,
    long_list,
    reasons_of,
    rows_of,
)
from pipeline.terminal import Mood, Terminal, hint, line, sections, title
from pipeline.text import counted


class ListTasks(NamesNearest, List):  # type: ignore[misc]  # doit has no types
    """`doit list`: the stages, or the tasks that are asked for, and how many results there are of each.

    What is asked for in doit's own form (`--quiet`, `--status`, `--deps`, `--template`) is answered by doit.
    """

    name = "list"
    doc_purpose = "list the stages and their results, or tasks"

    def _execute(
        self,
        subtasks: bool,  # doit's names and order
        quiet: bool,
        status: bool,
        private: bool,
        list_deps: bool,
        template: str | None,
        sort: str,
        pos_args: Sequence[str],
    ) -> int:
        if not self.as_json and (quiet or status or list_deps or template):
            own = List._execute(self, subtasks, quiet, status, private, list_deps, template, sort, pos_args)  # noqa: SLF001
            return int(own)
        every = {task.name: task for task in self.task_list}
        found = self._list_filtered(every, pos_args, subtasks) if pos_args else self._list_all(subtasks)
        rows = rows_of(sorted(found) if sort == "name" else found, every)
        if self.as_json:
            write_document(TaskList(tasks=rows))
        elif subtasks:
            Terminal(soft_wrap=True).print("\n".join(long_list(rows)))
        else:
            terminal = Terminal()
            terminal.print(list_view(rows, terminal.width))
        return 0


class InfoTask(NamesNearest, Info):  # type: ignore[misc]  # doit has no types
    """`doit info`."""

    name = "info"
    doc_purpose = "show a task: what it makes, from what, and whether it would be run"

    def execute(self, params: Any, args: list[str]) -> int:  # noqa: ANN401  # doit's calling convention
        """Show one task; doit itself answers a wrong name with a `KeyError`."""
        try:
            return super().execute(params, args)
        except KeyError:
            error = unknown_task(args, [task.name for task in self.task_list])
            if error is None:
                raise
            report(error)
            return error.exit_code

    def _execute(self, pos_args: Sequence[str], hide_status: bool) -> int:  # doit's names
        if len(pos_args) != 1:
            raise InvalidCommand(f"`doit info` shows one task, not {len(pos_args)}")
        every = {task.name: task for task in self.task_list}
        task = every[pos_args[0]]
        found = None if hide_status else self.dep_manager.get_status(task, every, get_log=True)
        stale = found is not None and found.status != "up-to-date"
        info = TaskInfo(
            name=task.name,
            doc=task.doc or "",
            status=found.status if found else "not asked",
            reasons=reasons_of(found.reasons) if found and stale else [],
            file_dep=sorted(map(str, task.file_dep)),
            task_dep=list(task.task_dep),
            targets=list(task.targets),
        )
        if self.as_json:
            write_document(info)
        else:
            Terminal(soft_wrap=True).print(info_view(info))  # a path is one word
        return int(stale)


class CleanTasks(NamesNearest, Clean):  # type: ignore[misc]  # doit has no types
    """`doit clean`, with one line for all tasks instead of one for each."""

    name = "clean"
    doc_purpose = "remove what tasks have made"
    doc_description = "Without a task, all stages are cleaned; the next `doit` begins a new batch."
    outstream: TextIO

    def clean_tasks(self, tasks: Sequence[Task], dryrun: bool, forget_tasks: bool) -> None:
        """Remove what the tasks wrote; with `--dry-run` only name them. The method and parameter names are doit's."""
        terminal, self.outstream = self.outstream, io.StringIO()
        super().clean_tasks(tasks, dryrun, forget_tasks)
        self.outstream = terminal
        with_files = [task.name for task in tasks if task.targets]
        if self.as_json:
            write_document({"dry_run": dryrun, "tasks": with_files})
        elif dryrun:
            self.outstream.writelines(f"would clean {name}\n" for name in with_files)
        else:
            Terminal(file=self.outstream).print(title(f"cleaned {counted(len(with_files), 'task')}", mood=Mood.GOOD))

    _execute = works_alone(Clean._execute)  # noqa: SLF001  # what doit's commands are to override


class ForgetTasks(NamesNearest, Forget):  # type: ignore[misc]  # doit has no types
    """`doit forget`."""

    name = "forget"
    doc_purpose = "have tasks run again although their results are up to date"
    doc_description = "Without a task, all stages are forgotten; their files stay."
    outstream: TextIO

    def _forgotten(self, forget_sub: bool, forget_disable_default: bool, forget_all: bool) -> None:
        """Forget, and say of how many tasks; the names of the parameters are doit's, so are the lines that are read."""
        terminal, self.outstream = self.outstream, io.StringIO()
        said = self.outstream
        Forget._execute(self, forget_sub, forget_disable_default, forget_all)  # noqa: SLF001  # what is overridden
        self.outstream = terminal
        told = [text.removeprefix("forgetting ") for text in said.getvalue().splitlines() if "forgetting " in text]
        names = [task.name for task in self.task_list] if forget_all else list(dict.fromkeys(told))
        if self.as_json:
            write_document({"tasks": names})
        else:
            Terminal(file=terminal).print(title(f"forgot {counted(len(names), 'task')}", mood=Mood.GOOD))

    _execute = works_alone(_forgotten)  # what doit's commands are to override


class OwnHelp(Help):  # type: ignore[misc]  # doit has no types
    """What `doit help` shows; `ShowHelp` reads its options and tells of what cannot be written."""

    as_json: bool

    def execute(self, params: Any, args: list[str]) -> int:  # noqa: ANN401  # doit's calling convention
        """Show all commands, some with their options, or what a task does; with `--json` always commands."""
        others = [name for name in args if name not in COMMANDS]
        if others and (self.as_json or others[0] in self.cmds or others[0] == "task"):  # doit's own, of no use here
            raise _unknown(others[0], ())
        if others:
            return int(super().execute(params, others[:1]) or 0)
        told = [self._info(name) for name in args or (COMMANDS if self.as_json else ())]
        if self.as_json:
            write_document({"commands": told})
        else:
            shown = [command_view(info) for info in told]
            Terminal().print(sections(*shown) if shown else help_view(self._purposes()))
        return 0

    def _info(self, name: str) -> CommandInfo:
        kind = self.cmds[name]
        made = kind(cmds=self._cmds, **self.init_kwargs)
        return command_info(made, own=not isinstance(made, DoitCmdBase))

    def _purposes(self) -> dict[str, str]:
        return {name: self.cmds[name].doc_purpose for name in COMMANDS}

    def _execute(self, pos_args: Sequence[str]) -> bool:  # doit's names
        """Show what a task does."""
        task = next((task for task in self.task_list if task.name == pos_args[0]), None)
        if task is None:
            raise _unknown(pos_args[0], [one.name for one in self.task_list])
        more = hint(f"`doit {task.name}` runs it, `doit info {task.name}` shows what it makes")
        Terminal().print(sections([title(task.name), line(task.doc or "")], more))
        return True


class ShowHelp(NamesNearest, OwnHelp):
    """`doit help`."""

    name = "help"
    doc_purpose = "show the commands, or one of them with its options"
    doc_usage = "[COMMAND ...|TASK]"


def _unknown(name: str, tasks: Sequence[str]) -> UnknownName:
    """Return the error for a name of neither a command nor a task."""
    close = nearest(name, [*COMMANDS, *tasks])
    remedy = f"did you mean `doit help {close}`?" if close else "`doit help` lists the commands"
    return UnknownName(f"there is no command or task {shorten(name)}", remedy=remedy)
