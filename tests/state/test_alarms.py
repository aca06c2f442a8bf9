"""The alarms on disk: written once, read in any order, joined by git without a conflict."""

import shutil

import pytest

from pipeline.alarms.course import standing
from pipeline.state import alarms
from pipeline.store import SHIPPED, Paths
from tests.builders import NOW, config
from tests.builders_alarm import alarm
from tests.state.test_journal_merge import commit, git


def test_repeating_writes_nothing(tmp_path):
    """Whoever is killed after the write does it again without harm; no file where there is nothing to say."""
    paths = Paths(tmp_path)
    assert alarms.record(paths, [], NOW) == []
    assert not paths.alarms.exists()
    assert alarms.record(paths, [alarm()], NOW) == [alarm()]
    assert alarms.record(paths, [alarm()], NOW) == []
    assert alarms.read(paths) == [alarm()]


def test_a_root_without_anything_has_facts(tmp_path):
    """Before the first queue and the first batch."""
    found = alarms.facts(Paths(tmp_path), config(), NOW, {})
    assert (found.batches, found.reviews, found.at_work) == ([], [], frozenset())


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_two_branches_are_joined_without_a_conflict(tmp_path):
    """Both tell of the same alarm, and one of another: what stands last of each is known."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    shutil.copy(SHIPPED / ".gitattributes", tmp_path)
    paths = Paths(tmp_path)
    alarms.record(paths, [alarm()], NOW)
    commit(paths)
    git(tmp_path, "branch", "other")
    alarms.record(paths, [alarm(), alarm(subject="pypi")], NOW)
    commit(paths)
    git(tmp_path, "checkout", "--quiet", "other")
    alarms.record(paths, [], NOW)
    commit(paths)
    git(tmp_path, "merge", "--quiet", "--no-edit", "main")
    found = standing(alarms.read(paths))
    assert {subject: record.cleared for (_, subject), record in found.items()} == {"npm": True, "pypi": False}
