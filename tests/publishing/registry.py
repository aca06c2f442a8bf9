"""A registry on a remote, and clones of it in which batches are published."""

import subprocess
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from pipeline.lock import alone
from pipeline.model import Queue
from pipeline.publishing.places import destination_of
from pipeline.store import encode
from tests.builders import NOW, entry, queue
from tests.publishing.batches import Root
from tests.publishing.lab import Checkout, environment

STATE = "recipeline-state"
QUEUE = "data/queues/priority-queue.json"
SOURCES = ("npm:a", "npm:b", "npm:c", "pypi:d", "pypi:e")


class StillClock:
    """A clock whose pauses take no time and are counted; `meanwhile` is what others do in one."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.meanwhile = lambda: None

    def now(self) -> float:
        """Return no time at all."""
        return 0.0

    def wall(self) -> float:
        """Return no time at all."""
        return 0.0

    def pause(self, seconds: float, stop: threading.Event) -> bool:
        """Note the pause."""
        self.pauses.append(seconds)
        self.meanwhile()
        return stop.is_set()


class Registry:
    """A bare repository whose `main` holds a queue and one recipe, and an editor's clone of it."""

    def __init__(self, folder: Path, address: str = "") -> None:
        self.folder = folder
        self.bare = folder / "registry.git"
        self.editor = Checkout(folder / "editor")
        self.editor.write(".gitignore", "build/\n")
        self.editor.write(QUEUE, encode(queue(*map(entry, SOURCES))).decode())
        self.commit("A registry")
        if not address:
            subprocess.run(
                ["git", "init", "-q", "--bare", "-b", "main", str(self.bare)], check=True, env=environment(folder)
            )
        self.address = address or str(self.bare)
        self.editor.git("remote", "add", "origin", self.address)
        if not address:
            self.push()

    def commit(self, message: str) -> None:
        """Commit all that the editor has changed."""
        self.editor.git("add", "-A")
        self.editor.git("commit", "-q", "-m", message)

    def push(self) -> None:
        """Push the editor's `main`."""
        self.editor.git("push", "-q", "origin", "main")

    def clone(self, name: str, *options: str) -> "Clone":
        """Return a fresh clone, as CI makes it."""
        top = self.folder / name / "root"
        address = f"file://{self.bare}" if options else self.address
        self.editor.git("clone", "-q", *options, address, str(top))
        return Clone(top)

    def tips(self) -> dict[str, str]:
        """Return the branches of the remote with their commits."""
        lines = self._git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads").splitlines()
        return dict(line.split() for line in lines)

    def show(self, branch: str, path: str) -> str:
        """Return a file of a branch of the remote."""
        return self._git("show", f"{branch}:{path}")

    def files(self, branch: str) -> list[str]:
        """Return the paths of a branch of the remote."""
        return self._git("ls-tree", "-r", "--name-only", branch).splitlines()

    def merge(self, branch: str) -> None:
        """Squash a branch into the remote's `main`, as a forge does."""
        self.editor.git("fetch", "-q", "origin")
        self.editor.git("reset", "-q", "--hard", "origin/main")
        self.editor.git("merge", "-q", "--squash", f"origin/{branch}")
        self.commit(f"Squash of {branch}")
        self.push()

    def statuses(self, branch: str = STATE) -> dict[str, str]:
        """Return the statuses that a branch's queue tells."""
        found = msgspec.json.decode(self.show(branch, QUEUE), type=Queue)
        return {each.source: each.status.value for each in found.entries}

    def _git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.bare,
            env=environment(self.folder),
            capture_output=True,
            text=True,
            check=True,
        ).stdout


class Clone(Root):
    """A clone of a registry; every call is a process of its own, as far as that can be seen."""

    def __init__(self, folder: Path, **publish: Any) -> None:
        super().__init__(folder, mode="github", **publish)
        self.clock = StillClock()
        self.environment = environment(folder.parent)
        self.paths.build.mkdir(exist_ok=True)

    def destination(self) -> Any:
        """Return the remote, as a new process sees it."""
        return destination_of(self.paths, self.config, self.environment, self.clock)

    def restore(self, now: datetime = NOW) -> bool:
        """Take in what others have saved."""
        with alone(self.paths, now):
            found: bool = self.destination().restore_state()
            return found

    def lines(self, folder: str = "journal") -> list[bytes]:
        """Return all lines of a folder of the memory."""
        files = sorted((self.paths.data / folder).glob("*.jsonl"))
        return [line for path in files for line in path.read_bytes().splitlines()]
