"""Where a batch is published: a branch of the git checkout that the root lies in, or the root itself without git."""

from collections.abc import Callable, Mapping, Set
from functools import cached_property
from pathlib import PurePosixPath
from typing import Protocol

import msgspec

from pipeline.config import Config
from pipeline.digests import sha256
from pipeline.errors import PipelineError
from pipeline.history.ledger import standing_files
from pipeline.model import BatchState, LedgerEntry
from pipeline.publishing.git import Repository, is_same
from pipeline.publishing.state_files import StateFiles
from pipeline.store import Paths, is_there, read_bytes, write_bytes


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Recipes to write and to remove, by their path below the root, under the name of a branch; `at` is RFC 3339.

    One that `amends` takes the place of an earlier one of the same name: each part of a rollback holds all before it.
    """

    branch: str
    files: Mapping[str, bytes]
    removed: tuple[str, ...] = ()
    message: str
    at: str
    amends: bool = False


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """Where a change is now; `branch` and `commit` are "" where it stands in the root itself and is merged at once."""

    branch: str = ""
    commit: str = ""
    merged: bool


class Destination(Protocol):
    """What publishing and rollback need of the place where recipes go. Each method may be repeated without harm."""

    def current(self, path: str) -> bytes | None:
        """Return the recipe that is in use at a path, None when there is none."""

    def recipes(self) -> Set[str]:
        """Return the names of all recipes that are in use."""

    def check(self, change: Change) -> None:
        """Raise `PipelineError` when something stands in the way of a change, or of the state; nothing is written."""

    def place(self, change: Change) -> Placed:
        """Bring a change to its destination; what is there already stays as it is."""

    def has(self, commit: str) -> bool:
        """Return whether what is in use holds a commit; where there are none, all that was done is in use."""

    def is_merged(self, entry: LedgerEntry) -> bool:
        """Return whether the recipes of a published batch are in use."""

    def restore_state(self) -> bool:
        """Bring into the root what others have saved of the state; return whether that was anything new."""

    def save_state(self, message: str, at: str, again: Callable[[], str]) -> str:
        """Keep the state (`data/`, `batch-control.json`) beside the recipes; return the new commit, "" if none.

        Where others have saved theirs meanwhile, that comes into the root first; then `again` repeats what the command
        has changed, on top of it, and returns the time that the state bears now.
        """


class Folder:
    """The root itself: recipes are written to `recipes/`, and are in use at once."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def current(self, path: str) -> bytes | None:
        """Return the recipe in the root."""
        recipe = self._paths.recipe(path)
        return read_bytes(recipe, purpose="recipe") if is_there(recipe) else None

    def recipes(self) -> Set[str]:
        """Return the names of the recipes in the root."""
        return frozenset(path.stem for path in self._paths.recipes.glob("*/*.toml"))

    def check(self, change: Change) -> None:
        """Find nothing in the way: there are no branches."""

    def place(self, change: Change) -> Placed:
        """Write and remove recipes, each in one step."""
        for path, content in change.files.items():
            if self.current(path) != content:
                write_bytes(self._paths.recipe(path), content)
        for path in change.removed:
            self._paths.recipe(path).unlink(missing_ok=True)
        return Placed(merged=True)

    def has(self, commit: str) -> bool:  # noqa: ARG002  # there are no commits
        """Return that it does."""
        return True

    def is_merged(self, entry: LedgerEntry) -> bool:
        """Return whether its recipes are all there: what wrote them may have been cut off."""
        return entry.state is not BatchState.BUILT or holds(entry, self.current)

    def restore_state(self) -> bool:
        """Bring nothing: the files in the root are the state."""
        return False

    def save_state(self, message: str, at: str, again: Callable[[], str]) -> str:  # noqa: ARG002  # nothing is saved
        """Keep nothing: the files in the root are the state."""
        return ""


class Branch:
    """A git checkout: each change is a commit on a branch of its own, on top of HEAD as it is now."""

    def __init__(self, paths: Paths, config: Config, repository: Repository) -> None:
        self._paths, self._repository = paths, repository
        self._state, self._state_branch = StateFiles(paths, config), config.publish.state_branch

    @cached_property
    def _head(self) -> str | None:
        return self._repository.head()

    @cached_property
    def _recipes(self) -> dict[str, str]:
        """The object id of each recipe at HEAD."""
        return self._repository.files(self._head, self._paths.recipes.name) if self._head else {}

    def current(self, path: str) -> bytes | None:
        """Return the recipe at HEAD; the work tree may hold an edit that nobody has committed."""
        found = self._recipes.get(path)
        return self._repository.contents([found])[0] if found else None

    def recipes(self) -> Set[str]:
        """Return the names of the recipes at HEAD."""
        return frozenset(PurePosixPath(path).stem for path in self._recipes)

    def check(self, change: Change) -> None:
        """Have git take the locks that both branches need, and give them back."""
        git = self._repository
        tip, there = self._found(change)
        commit = tip if tip and there else self._commit(change, self._head)
        git.rehearse(change.branch, commit, expected=tip)
        git.rehearse(self._state_branch, commit, expected=git.tip(self._state_branch))

    def place(self, change: Change) -> Placed:
        """Commit a change to its branch. The same change is the same commit, so a repetition finds it there."""
        tip, there = self._found(change)
        if tip is not None and there:
            return Placed(branch=change.branch, commit=tip, merged=False)
        commit = self._commit(change, self._head)
        self._repository.move(change.branch, commit, expected=tip)
        return Placed(branch=change.branch, commit=commit, merged=False)

    def _found(self, change: Change) -> tuple[str | None, bool]:
        """Return where the branch is, and whether it holds the change; raises `PipelineError` for somebody else's."""
        git = self._repository
        tip = git.tip(change.branch)
        if tip is not None and self._commit(change, git.parent(tip)) == tip:
            return tip, True
        if tip is not None and not git.is_own(tip):
            raise PipelineError(
                f"the branch {change.branch} holds commits of somebody else",
                remedy="rename or delete that branch, then repeat the command",
            )
        return tip, False

    def has(self, commit: str) -> bool:
        """Return whether the commit belongs to the history of HEAD."""
        return self._head is not None and self._repository.contains(self._head, commit)

    def is_merged(self, entry: LedgerEntry) -> bool:
        """Return whether HEAD contains the batch's commit, or (after a squash) each of its recipes byte for byte."""
        if self._head is None:
            return False
        if entry.commit and self._repository.contains(self._head, entry.commit):
            return True
        return holds(entry, self.current)

    def restore_state(self) -> bool:
        """Bring nothing: nobody else writes this checkout's state."""
        return False

    def save_state(self, message: str, at: str, again: Callable[[], str]) -> str:  # noqa: ARG002  # nobody else saves
        """Commit the state to its own branch, on top of its last commit, unless nothing has changed since."""
        git, branch = self._repository, self._state_branch
        tip = git.tip(branch)
        base = tip or self._head
        before = git.files(base, *self._state.places) if base else {}
        now = self._state.read()
        changed = {path: content for path, content in now.items() if not is_same(before.get(path), content)}
        removed = [path for path in before if path not in now]
        if not changed and not removed:
            return ""
        commit = git.commit(base=base, files=changed, removed=removed, message=message, at=at)
        git.move(branch, commit, expected=tip)
        return commit

    def _commit(self, change: Change, base: str | None) -> str:
        return self._repository.commit(
            base=base, files=change.files, removed=change.removed, message=change.message, at=change.at
        )


def holds(entry: LedgerEntry, current: Callable[[str], bytes | None]) -> bool:
    """Return whether each recipe of a batch is in use, byte for byte; a batch without any is nowhere."""
    files = standing_files(entry)
    found = ((file.sha256, current(file.path)) for file in files)
    return bool(files) and all(content is not None and sha256(content) == digest for digest, content in found)
