"""The bare repository of a forge on loopback, and what a forge does in it by itself: squash, look, take an edit."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

BACKEND = str(
    Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip())
    / "git-http-backend"
)


class Bare:
    """A bare repository with one commit on `main`, which holds a README alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "--bare", "-b", "main")
        self.git("config", "http.receivepack", "true")
        self.commit("main", {"README.md": b"A registry\n"}, "First")

    def git(self, *arguments: str, given: bytes = b"", **environment: str) -> str:
        """Run git in it; what it says on failure is in the assertion."""
        known = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Reviewer",
            "GIT_AUTHOR_EMAIL": "reviewer@mail.invalid",
            "GIT_COMMITTER_NAME": "Reviewer",
            "GIT_COMMITTER_EMAIL": "reviewer@mail.invalid",
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**known, **environment},
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().rstrip("\n")

    def tip(self, branch: str) -> str | None:
        """Return the last commit of a branch, None when there is no such branch."""
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}") or None

    def branches(self) -> list[str]:
        """Return the names of all branches."""
        return self.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").splitlines()

    def show(self, branch: str, path: str) -> str:
        """Return a file of a branch."""
        return self.git("show", f"{branch}:{path}")

    def files(self, branch: str) -> list[str]:
        """Return the paths of all files of a branch."""
        return self.git("ls-tree", "-r", "--name-only", branch).splitlines()

    def commits_between(self, base: str, head: str) -> int:
        """Return how many commits of the head are not in the base."""
        return int(self.git("rev-list", "--count", f"{base}..{head}"))

    def commit(self, branch: str, files: Mapping[str, bytes | None], message: str) -> str:
        """Commit some files to a branch as a person does who edits it on the forge; None removes one."""
        before = self.tip(branch)
        index = str(self.path / "edit-index")
        Path(index).unlink(missing_ok=True)
        if before:
            self.git("read-tree", before, GIT_INDEX_FILE=index)
        for path, content in files.items():
            if content is None:
                self.git("update-index", "--index-info", given=f"0 {'0' * 40}\t{path}\n".encode(), GIT_INDEX_FILE=index)
                continue
            blob = self.git("hash-object", "-w", "--stdin", given=content)
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", GIT_INDEX_FILE=index)
        tree = self.git("write-tree", GIT_INDEX_FILE=index)
        parents = ["-p", before] if before else []
        made = self.git("commit-tree", tree, *parents, given=message.encode())
        self.git("update-ref", f"refs/heads/{branch}", made)
        return made

    def merged_tree(self, base: str, head: str) -> str | None:
        """Return the tree that merging two branches gives, None where they are in conflict."""
        done = subprocess.run(
            ["git", "merge-tree", "--write-tree", base, head],
            cwd=self.path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split()[0] if done.returncode == 0 else None

    def merge(self, base: str, head: str, message: str, *, method: str) -> str | None:
        """Merge a branch as a squash, or as a commit with two parents; return the new commit, None for a conflict."""
        tree, old, tip = self.merged_tree(base, head), self.tip(base), self.tip(head)
        if tree is None or old is None or tip is None:
            return None
        parents = ["-p", old] if method == "squash" else ["-p", old, "-p", tip]
        made = self.git("commit-tree", tree, *parents, given=message.encode())
        self.git("update-ref", f"refs/heads/{base}", made, old)
        return made
