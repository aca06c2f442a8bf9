"""Where simulated recipes go: pull requests that somebody merges an hour later, but for one that nobody does."""

from collections.abc import Callable
from pathlib import PurePosixPath

from pipeline.model import LedgerEntry
from pipeline.publishing.destination import Change, Folder, Placed
from pipeline.store import Paths


class PullRequests:
    """A destination in which each branch is a pull request; its recipes come to the root when it is merged.

    `hour` is set by the simulation. `stuck` is the branch that is never merged, "" until it is there; `names` are those
    of the recipes that were merged.
    """

    def __init__(self, paths: Paths, names: set[str], stuck_from: int) -> None:
        """Make a destination that holds some recipes, and never merges its first pull request from that hour on."""
        self.hour = 0
        self.stuck = ""
        self.names = names
        self._main = Folder(paths)
        self._stuck_from = stuck_from
        self._open: dict[str, tuple[int, Change]] = {}

    def current(self, path: str) -> bytes | None:
        """Return the recipe that was merged to a path."""
        return self._main.current(path)

    def recipes(self) -> frozenset[str]:
        """Return the names of the recipes that were merged."""
        return frozenset(self.names)

    def check(self, change: Change) -> None:
        """Find nothing in the way of a pull request."""

    def place(self, change: Change) -> Placed:
        """Open a pull request, or find it open."""
        if not self.stuck and self.hour >= self._stuck_from and change.files:
            self.stuck = change.branch
        self._open.setdefault(change.branch, (self.hour, change))
        return Placed(branch=change.branch, commit="", merged=False)

    def has(self, commit: str) -> bool:  # noqa: ARG002  # there are no commits
        return True

    def is_merged(self, entry: LedgerEntry) -> bool:
        """Return whether a batch's pull request is merged; one that is an hour old is merged now."""
        if entry.branch not in self._open:
            return True
        opened, change = self._open[entry.branch]
        if opened >= self.hour or entry.branch == self.stuck:
            return False
        self._main.place(change)
        self.names |= {PurePosixPath(path).stem for path in change.files}
        del self._open[entry.branch]
        return True

    def restore_state(self) -> bool:
        """Bring nothing: nobody else writes the state."""
        return False

    def save_state(self, message: str, at: str, again: Callable[[], str]) -> str:  # noqa: ARG002  # nothing is saved
        """Keep nothing more than the files in the root."""
        return ""
