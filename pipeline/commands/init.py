"""`doit init`: the first files of a recipe registry of one's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Group, RenderableType

from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.config import PublishMode
from pipeline.instants import timestamp
from pipeline.new_registry import empty_queue, ignoring, settings
from pipeline.store import is_there, read_bytes, write_bytes
from pipeline.terminal import Fact, Facts, Mood, hint, title


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What `doit init --json` prints: paths below the root that were written, and those that were there already."""

    root: str
    written: list[str]
    kept: list[str]


class Init(StateCommand):
    """Begin a registry in the root; what is there stays as it is."""

    name = "init"
    doc_purpose = "write the first files of a recipe registry of your own"
    doc_usage = "[--github]"
    doc_description = "The registry is the folder that PIPELINE_ROOT names. What is there already stays as it is."
    cmd_options = (
        {"name": "github", "long": "github", "type": bool, "default": False, "help": "publish by pull requests"},
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Write what is missing, and say so."""
        no_arguments(arguments, self.name)
        begun = begin(root, PublishMode.GITHUB if options["github"] else PublishMode.LOCAL)
        self.tell(begun, words(begun))
        return 0


def begin(root: Root, mode: PublishMode) -> Begun:
    """Write the files that are missing; `.gitignore` gets a line if it has none for what can be made again."""
    top = root.paths.root
    written: list[str] = []
    kept: list[str] = []
    first = {
        root.paths.config: settings(mode),
        top / root.config.queue: empty_queue(timestamp(root.now)),
    }
    for path, content in first.items():
        (kept if _kept(path, content) else written).append(path.relative_to(top).as_posix())
    ignored = top / ".gitignore"
    known = read_bytes(ignored, purpose="list of ignored files") if is_there(ignored) else b""
    (kept if known == ignoring(known) else written).append(ignored.name)
    if known != ignoring(known):
        write_bytes(ignored, ignoring(known))
    return Begun(root=str(top), written=written, kept=kept)


def words(begun: Begun) -> RenderableType:
    """Return what was written, and what comes next."""
    told = [Fact(name="wrote", value=path, mood=Mood.GOOD) for path in begun.written]
    told += [Fact(name="kept", value=path, mood=Mood.IDLE) for path in begun.kept]
    return Group(
        title("registry", f"in {begun.root}"),
        Facts(facts=told),
        hint("Next: `doit add npm:prettier`, or what else it should hold, then `doit`"),
    )


def _kept(path: Path, content: bytes) -> bool:
    """Return whether a file is there already; write it if not."""
    if is_there(path):
        return True
    write_bytes(path, content)
    return False
