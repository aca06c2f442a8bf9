"""`doit collect`: the results of CI jobs put into `build/`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from pipeline.collecting import PREFIX, Collected, collect
from pipeline.commands.base import Root, StateCommand, wrong_call
from pipeline.lock import alone
from pipeline.publishing.work import read_batch
from pipeline.terminal import Mood, line, title
from pipeline.text import counted


class Collect(StateCommand):
    """Take over what CI jobs have measured."""

    name = "collect"
    doc_purpose = "take over the verdicts of CI jobs, from a folder with an artifact of each"
    doc_usage = "FOLDER"

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Take over what is there, and say what is missing; that is no error: those packages are not run."""
        del options
        if len(arguments) != 1:
            raise wrong_call(self.name, f"needs the folder that holds the artifacts `{PREFIX}<job>`")
        root.paths.build.mkdir(exist_ok=True)
        with alone(root.paths, root.now):
            # A path is meant as from the root: where the command was called from is the checkout's business.
            folder = root.paths.root / Path(arguments[0])
            done = collect(root.paths, root.config, folder, read_batch(root.paths).id, root.now)
        self.tell(done, words(done))
        return 0


def words(done: Sequence[Collected]) -> RenderableType:
    """Return what came of each job, for people."""
    if not done:
        return title("nothing to collect:", "no job was planned for this batch", Mood.IDLE)
    arrived = sum(one.arrived for one in done)
    mood = Mood.GOOD if arrived == len(done) else Mood.WARN
    return Group(title("collected", f"{arrived} of {counted(len(done), 'artifact')}", mood), *map(_line, done))


def _line(one: Collected) -> RenderableType:
    if not one.arrived:
        return line(f"{one.job}: its artifact is missing, {counted(one.packages, 'package')} not run", Mood.WARN)
    mood = Mood.GOOD if one.results == one.packages else Mood.WARN
    return line(f"{one.job}: {one.results} of {counted(one.packages, 'package')} have a result", mood)
