"""Two branches that append to the same month are joined by git itself, with the attributes of this project."""

import shutil
import subprocess
from datetime import timedelta

import pytest

from pipeline.history.memory import Memory, in_order, remember
from pipeline.model import AttemptOutcome
from pipeline.state import journal
from pipeline.store import SHIPPED, Paths
from tests.builders_journal import BEGAN, line

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    **{f"GIT_{who}_{what}": "someone@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
LATER = BEGAN + timedelta(days=20)


@pytest.fixture
def paths(tmp_path):
    """Return a git checkout with this project's attributes and one line of the journal."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    shutil.copy(SHIPPED / ".gitattributes", tmp_path)
    paths = Paths(tmp_path)
    journal.append(paths, [line(0)])
    commit(paths)
    return paths


def git(folder, *arguments):
    subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, text=True)


def commit(paths):
    git(paths.root, "add", "--", ".gitattributes", "data")
    git(paths.root, "commit", "--quiet", "--message=state")


@pytest.mark.parametrize("into", ["main", "other"])
def test_lines_of_both_branches_are_kept_and_the_history_is_the_same(paths, into):
    """Whichever is joined into which: no conflict, no line lost, and what both have counts once."""
    ours = [line(60), line(180, outcome=AttemptOutcome.TRANSIENT), line(200, source="npm:b")]
    both = [line(90, source="npm:c")]
    theirs = [line(120, outcome=AttemptOutcome.BLOCKED), line(60 * 24 * 3, source="npm:d")]
    git(paths.root, "branch", "other")
    journal.append(paths, [*ours, *both])
    commit(paths)
    journal.load(paths, LATER)
    git(paths.root, "checkout", "--quiet", "other")
    journal.append(paths, [*both, *theirs])
    commit(paths)
    journal.load(paths, LATER)
    git(paths.root, "checkout", "--quiet", into)
    git(paths.root, "merge", "--quiet", "--no-edit", "other" if into == "main" else "main")
    folded = journal.load(paths, LATER)
    assert folded.memory == remember(Memory(), in_order([line(0), *ours, *both, *theirs]))
    assert folded.damaged == 0


@pytest.mark.parametrize("into", ["main", "other"])
def test_a_branch_that_ends_in_a_torn_line_spoils_no_other(paths, into):
    """Git ends the cut line before it lays the other branch's lines beside it."""
    git(paths.root, "branch", "other")
    journal.append(paths, [line(60), line(120)])
    month = paths.journal_folder / "2026-03.jsonl"
    month.write_bytes(month.read_bytes()[:-20])
    commit(paths)
    git(paths.root, "checkout", "--quiet", "other")
    journal.append(paths, [line(30, source="npm:b")])
    commit(paths)
    git(paths.root, "checkout", "--quiet", into)
    git(paths.root, "merge", "--quiet", "--no-edit", "other" if into == "main" else "main")
    packages = journal.load(paths, LATER).memory.packages
    assert packages["npm:tool"].tries == 2
    assert packages["npm:b"].tries == 1
