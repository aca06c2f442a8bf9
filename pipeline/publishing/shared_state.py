"""The state on a branch of the remote, which many publishers write: taken from there, joined, and pushed.

The branch holds nothing but the state, and under `edited/` what the base branch said, when it was last looked at, in
those files that people change there. A commit of our own name holds what this root and the others had in common last.
"""

import re
import threading
from collections.abc import Callable

import msgspec

from pipeline.clock import Clock
from pipeline.digests import sha256
from pipeline.errors import PipelineError
from pipeline.publishing.git import Repository, blob_id, is_same
from pipeline.publishing.remote import Push, Remote
from pipeline.publishing.state_files import Files, StateFiles

# Seconds before each further try. At least one publisher wins each time, so eight of them at once are all done by then.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
# Where the branch keeps what people had edited.
EDITED = "edited"
_SEEN = re.compile(r"^base: [0-9a-f]{40,64} of (\d{1,12})$", re.MULTILINE)


class _Copy(msgspec.Struct, frozen=True, kw_only=True):
    """A commit of the state: its files, what people had edited by then, and when (seconds since the Unix epoch)."""

    files: Files = {}
    edited: Files | None = None
    seen: int = -1


class SharedState:
    """The state branch of one root. Whoever uses it holds the root's lock."""

    def __init__(self, files: StateFiles, remote: Remote, branch: str, clock: Clock) -> None:
        self._files, self._remote, self._branch, self._clock = files, remote, branch, clock
        self._git: Repository = remote.repository
        self._name = f"state/{sha256(f'{self._git.prefix}:{remote.name}:{branch}'.encode())[:16]}"

    def restore(self, base: str | None, message: str, at: str) -> bool:
        """Bring into the root what others have saved, and what people have edited on the base branch.

        Return whether anything changed. Killed in the middle, it is finished by the next one.
        """
        theirs = self._remote.fetch(self._branch, tip_only=True)
        return self._join(theirs, base, message, at)

    def save(self, base: str | None, message: str, at: str, again: Callable[[], str]) -> str:
        """Push the state of the root, on top of what others have saved; return the commit, "" if there is no news.

        Raises `PipelineError` when others were faster each time; the root has it all, and the next one saves it.
        """
        for pause in (*PAUSES, None):
            theirs = self._remote.fetch(self._branch, tip_only=True)
            if self._join(theirs, base, message, at):
                at = again()
            commit = self._commit(self._files.read(), theirs, base, message, at)
            if commit == theirs:
                return ""
            if self._remote.push(self._branch, commit, expected=theirs) is Push.DONE:
                self._git.note(self._name, commit)
                return commit
            if pause is not None:
                self._clock.pause(pause, threading.Event())
        raise PipelineError(
            f"others have saved their state to {self._branch} {len(PAUSES) + 1} times while this one was to be saved",
            remedy="nothing is lost: repeat the command",
        )

    # ------------------------------------------------------------------------------------ inside

    def _join(self, theirs: str | None, base: str | None, message: str, at: str) -> bool:
        ours = self._files.read()
        common = self._git.noted(self._name)
        saved, last = self._copy(theirs, ours), self._copy(common, ours)
        head = self._git.head()
        state = self._files.joined(self._before(head, common, last, ours), ours, saved.files) if theirs else ours
        if base is not None:
            edits = self._contents(base, ours, *self._files.edited)
            known = max((last, saved), key=lambda copy: copy.seen)
            state = self._files.with_edits(self._seen_before(known, head, base, theirs), edits, state)
        changed = self._files.write(state, ours)
        # Not what the root holds: what is only here must not look like something that others have taken back.
        self._git.note(self._name, self._commit(saved.files, theirs, base, message, at))
        return changed

    def _before(self, head: str | None, common: str | None, last: _Copy, ours: Files) -> Files:
        """Return what this root began with: a file that is as it was checked out has not been changed here."""
        checked_out = self._git.files(head, *self._files.places) if head else {}
        before = dict(last.files) if common else self._contents(head, ours, *self._files.places) if head else {}
        before |= {
            path: content
            for path, content in ours.items()
            if path in checked_out and blob_id(content, checked_out[path]) == checked_out[path]
        }
        return before

    def _seen_before(self, known: _Copy, head: str | None, base: str, theirs: str | None) -> Files:
        """Return what the base branch said when it was last looked at; nothing where nobody knows."""
        if known.edited is not None:
            return known.edited
        if theirs is None and head is not None and self._git.contains(base, head):
            return self._contents(head, {}, *self._files.edited)
        return {}

    def _commit(self, state: Files, theirs: str | None, base: str | None, message: str, at: str) -> str:
        """Return a commit of a state on top of theirs, theirs itself when it holds the same."""
        wanted = dict(state)
        if base is not None:
            edits = self._contents(base, wanted, *self._files.edited)
            wanted |= {f"{EDITED}/{path}": content for path, content in edits.items()}
            seen = self._git.committed_at(base)
            message = f"{message}\nbase: {base} of {seen}\n"
        before = self._git.files(theirs, *self._files.places, EDITED) if theirs else {}
        changed = {path: content for path, content in wanted.items() if not is_same(before.get(path), content)}
        removed = [path for path in before if path not in wanted]
        if theirs is not None and not changed and not removed:
            return theirs
        return self._git.commit(base=theirs, files=changed, removed=removed, message=message, at=at)

    def _copy(self, commit: str | None, ours: Files) -> _Copy:
        if commit is None:
            return _Copy()
        files = self._contents(commit, ours, *self._files.places)
        found = self._contents(commit, ours, EDITED)
        edited = {path.removeprefix(f"{EDITED}/"): content for path, content in found.items()}
        seen = _SEEN.search(self._git.message(commit))
        return _Copy(files=files, edited=edited if seen else None, seen=int(seen[1]) if seen else -1)

    def _contents(self, commit: str, known: Files, *places: str) -> dict[str, bytes]:
        """Return some files of a commit; what is known to be the same is not read again."""
        ids = self._git.files(commit, *places)
        found = {path: known[path] for path, each in ids.items() if path in known and is_same(each, known[path])}
        others = [path for path in ids if path not in found]
        return found | dict(zip(others, self._git.contents([ids[path] for path in others]), strict=True))
