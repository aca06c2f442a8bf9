"""The two places where recipes go, held to the same rules."""

import subprocess

import pytest

from pipeline.errors import PipelineError
from pipeline.model import BatchState
from pipeline.publishing.destination import Branch, Change, Folder
from pipeline.publishing.places import destination_of
from pipeline.store import Paths
from tests.builders import config
from tests.builders_ledger import FILES, ledger_entry
from tests.publishing.lab import AT, RECIPE, Checkout, environment

CHANGE = Change(branch="batch/1", files={"recipes/n/new.toml": b"new\n"}, removed=(RECIPE,), message="Add new", at=AT)
STATE = "recipeline-state"


@pytest.fixture
def checkout(tmp_path):
    found = Checkout(tmp_path / "checkout")
    found.write("data/queues/priority-queue.json", "{}\n")
    found.write("batch-control.json", "{}\n")
    (found.top / "build").mkdir()
    return found


def opened(checkout):
    """Return the destination of a new process."""
    return destination_of(Paths(checkout.top), config(), environment(checkout.top.parent))


@pytest.fixture
def folder(tmp_path):
    paths = Paths(tmp_path / "folder")
    recipe = paths.recipe(RECIPE)
    recipe.parent.mkdir(parents=True)
    recipe.write_text("old\n")
    return paths


def test_the_root_decides(checkout, folder):
    """A git checkout gets branches, a plain folder gets files."""
    assert isinstance(opened(checkout), Branch)
    assert isinstance(destination_of(folder, config(), {}), Folder)


def test_a_folder_takes_recipes_at_once(folder):
    """There is nothing to wait for."""
    destination = Folder(folder)
    assert destination.current(RECIPE) == b"old\n"
    placed = destination.place(CHANGE)
    assert (placed.merged, placed.branch, placed.commit) == (True, "", "")
    assert (destination.current(RECIPE), destination.current("recipes/n/new.toml")) == (None, b"new\n")
    assert destination.recipes() == {"new"}
    assert destination.save_state("x", AT, lambda: AT) == ""


def test_repeating_a_change_in_a_folder_touches_nothing(folder):
    """What is there is not written again."""
    destination = Folder(folder)
    destination.place(CHANGE)
    before = folder.recipe("recipes/n/new.toml").stat().st_ino
    destination.place(CHANGE)
    assert folder.recipe("recipes/n/new.toml").stat().st_ino == before


def test_a_branch_takes_recipes_beside_the_work_tree(checkout):
    """They are in use once somebody merges the branch."""
    destination = opened(checkout)
    before = checkout.own()
    placed = destination.place(CHANGE)
    assert (placed.merged, placed.branch) == (False, "batch/1")
    assert checkout.git("rev-parse", "batch/1") == placed.commit
    assert destination.current("recipes/n/new.toml") is None
    assert destination.recipes() == {"old"}
    assert checkout.own() == before
    checkout.git("merge", "-q", "batch/1")
    assert opened(checkout).current("recipes/n/new.toml") == b"new\n"
    assert opened(checkout).recipes() == {"new"}


def test_what_is_in_use_is_what_head_says(checkout):
    """The work tree may hold an edit that nobody has committed."""
    checkout.write(RECIPE, "edited\n")
    assert opened(checkout).current(RECIPE) == b"old\n"


def test_repeating_a_change_finds_its_commit_also_when_head_has_moved(checkout):
    """A publication that was killed is finished, not made anew on another base."""
    placed = opened(checkout).place(CHANGE)
    checkout.git("commit", "-q", "--allow-empty", "-m", "More")
    before = checkout.refs()
    assert opened(checkout).place(CHANGE) == placed
    assert checkout.refs() == before


def test_another_change_replaces_the_own_commit(checkout):
    """The branch holds the last one alone."""
    opened(checkout).place(CHANGE)
    other = Change(branch="batch/1", files={"recipes/x/x.toml": b"x"}, message="Other", at=AT)
    opened(checkout).place(other)
    assert checkout.git("diff", "--name-only", "main", "batch/1") == "recipes/x/x.toml"


def test_a_branch_of_somebody_else_is_left_alone(checkout):
    """Its commits may be there only."""
    checkout.git("branch", "batch/1", "main")
    before = checkout.refs()
    with pytest.raises(PipelineError, match="holds commits of somebody else"):
        opened(checkout).place(CHANGE)
    assert checkout.refs() == before


@pytest.mark.parametrize("how", ["merge", "fast-forward", "squash", "rebase"])
def test_a_merge_is_seen_however_it_was_done(checkout, how):
    """Also when the commit itself never arrives and its branch is gone."""
    files = [file for file in FILES if file.previous_sha256 is None]
    content = b"bytes"
    files = [type(files[0])(source="npm:a", path="recipes/a/a.toml", sha256=sha(content))]
    change = Change(branch="batch/1", files={"recipes/a/a.toml": content}, message="Add a", at=AT)
    placed = opened(checkout).place(change)
    entry = ledger_entry(state=BatchState.PUBLISHED, files=files, branch="batch/1", commit=placed.commit)
    assert not opened(checkout).is_merged(entry)
    checkout.git("commit", "-q", "--allow-empty", "-m", "More")
    match how:
        case "merge":
            checkout.git("merge", "-q", "--no-ff", "-m", "Merge", "batch/1")
        case "fast-forward":
            checkout.git("reset", "-q", "--hard", "HEAD~1")
            checkout.git("merge", "-q", "--ff-only", "batch/1")
        case "squash":
            checkout.git("merge", "-q", "--squash", "batch/1")
            checkout.git("commit", "-q", "-m", "Squashed")
        case _:
            checkout.git("cherry-pick", "batch/1")
    checkout.git("branch", "-D", "batch/1")
    assert opened(checkout).is_merged(entry)


def sha(content):
    return subprocess.run(["sha256sum"], input=content, capture_output=True, check=True).stdout.decode().split()[0]


def test_a_merge_in_part_is_none(checkout):
    """Nor is a batch whose recipes were all taken out."""
    entry = ledger_entry(state=BatchState.PUBLISHED, branch="batch/1", commit="1" * 40)
    checkout.write("recipes/a/a.toml", "a")
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "By hand")
    assert not opened(checkout).is_merged(entry)
    assert not opened(checkout).is_merged(ledger_entry(state=BatchState.ROLLED_BACK))


# ------------------------------------------------------------------------------------ state


def test_the_state_is_committed_beside_the_recipes(checkout):
    """On a branch of its own, with all files of data/ and the control file, and nothing else changed."""
    before = checkout.own()
    commit = opened(checkout).save_state("State", AT, lambda: AT)
    assert checkout.git("rev-parse", STATE) == commit
    assert checkout.git("diff", "--name-status", "main", STATE).splitlines() == [
        "A\tbatch-control.json",
        "A\tdata/queues/priority-queue.json",
    ]
    assert checkout.own() == before


def test_an_unchanged_state_needs_no_commit(checkout):
    """Half-written files and links are not the state."""
    opened(checkout).save_state("State", AT, lambda: AT)
    checkout.write("data/.queue.x.part", "half")
    (checkout.top / "data/link.json").symlink_to("queues/priority-queue.json")
    before = checkout.refs()
    assert opened(checkout).save_state("State", AT, lambda: AT) == ""
    assert checkout.refs() == before


def test_each_state_follows_the_last(checkout):
    """What is gone from the work tree is gone from the branch."""
    checkout.write("data/journal/2026-03.jsonl", "one\n")
    first = opened(checkout).save_state("State", AT, lambda: AT)
    (checkout.top / "batch-control.json").unlink()
    checkout.write("data/journal/2026-03.jsonl", "one\ntwo\n")
    second = opened(checkout).save_state("State", AT, lambda: AT)
    assert checkout.git("rev-parse", f"{second}^") == first
    assert checkout.git("diff", "--name-status", first, second).splitlines() == [
        "D\tbatch-control.json",
        "M\tdata/journal/2026-03.jsonl",
    ]


def test_a_state_that_is_committed_on_head_already_needs_no_branch(checkout):
    """A fresh clone has no state branch before there is something to say."""
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "State")
    assert opened(checkout).save_state("State", AT, lambda: AT) == ""
    assert STATE not in checkout.refs()


def test_an_empty_repository_takes_a_batch_and_a_state(tmp_path):
    """Nothing was ever committed there."""
    checkout = Checkout(tmp_path / "checkout", commit=False)
    checkout.write("data/batches.jsonl", "{}\n")
    destination = opened(checkout)
    assert destination.current(RECIPE) is None
    assert destination.recipes() == set()
    change = Change(branch="batch/1", files=CHANGE.files, message="Add", at=AT)
    placed = destination.place(change)
    assert opened(checkout).place(change) == placed
    assert destination.save_state("State", AT, lambda: AT)
    assert checkout.git("ls-tree", "-r", "--name-only", "batch/1") == "recipes/n/new.toml"
    assert checkout.git("ls-tree", "-r", "--name-only", STATE) == "data/batches.jsonl"
    assert not destination.is_merged(ledger_entry(state=BatchState.PUBLISHED, commit=placed.commit))
