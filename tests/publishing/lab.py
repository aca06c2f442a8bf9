"""A git checkout with one recipe and one state file, and what is asked of it."""

import os
import subprocess
from pathlib import Path

RECIPE = "recipes/o/old.toml"
AT = "2026-03-02T13:00:00Z"


class Checkout:
    """A repository of a user's, with commits of the user's."""

    def __init__(self, top: Path, *, commit: bool = True) -> None:
        self.top = top
        top.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        if commit:
            self.write(RECIPE, "old\n")
            self.write("README.md", "words\n")
            self.git("add", "-A")
            self.git("commit", "-q", "-m", "First")

    def git(self, *arguments: str, **environment: str) -> str:
        """Run git as the user and return what it says."""
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.top.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Somebody",
            "GIT_AUTHOR_EMAIL": "somebody@mail.invalid",
            "GIT_COMMITTER_NAME": "Somebody",
            "GIT_COMMITTER_EMAIL": "somebody@mail.invalid",
        }
        done = subprocess.run(
            ["git", *arguments], cwd=self.top, env={**given, **environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def write(self, path: str, text: str) -> None:
        """Write a file of the work tree."""
        (self.top / path).parent.mkdir(parents=True, exist_ok=True)
        (self.top / path).write_text(text)

    def refs(self) -> str:
        """Return all branches with their commits."""
        return self.git("for-each-ref")

    def own(self) -> dict[str, bytes]:
        """Return all that belongs to the user alone: HEAD, the index, the work tree without `build`."""
        files = [path for path in self.top.rglob("*") if path.is_file() and ".git" not in path.parts]
        kept = {str(path.relative_to(self.top)): path.read_bytes() for path in files if "build" not in path.parts}
        for name in ("HEAD", "index"):
            path = self.top / ".git" / name
            kept[f".git/{name}"] = path.read_bytes() if path.exists() else b""
        return kept


def environment(home: Path) -> dict[str, str]:
    """Return the variables of a person who has never told git who they are."""
    return {"PATH": os.environ["PATH"], "HOME": str(home)}
