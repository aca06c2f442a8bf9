"""What publishing needs of git, by plumbing: no hook runs; the work tree, its index and HEAD are never touched."""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import new as new_hash
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.instants import instant, timestamp

# Who commits. Fixed, as are the times, so that the same content is the same commit on each machine.
BOT_NAME = "recipeline"
BOT_MAIL = "recipeline@users.noreply.invalid"
# The largest repositories take seconds; a disk that hangs must not hold the root's lock for ever.
PATIENCE = 120.0  # seconds
REGULAR = "100644"
# Where names of our own lie: no branch, no tag, nothing that a push or a fetch of the user's takes along.
OWN_REFS = "refs/recipeline/"
# Settings of the user that would run programs, write other files, or change what a commit holds.
SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.splitIndex": "false",
    "core.sparseCheckout": "false",
    "gc.auto": "0",
    "i18n.commitEncoding": "UTF-8",
    "i18n.logOutputEncoding": "UTF-8",
    "log.showSignature": "false",
}


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A git checkout that a root lies in. All paths given to it are relative to the root.

    `prefix` leads from the top of the checkout to the root, "" or with a final slash. `index` is a file of our own.
    """

    top: Path
    prefix: str
    index: Path
    environment: Mapping[str, str]

    def resolve(self, name: str) -> str | None:
        """Return the commit that a name such as `HEAD` stands for, None when there is none yet.

        Raises `PipelineError` for a name of a commit that is not there: a repository that has lost what it held (a
        crash, a full disk) is not a new one.
        """
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options")
        code, out, err = self.tried(*asked, f"{name}^{{commit}}")
        if code not in {0, 1}:
            raise _failed("rev-parse", err)
        if code and (self.tried(*asked, name)[1] or "broken" in err):
            raise _failed("rev-parse", f"{name} names a commit that is not there")
        return out.decode().strip() or None

    def head(self) -> str | None:
        """Return the commit that is checked out, None when there is none yet.

        git takes a branch whose file was left empty by a crash for a new one, but only when it is asked for `HEAD`.
        """
        found = self.resolve("HEAD")
        if found is not None:
            return found
        return self.resolve(self._run("symbolic-ref", "HEAD").decode(errors="surrogateescape").strip())

    def tip(self, branch: str) -> str | None:
        """Return the last commit of a branch, None when there is no such branch."""
        return self.resolve(f"refs/heads/{branch}")

    def parent(self, commit: str) -> str | None:
        """Return the first parent of a commit, None when it has none."""
        return self.resolve(f"{commit}^")

    def is_own(self, commit: str) -> bool:
        """Return whether a commit was made by this module."""
        return self._run("log", "-1", "--format=%ae", commit).decode().strip() == BOT_MAIL

    def contains(self, head: str, commit: str) -> bool:
        """Return whether a commit belongs to the history of another; one that is gone does not."""
        return self.tried("merge-base", "--is-ancestor", commit, head)[0] == 0

    def files(self, commit: str, *below: str) -> dict[str, str]:
        """Return the object id of each file of a commit below some paths, by its path."""
        asked = [f"{self.prefix}{path}" for path in below]
        listed = self._run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *asked)
        found: dict[str, str] = {}
        for line in listed.decode(errors="surrogateescape").split("\0"):
            about, _, path = line.partition("\t")
            if path and about.split()[1] == "blob":
                found[path.removeprefix(self.prefix)] = about.split()[2]
        return found

    def contents(self, ids: Sequence[str]) -> list[bytes]:
        """Return the bytes of some objects, in their order, by one process."""
        out = self._run("cat-file", "--batch", stdin="".join(f"{each}\n" for each in ids).encode())
        found: list[bytes] = []
        at = 0
        for each in ids:
            end = out.index(b"\n", at)
            kind, _, size = out[at:end].decode().removeprefix(f"{each} ").partition(" ")
            if kind != "blob":
                raise _failed("cat-file", f"{each} is {kind}")
            found.append(out[end + 1 : end + 1 + int(size)])
            at = end + 2 + int(size)
        return found

    def commit(
        self, *, base: str | None, files: Mapping[str, bytes], removed: Iterable[str], message: str, at: str
    ) -> str:
        """Return a commit on top of `base` with some files written and some removed. No branch holds it yet.

        It depends on nothing but the arguments: `at` (RFC 3339) is the time of author and committer.
        """
        tree = self._tree(base, files, removed)
        date = f"@{int(instant(at).timestamp())} +0000"
        identity = {
            f"GIT_{who}_{key}": value
            for who in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", BOT_NAME), ("EMAIL", BOT_MAIL), ("DATE", date))
        }
        parents = ["-p", base] if base else []
        return self._id("commit-tree", tree, *parents, "-F", "-", stdin=message.encode(), extra=identity)

    def move(self, branch: str, commit: str, *, expected: str | None) -> None:
        """Create a branch, or move it from the commit that it is expected at; raises `PipelineError` when it is not."""
        self._refuse_checked_out(branch)
        told = ("update-ref", "-m", "recipeline", f"refs/heads/{branch}", commit, expected or "0" * len(commit))
        code, _, err = self.tried(*told, extra=_identity())
        if code:
            raise _stuck(branch, commit, err)

    def rehearse(self, branch: str, commit: str, *, expected: str | None) -> None:
        """Raise `PipelineError` when `move` would: git takes all locks for it, and lets go of them again."""
        self._refuse_checked_out(branch)
        told = f"start\nupdate refs/heads/{branch} {commit} {expected or '0' * len(commit)}\nprepare\nabort\n"
        code, _, err = self.tried("update-ref", "--stdin", stdin=told.encode(), extra=_identity())
        if code:
            raise _stuck(branch, commit, err)

    def note(self, name: str, commit: str) -> None:
        """Have a name of our own, below `refs/recipeline/`, stand for a commit, which is kept as long as it does."""
        self._run("update-ref", f"{OWN_REFS}{name}", commit, extra=_identity())

    def noted(self, name: str) -> str | None:
        """Return the commit that a name of our own stands for, None when there is none."""
        return self.resolve(f"{OWN_REFS}{name}")

    def forget(self, name: str) -> None:
        """Drop a name of our own."""
        self._run("update-ref", "-d", f"{OWN_REFS}{name}", extra=_identity())

    def made_at(self, commit: str) -> str:
        """Return the author's time of a commit, RFC 3339 in UTC."""
        seconds = int(self._run("log", "-1", "--format=%at", commit))
        return timestamp(datetime.fromtimestamp(seconds, UTC))

    def committed_at(self, commit: str) -> int:
        """Return the committer's time of a commit, in seconds since the Unix epoch."""
        return int(self._run("log", "-1", "--format=%ct", commit))

    def message(self, commit: str) -> str:
        """Return the message of a commit."""
        return self._run("log", "-1", "--format=%B", commit).decode(errors="replace")

    # ------------------------------------------------------------------------------------ inside

    def _refuse_checked_out(self, branch: str) -> None:
        for line in self._run("worktree", "list", "--porcelain").decode(errors="surrogateescape").splitlines():
            if line == f"branch refs/heads/{branch}":
                raise PipelineError(
                    f"the branch {branch} is checked out, and its work tree must not be touched",
                    remedy="switch that work tree to another branch, then repeat the command",
                )

    def _tree(self, base: str | None, files: Mapping[str, bytes], removed: Iterable[str]) -> str:
        """Write the tree of a commit in an index of our own; one that a killed process left is in nobody's use."""
        ids = dict(zip(files, self._blobs(list(files.values())), strict=True))
        self.index.parent.mkdir(parents=True, exist_ok=True)
        self._drop_index()
        try:
            self._run("read-tree", *([base] if base else ["--empty"]), extra=self._own_index())
            nothing = "0" * len(next(iter(ids.values()), base or ""))
            lines = [f"{REGULAR} {each}\t{self.prefix}{path}\0" for path, each in ids.items()]
            lines += [f"0 {nothing}\t{self.prefix}{path}\0" for path in removed]
            told = "".join(lines).encode(errors="surrogateescape")
            self._run("update-index", "-z", "--index-info", stdin=told, extra=self._own_index())
            return self._id("write-tree", extra=self._own_index())
        finally:
            self._drop_index()

    def _blobs(self, contents: Sequence[bytes]) -> list[str]:
        """Store some bytes as they are and return their object ids, by one process for any number of them."""
        if not contents:
            return []
        stored = b"".join(
            b"blob\nmark :%d\ndata %d\n%s\n" % (mark, len(content), content) for mark, content in enumerate(contents, 1)
        )
        asked = b"".join(b"get-mark :%d\n" % mark for mark in range(1, len(contents) + 1))
        return self._run("fast-import", "--quiet", stdin=stored + asked).decode().split()

    def _own_index(self) -> dict[str, str]:
        return {"GIT_INDEX_FILE": str(self.index.absolute())}

    def _drop_index(self) -> None:
        for path in (self.index, self.index.with_name(f"{self.index.name}.lock")):
            path.unlink(missing_ok=True)

    def _id(self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None) -> str:
        return self._run(*arguments, stdin=stdin, extra=extra).decode().strip()

    def _run(self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None) -> bytes:
        code, out, err = self.tried(*arguments, stdin=stdin, extra=extra)
        if code:
            raise _failed(arguments[0], err)
        return out

    def tried(
        self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, str]:
        """Run git and return its exit code, its output and its complaints, with some more variables."""
        return _git(self.top, {**self.environment, **(extra or {})}, *arguments, stdin=stdin)


def repository_around(root: Path, environment: Mapping[str, str], index: Path) -> Repository | None:
    """Return the checkout that a root lies in, None when it lies in none, or in a folder that the checkout ignores.

    Raises `PipelineError` when there is one that git cannot read, or no git to read it with.
    """
    root = root.resolve()
    places = (folder / ".git" for folder in (root, *root.parents))
    found = next((place for place in places if os.path.lexists(place)), None)
    if found is None:
        return None
    clean = _clean(environment)
    code, out, err = _git(root, clean, "rev-parse", "--show-toplevel", "--show-prefix")
    if code:  # git passes over a `.git` that is damaged: the root is in a checkout all the same
        raise PipelineError(
            f"{found}: git cannot use this repository: {reason(err)}",
            remedy="mend it, or remove it if it is none, then repeat the command",
        )
    top, prefix = out.decode(errors="surrogateescape").split("\n")[:2]
    if prefix and _git(root, clean, "check-ignore", "--quiet", ".")[0] == 0:
        return None
    return Repository(top=Path(top), prefix=prefix, index=index, environment=clean)


def blob_id(content: bytes, like: str) -> str:
    """Return the object id that git gives to some bytes, in the kind of repository that gave the id `like`."""
    kind = "sha1" if len(like) == 40 else "sha256"
    return new_hash(kind, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def is_same(known: str | None, content: bytes) -> bool:
    """Return whether some bytes are those that git knows by an id."""
    return known is not None and blob_id(content, known) == known


def _git(folder: Path, environment: Mapping[str, str], *arguments: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
    """Run git and return its exit code and what it wrote; raises `PipelineError` when it is missing or hangs."""
    settings = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
    try:
        process = subprocess.Popen(
            ["git", *settings, *arguments],  # noqa: S607  # the git of the user's PATH
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # without a terminal nobody can be asked; and its children can be ended with it
        )
    except FileNotFoundError:
        raise PipelineError(
            "git is missing, and the root lies in a git checkout", remedy="install git, or move the root out of it"
        ) from None
    try:
        out, err = process.communicate(stdin, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise PipelineError(
            f"git {arguments[0]} took longer than {PATIENCE:.0f} s",
            remedy="see what holds the disk or the network up, then repeat",
        ) from None
    finally:
        _end(process)
    return process.returncode, out, err.decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a git that is still there, with the transport that it has started: that would hold the pipes open."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what could point git elsewhere; it never asks a question."""
    kept = {key: value for key, value in environment.items() if not key.startswith("GIT_")}
    return {**kept, "LC_ALL": "C", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _stuck(branch: str, commit: str, err: str) -> PipelineError:
    return PipelineError(
        f"the branch {branch} cannot be moved to {commit[:12]}: {reason(err)}",
        remedy="see who else writes this branch, then repeat the command",
    )


def _identity() -> dict[str, str]:
    return {"GIT_COMMITTER_NAME": BOT_NAME, "GIT_COMMITTER_EMAIL": BOT_MAIL}


def _failed(command: str, err: str) -> PipelineError:
    return PipelineError(f"git {command} failed: {reason(err)}", remedy="mend that, then repeat the command")


def reason(err: str) -> str:
    """Return what git says is wrong: its first `fatal:` or `error:`, else its last line."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (told or lines[-1:] or ["it gave no reason"])[0]
