"""`doit init`: the first files of a recipe registry of one's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Group, RenderableType

from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.config import PublishMode
from pipeline.forge.connect import repository_in
from pipeline.instants import timestamp
from pipeline.new_registry import empty_queue, ignoring, settings, workflow
from pipeline.publishing.git import repository_around
from pipeline.store import SHIPPED, is_there, read_bytes, write_bytes
from pipeline.terminal import Fact, Facts, Mood, hint, title

WORKFLOW_FILE = ".github/workflows/batch.yml"


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What `doit init --json` prints: paths below the root that were written, and those that were there already.

    `left_out` are those that could not be written, each with the reason and what to do.
    """

    root: str
    written: list[str]
    kept: list[str]
    left_out: dict[str, str]


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """Where others find the recipeline that runs here: `owner/name` on a forge, and the commit."""

    repository: str
    commit: str


class Init(StateCommand):
    """Begin a registry in the root; what is there stays as it is."""

    name = "init"
    doc_purpose = "write the first files of a recipe registry of your own"
    doc_usage = "[--github]"
    doc_description = "The registry is the folder that PIPELINE_ROOT names. What is there already stays as it is."
    cmd_options = (
        {
            "name": "github",
            "long": "github",
            "type": bool,
            "default": False,
            "help": "publish by pull requests, with a workflow that does so each hour",
        },
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
    first = {
        root.paths.config: settings(mode),
        top / root.config.queue: empty_queue(timestamp(root.now)),
    }
    left_out: dict[str, str] = {}
    if mode is PublishMode.GITHUB:
        pin = pin_of(SHIPPED, root.environment)
        if isinstance(pin, Pin):
            first[top / WORKFLOW_FILE] = workflow(pin.repository, pin.commit)
        elif not is_there(top / WORKFLOW_FILE):
            left_out[WORKFLOW_FILE] = pin
    written: list[str] = []
    kept: list[str] = []
    for path, content in first.items():
        (kept if _kept(path, content) else written).append(path.relative_to(top).as_posix())
    ignored = top / ".gitignore"
    known = read_bytes(ignored, purpose="list of ignored files") if is_there(ignored) else b""
    (kept if known == ignoring(known) else written).append(ignored.name)
    if known != ignoring(known):
        write_bytes(ignored, ignoring(known))
    return Begun(root=str(top), written=written, kept=kept, left_out=left_out)


def pin_of(checkout: Path, environment: Mapping[str, str]) -> Pin | str:
    """Return where a workflow finds this recipeline; the reason and what to do when it would not find it."""
    repository = repository_around(checkout, environment, checkout / "build" / ".init-index")
    commit = repository.head() if repository else None
    if repository is None or commit is None:
        return f"{checkout} is no git checkout; clone recipeline, and call it from there"
    # As it was cloned from, before any `insteadOf` of this user's: the workflow runs elsewhere.
    told = repository.tried("config", "--get", "remote.origin.url")[1]
    name = repository_in(told.decode(errors="replace").strip())
    if not name:
        return f"the remote `origin` of {checkout} is no repository on a forge; clone recipeline from one"
    if not repository.tried("for-each-ref", "--contains", commit, "refs/remotes/origin")[1]:
        return f"{name} does not have the commit {commit[:12]} of {checkout}; push it there"
    return Pin(repository=name, commit=commit)


def words(begun: Begun) -> RenderableType:
    """Return what was written, and what comes next."""
    hourly = WORKFLOW_FILE in (*begun.written, *begun.kept)
    told = [Fact(name="wrote", value=path, mood=Mood.GOOD) for path in begun.written]
    told += [Fact(name="kept", value=path, mood=Mood.IDLE) for path in begun.kept]
    told += [
        Fact(name="left out", value=f"{path}: {why}, then repeat `doit init --github`", mood=Mood.WARN)
        for path, why in begun.left_out.items()
    ]
    return Group(
        title("registry", f"in {begun.root}"),
        Facts(facts=told),
        hint("Next: `doit add npm:prettier`, or what else it should hold, then `doit`"),
        *([hint("The workflow begins within the hour once all of it is committed and pushed")] if hourly else []),
    )


def _kept(path: Path, content: bytes) -> bool:
    """Return whether a file is there already; write it if not."""
    if is_there(path):
        return True
    write_bytes(path, content)
    return False
