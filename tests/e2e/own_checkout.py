"""Recipeline itself as somebody cloned it: this work tree as the one commit of a repository with a remote."""

import os
import shutil
import subprocess
from pathlib import Path

from pipeline.store import SHIPPED

ADDRESS = "https://github.com/OWNER/recipeline"
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "build", "__pycache__", ".*_cache", ".hypothesis", "tests", "benchmarks"
)
WHO = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "Somebody"), ("EMAIL", "somebody@mail.invalid"))
}


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody without settings, and return what it says."""
    known = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **WHO}
    done = subprocess.run(["git", *arguments], cwd=folder, env=known, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def upstream(folder: Path) -> Path:
    """Return a repository that holds this work tree, without what only tests need, as its one commit on `main`."""
    shutil.copytree(SHIPPED, folder, ignore=LEFT_OUT)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Recipeline")
    return folder


def cloned(folder: Path) -> Path:
    """Return a clone, as git leaves it after `git clone ADDRESS`."""
    upstream(folder)
    git(folder, "remote", "add", "origin", ADDRESS)
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    return folder
