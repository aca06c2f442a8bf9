"""`doit completion`: what a shell offers while a command is typed. Reads files only, and is silent on what is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from doit.cmd_base import DoitCmdBase
from doit.plugin import PluginDict

from pipeline.cli import COMMANDS
from pipeline.commands.base import Root, StateCommand, wrong_call
from pipeline.config import RunnerClass
from pipeline.console import JSON
from pipeline.errors import PipelineError
from pipeline.help_views import OF_DOIT
from pipeline.model import Batch
from pipeline.settings import load_queue
from pipeline.source import ecosystem_of, task_label
from pipeline.state.ledger import Ledger
from pipeline.store import read_result

# Names that are offered at once: a shell shows no more than that anyway.
OFFERED = 1_000
STAGES = ("snapshot", "generate", "validate", "constrain", "payload", "seed")
# Bash parts words at colons, too, so of each name only what follows the last colon typed is offered there.
BASH = """\
_recipeline_doit() {
  local line="${COMP_LINE:0:COMP_POINT}" word part
  word="${line##* }"
  part="${word%"${word##*[:=]}"}"
  mapfile -t COMPREPLY < <(command doit completion --line="$line" 2>/dev/null)
  COMPREPLY=("${COMPREPLY[@]#"$part"}")
}
complete -F _recipeline_doit doit
"""
ZSH = """\
#compdef doit
_recipeline_doit() {
  local -a found
  found=("${(@f)$(command doit completion --line="${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)}")
  [[ -n "$found" ]] && compadd -- "${found[@]}"
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i; }
compdef _recipeline_doit doit
"""
FISH = """\
complete -c doit -f -a '(command doit completion --line=(commandline -cp | string collect) 2>/dev/null)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
# Options whose values are known.
OPTIONS = frozenset({"--ecosystem", "--platform", "--source", "--batch", "--class"})
# What the words behind a command name.
OF_TASKS = frozenset({"run", "list", "info", "clean", "forget"})
OF_SOURCES = frozenset({"why", "requeue"})
OF_BATCHES = frozenset({"replay"})
OF_ECOSYSTEMS = frozenset({"disable", "enable"})


class Completion(StateCommand):
    """Print a shell's script; with `--line`, what the script offers."""

    name = "completion"
    doc_purpose = "print the completion script of a shell"
    doc_usage = "bash|zsh|fish"
    doc_description = (
        "Once: `doit completion bash >> ~/.bashrc`, `doit completion zsh >> ~/.zshrc` or `doit completion fish > "
        "~/.config/fish/completions/doit.fish`. Names are completed where `doit` works, in the folder of recipeline."
    )
    cmd_options = (
        {
            "name": "line",
            "long": "line",
            "type": str,
            "default": "",
            "help": "what has been typed so far; the scripts ask by it what to offer",
        },
    )

    def __init__(self, cmds: PluginDict | None = None, **options: object) -> None:
        super().__init__(**options)
        self._cmds = cmds if cmds is not None else PluginDict()

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Print the script of the shell that is named, or the candidates for a line."""
        if options["line"]:
            *before, current = options["line"].split(" ")
            words = _behind_doit(before)
            found = [name for name in self._offers(root, words, current) if name.startswith(current)][:OFFERED]
            if found or self.as_json:
                self.tell({"candidates": found}, "\n".join(found))
            return 0
        shell = arguments[0] if len(arguments) == 1 else ""
        if shell not in SCRIPTS:
            raise wrong_call(self.name, f"knows {', '.join(SCRIPTS)}", "name one: `doit completion bash`")
        if self.as_json:
            self.tell({"shell": shell, "script": SCRIPTS[shell]})
        else:
            self.say(SCRIPTS[shell])
        return 0

    def _offers(self, root: Root, words: Sequence[str], current: str) -> Iterator[str]:
        """Yield what may follow some words."""
        command = words[0] if words and words[0] in self._cmds else "run"
        if current.startswith("-"):
            yield from sorted(self._flags(command))
        elif words and words[-1] in OPTIONS:
            yield from _values(root, words[-1])
        elif command in OF_SOURCES:
            yield from _sources(root)
        elif command in OF_BATCHES:
            yield from _batches(root)
        elif command in OF_ECOSYSTEMS:
            yield from root.config.ecosystems
        elif command == "completion":
            yield from SCRIPTS
        elif command == "help" or not words:
            yield from sorted(COMMANDS)  # doit has more, which nobody needs here
        if command in OF_TASKS and not current.startswith("-"):
            yield from _tasks(root)

    def _flags(self, command: str) -> set[str]:
        kind = self._cmds.get_plugin(command)
        own = not issubclass(kind, DoitCmdBase)
        options = [option for option in kind.cmd_options if own or (command, option["name"]) in OF_DOIT]
        return {f"--{option['long']}" for option in [*options, JSON] if option.get("long")}


def _values(root: Root, option: str) -> Iterator[str]:
    match option:
        case "--ecosystem":
            yield from root.config.ecosystems
        case "--platform":
            yield from root.config.platforms
        case "--batch":
            yield from _batches(root)
        case "--class":
            yield from RunnerClass
        case _:
            yield from _sources(root)


def _behind_doit(words: Sequence[str]) -> list[str]:
    """Return the words behind the last `doit`: before it there may be variables, or other commands."""
    last = max((place for place, word in enumerate(words) if word.rpartition("/")[2] == "doit"), default=0)
    return [word for word in words[last + 1 :] if word]


def _batches(root: Root) -> Iterator[str]:
    """Yield the batches that the ledger knows, the newest first."""
    yield from reversed(list(Ledger(root.paths).ids))


def _sources(root: Root) -> Iterator[str]:
    try:
        yield from dict.fromkeys(entry.source for entry in load_queue(root.paths, root.config)[0].entries)
    except PipelineError:
        return  # the command itself will tell


def _tasks(root: Root) -> Iterator[str]:
    """Yield the tasks of the batch in `build/`; those of one that is not frozen yet are not known."""
    yield from STAGES
    batch = read_result(root.paths.batch, Batch)
    sources = [one.source for one in batch.selected] if batch is not None else []
    yield from (f"generate:{name}" for name in dict.fromkeys(map(ecosystem_of, sources)))
    yield from (f"constrain:{name}" for name in dict.fromkeys(map(ecosystem_of, sources)))
    yield from (f"seed:{name}" for name in root.config.ecosystems)
    yield from (f"validate:{name}" for name in root.config.platforms)
    yield from (f"{stage}:{source}" for stage in ("generate", "constrain") for source in sources)
    yield from (f"validate:{name}:{task_label(source)}" for name in root.config.platforms for source in sources)
