"""A remote as the place where recipes go: each change is a commit on top of its base branch, pushed to a branch."""

from collections.abc import Callable, Set
from functools import cached_property
from pathlib import PurePosixPath

from pipeline.clock import Clock
from pipeline.config import Config
from pipeline.errors import PipelineError
from pipeline.model import LedgerEntry
from pipeline.publishing.destination import Change, Placed, holds
from pipeline.publishing.remote import Push, Remote
from pipeline.publishing.shared_state import SharedState
from pipeline.publishing.state_files import StateFiles
from pipeline.state.ledger import Ledger
from pipeline.store import Paths

RESTORE_MESSAGE = "Take in the state of others\n"
# Of a root that has published nothing yet; the commit is for this checkout alone.
_NEVER = "1970-01-01T00:00:00Z"
# Whoever is pushing the same batch is done after one of them; the third is for a branch that comes and goes.
_TRIES = 3


class RemoteBranch:
    """Branches of a remote; what is in use is what its base branch says. The work tree is never looked at."""

    def __init__(self, paths: Paths, config: Config, remote: Remote, clock: Clock) -> None:
        """Make the destination; the remote is not asked for anything yet."""
        self._paths, self._remote, self._git = paths, remote, remote.repository
        self._publish = config.publish
        self._shared = SharedState(StateFiles(paths, config), remote, config.publish.state_branch, clock)

    @cached_property
    def _base(self) -> str:
        """The remote's base branch, as it was when it was first asked for."""
        base = self._publish.base
        if base == self._publish.state_branch:
            raise PipelineError(
                f"publish.base and publish.state_branch are both {base}", remedy="give the state a branch of its own"
            )
        found = self._remote.fetch(base)
        if found is None:
            raise PipelineError(
                f"{self._remote.name} has no branch {base}, which publish.base names",
                remedy="push it there, or set publish.base to the branch that pull requests are merged into",
            )
        return found

    @cached_property
    def _recipes(self) -> dict[str, str]:
        """The object id of each recipe on the base branch."""
        return self._git.files(self._base, self._paths.recipes.name)

    def current(self, path: str) -> bytes | None:
        """Return the recipe on the remote's base branch."""
        found = self._recipes.get(path)
        return self._git.contents([found])[0] if found else None

    def recipes(self) -> Set[str]:
        """Return the names of the recipes on the remote's base branch."""
        return frozenset(PurePosixPath(path).stem for path in self._recipes)

    def check(self, change: Change) -> None:
        """Look for other branches in the way, on the remote; git here takes no part in it."""
        for branch in (change.branch, self._publish.state_branch):
            self._remote.refuse_blocked(branch)
        self._found(change)

    def place(self, change: Change) -> Placed:
        """Push a change to its branch. Who publishes the same at the same time pushes the same, or finds it there."""
        for _ in range(_TRIES):
            tip, there = self._found(change)
            if tip is not None and there:
                return Placed(branch=change.branch, commit=tip, merged=False)
            commit = self._commit(change, self._base)
            if self._remote.push(change.branch, commit, expected=tip) is Push.DONE:
                return Placed(branch=change.branch, commit=commit, merged=False)
        raise PipelineError(
            f"somebody else is moving the branch {change.branch} of {self._remote.name}",
            remedy="see who that is, then repeat the command",
        )

    def has(self, commit: str) -> bool:
        """Return whether the commit belongs to the history of the remote's base branch."""
        return bool(commit) and self._git.contains(self._base, commit)

    def is_merged(self, entry: LedgerEntry) -> bool:
        """Return whether the base has the batch's commit, or (after a squash) each of its recipes byte for byte."""
        if entry.commit and self._git.contains(self._base, entry.commit):
            return True
        return holds(entry, self.current)

    def restore_state(self) -> bool:
        """Join what others have saved, and what people have edited on the base branch, with the root's state."""
        at = Ledger(self._paths).newest_at or _NEVER
        return self._shared.restore(self._base, RESTORE_MESSAGE, at)

    def save_state(self, message: str, at: str, again: Callable[[], str]) -> str:
        """Push the state to its branch, on top of what others have saved."""
        return self._shared.save(self._base, message, at, again)

    # ------------------------------------------------------------------------------------ inside

    def _found(self, change: Change) -> tuple[str | None, bool]:
        """Return where the remote's branch is, and whether it holds the change, published by whomever.

        Raises `PipelineError` for a branch that holds anything else: it may be there only.
        """
        tip = self._remote.fetch(change.branch)
        if tip is None:
            return None, False
        if not self._git.is_own(tip):
            raise self._refused(change.branch, "holds commits of somebody else")
        same = self._commit(change, self._git.parent(tip), at=self._git.made_at(tip)) == tip
        if not same and not change.amends:
            raise self._refused(change.branch, "holds a batch with other recipes")
        return tip, same

    def _refused(self, branch: str, what: str) -> PipelineError:
        return PipelineError(
            f"the branch {branch} of {self._remote.name} {what}",
            remedy="rename or delete that branch there, then repeat the command",
        )

    def _commit(self, change: Change, base: str | None, at: str = "") -> str:
        return self._git.commit(
            base=base, files=change.files, removed=change.removed, message=change.message, at=at or change.at
        )
