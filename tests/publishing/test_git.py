"""Commits by plumbing, in real repositories."""

import os
import shutil
import subprocess

import pytest

from pipeline.errors import PipelineError
from pipeline.publishing.git import BOT_MAIL, blob_id, repository_around
from tests.publishing.lab import AT, RECIPE, Checkout, environment


def opened(checkout, below="", **extra):
    """Return the repository around a folder of a checkout."""
    root = checkout.top / below
    (root / "build").mkdir(parents=True, exist_ok=True)
    return repository_around(root, {**environment(checkout.top.parent), **extra}, root / "build/.index")


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "checkout")


def change(repository, **fields):
    """Make a commit that writes two recipes and removes one."""
    given = {
        "base": repository.resolve("HEAD"),
        "files": {"recipes/n/new.toml": b"new\r\n", "recipes/e/empty.toml": b""},
        "removed": [RECIPE],
        "message": "Add 2 recipes\n\nBatch: 1\n",
        "at": AT,
    }
    return repository.commit(**{**given, **fields})


def test_a_commit_holds_exactly_the_change(checkout):
    """On top of its base; line ends are kept, other files stay."""
    repository = opened(checkout)
    commit = change(repository)
    assert checkout.git("diff", "--name-status", "HEAD", commit).splitlines() == [
        "A\trecipes/e/empty.toml",
        "A\trecipes/n/new.toml",
        "D\trecipes/o/old.toml",
    ]
    ids = repository.files(commit, "recipes")
    assert list(ids) == ["recipes/e/empty.toml", "recipes/n/new.toml"]
    assert repository.contents(list(ids.values())) == [b"", b"new\r\n"]
    assert ids["recipes/n/new.toml"] == blob_id(b"new\r\n", commit)
    assert repository.parent(commit) == checkout.git("rev-parse", "HEAD")
    assert checkout.git("log", "-1", "--format=%B", commit) == "Add 2 recipes\n\nBatch: 1"


def test_the_same_change_is_the_same_commit_everywhere(tmp_path):
    """Whoever runs it, whatever they have configured: a repetition finds what is there."""
    ids = []
    for name in ("one", "two"):
        checkout = Checkout(tmp_path / name / "checkout", commit=False)
        checkout.git("config", "i18n.commitEncoding", "latin1" if name == "one" else "UTF-8")
        checkout.git("config", "core.autocrlf", "true" if name == "one" else "false")
        checkout.git("config", "user.name", name)
        given = {"GIT_AUTHOR_NAME": name, "GIT_DIR": "/nowhere", "TZ": "Asia/Tokyo"} if name == "one" else {}
        ids.append(change(opened(checkout, **given), removed=[], message="Schön\n"))
    assert ids[0] == ids[1]
    assert checkout.git("log", "-1", "--format=%an <%ae> %ad %cd", "--date=iso", ids[0]) == (
        f"recipeline <{BOT_MAIL}> 2026-03-02 13:00:00 +0000 2026-03-02 13:00:00 +0000"
    )


def test_the_user_s_head_index_and_work_tree_are_not_touched(checkout):
    """Staged changes stay staged, changed files stay changed, no hook runs, nothing is left behind."""
    for hook in ("reference-transaction", "post-checkout", "post-index-change"):
        path = checkout.top / ".git/hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch '{checkout.top}/ran'\n")
        path.chmod(0o755)
    repository = opened(checkout)
    checkout.write("README.md", "staged\n")
    checkout.git("-c", "core.hooksPath=/dev/null", "add", "README.md")
    checkout.write("README.md", "changed\n")
    checkout.write("new.txt", "untracked\n")
    before = checkout.own()
    repository.move("batch/1", change(repository), expected=None)
    assert checkout.own() == before
    assert list((checkout.top / "build").iterdir()) == []


def test_a_root_below_the_top_of_the_checkout(checkout):
    """Its paths are its own; the rest of the checkout is none of its business."""
    checkout.write("registry/recipes/o/old.toml", "below\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "Below")
    repository = opened(checkout, "registry")
    assert list(repository.files(repository.resolve("HEAD"), "recipes")) == [RECIPE]
    commit = change(repository)
    assert checkout.git("diff", "--name-only", "HEAD", commit).splitlines() == [
        "registry/recipes/e/empty.toml",
        "registry/recipes/n/new.toml",
        "registry/recipes/o/old.toml",
    ]


def test_a_repository_without_commits(tmp_path):
    """The first commit of a branch has no parent."""
    checkout = Checkout(tmp_path / "checkout", commit=False)
    repository = opened(checkout)
    assert repository.resolve("HEAD") is None
    commit = change(repository, removed=[])
    assert repository.parent(commit) is None
    repository.move("batch/1", commit, expected=None)
    assert repository.tip("batch/1") == commit


def test_a_branch_is_only_moved_from_where_it_is_expected(checkout):
    """A lost race is told, and the other's commit stays."""
    repository = opened(checkout)
    commit = change(repository)
    checkout.git("branch", "batch/1", "main")
    with pytest.raises(PipelineError, match="the branch batch/1 cannot be moved"):
        repository.move("batch/1", commit, expected=None)
    main = checkout.git("rev-parse", "main")
    assert repository.tip("batch/1") == main
    repository.move("batch/1", commit, expected=main)
    assert repository.tip("batch/1") == commit


def test_a_branch_that_is_checked_out_is_not_moved(checkout):
    """Its work tree would no longer be what HEAD says."""
    repository = opened(checkout)
    with pytest.raises(PipelineError, match="the branch main is checked out"):
        repository.move("main", change(repository), expected=repository.tip("main"))


def test_own_commits_are_told_from_those_of_people(checkout):
    """Only the former may be replaced."""
    repository = opened(checkout)
    assert repository.is_own(change(repository))
    assert not repository.is_own(repository.resolve("HEAD"))


def test_what_is_contained_is_known_also_of_commits_that_are_gone(checkout):
    """A branch that was deleted after a squash is no error."""
    repository = opened(checkout)
    head = repository.resolve("HEAD")
    commit = change(repository)
    assert repository.contains(commit, head)
    assert not repository.contains(head, commit)
    assert not repository.contains(head, "1" * 40)


def test_a_folder_without_git_around_it_is_no_checkout(tmp_path):
    """And needs no git."""
    assert repository_around(tmp_path, {"PATH": ""}, tmp_path / "index") is None


def test_a_folder_that_the_checkout_ignores_is_no_part_of_it(checkout):
    """A root in somebody's build folder, or below a home that is kept in git, must not be committed there."""
    checkout.write(".gitignore", "ignored/\n")
    assert opened(checkout, "ignored/root") is None
    assert opened(checkout, "kept/root") is not None


def test_a_worktree_is_a_checkout(checkout):
    """There, `.git` is a file."""
    checkout.git("worktree", "add", "-q", str(checkout.top.parent / "other"))
    other = checkout.top.parent / "other"
    repository = repository_around(other, environment(checkout.top.parent), other / "index")
    assert repository.resolve("HEAD") == checkout.git("rev-parse", "HEAD")


def test_a_missing_git_is_one_clear_line(checkout):
    """When there is a checkout, there is no other way."""
    with pytest.raises(PipelineError, match="git is missing"):
        repository_around(checkout.top, {"PATH": str(checkout.top)}, checkout.top / "index")


def test_what_git_refuses_is_told_in_its_own_words(checkout):
    """A repository that it cannot read must not be taken for a folder without git."""
    (checkout.top / ".git/config").write_text("[core\n")
    with pytest.raises(PipelineError, match=r"checkout/\.git: git cannot use .*: fatal: bad config"):
        opened(checkout)


@pytest.mark.parametrize("damage", ["empty", "nothing there", "torn HEAD"])
def test_a_damaged_repository_is_not_a_folder_without_git(checkout, damage):
    """git passes over it and says that there is none; recipes would be written to the work tree, as if merged."""
    place = checkout.top / ".git"
    if damage == "torn HEAD":
        (place / "HEAD").write_bytes(b"\0")
    else:
        shutil.rmtree(place)
        place.mkdir() if damage == "empty" else place.symlink_to("nowhere")
    with pytest.raises(PipelineError, match=r"checkout/\.git: git cannot use this repository"):
        opened(checkout)


@pytest.mark.parametrize("damage", ["empty branch", "lost commit"])
def test_a_repository_that_lost_its_commits_is_not_a_new_one(checkout, damage):
    """After a crash a branch's file may be empty, or name a commit that is gone: nothing may start from nothing."""
    commit = checkout.git("rev-parse", "HEAD")
    assert opened(checkout).head() == commit
    if damage == "empty branch":
        (checkout.top / ".git/refs/heads/main").write_text("")
    else:
        (checkout.top / ".git/objects" / commit[:2] / commit[2:]).unlink()
    with pytest.raises(PipelineError, match=r"git (rev-parse|symbolic-ref) failed"):
        opened(checkout).head()
    with pytest.raises(PipelineError, match="names a commit that is not there"):
        opened(checkout).tip("main")


def test_a_new_repository_has_no_head(tmp_path):
    """Neither does a branch that nobody has made."""
    repository = opened(Checkout(tmp_path / "checkout", commit=False))
    assert (repository.head(), repository.tip("main")) == (None, None)


def test_an_index_that_a_killed_process_left_is_in_nobody_s_way(checkout):
    """Nor is its lock."""
    repository = opened(checkout)
    for name in (".index", ".index.lock"):
        (checkout.top / "build" / name).write_bytes(b"torn")
    assert change(repository)


def test_a_sha256_repository_works_the_same(tmp_path):
    """Object ids are longer there."""
    top = tmp_path / "checkout"
    top.mkdir()
    subprocess.run(["git", "init", "-q", "--object-format=sha256"], cwd=top, check=True, env=dict(os.environ))
    repository = repository_around(top, environment(tmp_path), tmp_path / "index")
    commit = repository.commit(base=None, files={"recipes/n/new.toml": b"new"}, removed=[], message="x", at=AT)
    assert len(commit) == 64
    assert repository.files(commit, "recipes") == {"recipes/n/new.toml": blob_id(b"new", commit)}
    empty = repository.commit(base=commit, files={}, removed=["recipes/n/new.toml"], message="x", at=AT)
    assert repository.files(empty, "recipes") == {}
