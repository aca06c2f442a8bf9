"""Publishing to a remote, killed before any of its writes and calls of git: the next one ends as an undisturbed one."""

import itertools
import os
import shutil
import subprocess
from datetime import timedelta

import pytest

from pipeline.lock import alone
from pipeline.model import BatchState
from pipeline.publishing.books import Books
from pipeline.publishing.sync import sync
from pipeline.state.ledger import Ledger
from tests.builders import NOW
from tests.publishing.batches import NO_PROGRAM, OUTAGE
from tests.publishing.file_forge import FileForge
from tests.publishing.lab import Checkout, environment
from tests.publishing.registry import STATE, Clone, Registry
from tests.publishing.test_killed import EACH, killed_before

# A fork beside the idle thread of the test runner: the child does nothing with that thread's locks.
pytestmark = [pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"), pytest.mark.timeout(1800)]

LATER = NOW + timedelta(hours=1)
SECOND = "2026-03-02-mixed-002"
SOME = pytest.param(83, id="each eighty-third")


@pytest.fixture
def template(tmp_path):
    """Return a folder with a remote, whose state knows a merged batch, and a clone with the next one to publish."""
    registry = Registry(tmp_path / "template")
    first = registry.clone("first")
    first.leave({"npm:a": b"# a\n"})
    registry.merge(first.publish(NOW - timedelta(hours=2)).branch)
    clone = registry.clone("clone")
    git(clone, "remote", "set-url", "origin", "../../registry.git")
    clone.restore(NOW - timedelta(hours=1))
    clone.leave({"npm:b": b"# b\n"}, {"npm:c": NO_PROGRAM, "pypi:d": OUTAGE}, number=2)
    return registry.folder


def git(clone, *arguments):
    """Run git in a clone."""
    checkout = object.__new__(Checkout)
    checkout.top = clone.paths.root
    return checkout.git(*arguments)


def end(life):
    """Return what a life has come to: the state of the clone, and the remote's branches."""
    told = subprocess.run(
        ["git", "for-each-ref", "refs/heads"],
        cwd=life / "registry.git",
        env=environment(life),
        capture_output=True,
        check=True,
    )
    forge = life / "forge.json"
    return {
        **Clone(life / "clone/root").state(),
        "refs": told.stdout,
        "forge": forge.read_bytes() if forge.exists() else b"",
    }


def lives(template, act, again, stride):
    """Kill `act` before each of its changes in turn, do it `again`, and compare; return before how many."""
    calm = template.parent / "calm"
    shutil.copytree(template, calm)
    act(Clone(calm / "clone/root"))
    expected = end(calm)
    for number in itertools.count(1, stride):
        life = template.parent / f"killed-{number}"
        shutil.copytree(template, life)
        if not killed_before(number, lambda life=life: act(Clone(life / "clone/root"))):
            return number
        again(Clone(life / "clone/root"))
        assert end(life) == expected, f"killed before change {number}"
        shutil.rmtree(life)
    raise AssertionError("unreachable: the count has no end")


@pytest.mark.parametrize("stride", [EACH, SOME])
def test_a_killed_publication_is_finished_by_the_next(template, stride):
    """Once it has begun, also an hour later: one branch, one line of each kind, one state."""

    def again(clone):
        clone.publish(LATER if Ledger(clone.paths).entry(SECOND) else NOW)

    assert lives(template, lambda clone: clone.publish(), again, stride) > 90


@pytest.mark.parametrize("stride", [EACH, SOME])
def test_a_killed_rollback_is_finished_by_the_next(template, stride):
    """Its branch, its order and its statuses are on the remote."""

    def again(clone):
        entry = Ledger(clone.paths).entry("2026-03-02-mixed-001")
        clone.roll_back("2026-03-02-mixed-001", now=LATER if entry.state is BatchState.ROLLED_BACK else NOW)

    assert lives(template, lambda clone: clone.roll_back("2026-03-02-mixed-001"), again, stride) > 60


@pytest.mark.parametrize("stride", [EACH, pytest.param(31, id="each thirty-first")])
def test_a_killed_restore_is_finished_by_the_next(template, stride):
    """Of a fresh clone: nothing of its own is lost, nothing of the others is missing."""

    def fresh(clone):
        shutil.rmtree(clone.paths.build)
        clone.paths.build.mkdir()
        git(clone, "checkout", "-q", "--", "data")
        git(clone, "clean", "-q", "-f", "-d", "data")
        git(clone, "fetch", "-q", "origin", STATE)

    fresh(Clone(template / "clone/root"))
    assert lives(template, lambda clone: clone.restore(), lambda clone: clone.restore(), stride) > 30


def synced(clone):
    """Sync a clone with the forge that lies beside it."""
    forge = FileForge(clone.paths.root.parent.parent / "forge.json")
    with alone(clone.paths, LATER):
        sync(Books(clone.paths, clone.config), destination=clone.destination(), forge=forge, now=LATER)


@pytest.fixture
def reviewed(tmp_path):
    """Return a folder with a forge, where one batch was merged, one closed, one opened again, and one waits for it."""
    registry = Registry(tmp_path / "template")
    clone = registry.clone("clone")
    forge = FileForge(registry.folder / "forge.json")
    published = []
    for number, source in enumerate(("npm:a", "npm:b", "npm:c"), 1):
        clone.leave({source: b"# it\n"}, number=number)
        published.append(clone.publish(NOW - timedelta(hours=2), forge=forge))
    forge.set(3, state="closed", closed_at="2026-03-02T11:00:00Z")
    synced(clone)
    forge.set(3, state="open", closed_at=None)
    forge.set(2, state="closed", closed_at="2026-03-02T11:30:00Z")
    registry.merge(published[0].branch)
    squashed = registry.tips()["main"]
    forge.set(1, state="merged", closed_at="2026-03-02T11:40:00Z", squashed=squashed)
    git(clone, "remote", "set-url", "origin", "../../registry.git")
    clone.leave({"pypi:d": b"# d\n"}, number=4)
    clone.publish(NOW - timedelta(hours=1))
    return registry.folder


@pytest.mark.parametrize("stride", [EACH, pytest.param(89, id="each eighty-ninth")])
def test_a_killed_sync_is_finished_by_the_next(reviewed, stride):
    """Whatever of a merge, a refusal, a second thought and an opening was written down: each of them is there, once."""
    assert lives(reviewed, synced, synced, stride) > 100
    known = FileForge(reviewed.parent / "calm/forge.json").known()
    assert [(each.number, each.state) for each in known] == [(1, "merged"), (2, "closed"), (3, "open"), (4, "open")]
    states = [
        entry.state.value for entry in Ledger(Clone(reviewed.parent / "calm/clone/root").paths).entries().values()
    ]
    assert states == ["merged", "closed", "published", "published"]


@pytest.mark.parametrize("other", [False, True], ids=["the same payload", "another batch"])
def test_two_processes_that_publish_at_once_lose_nothing(template, other):
    """Two clones: one branch for one batch, two for two; every line of both, once."""
    shutil.copytree(template / "clone", template / "rival")
    clones = [Clone(template / "clone/root"), Clone(template / "rival/root")]
    if other:
        clones[1].leave({"pypi:e": b"# e\n"}, {}, number=3)
    processes = []
    for number, clone in enumerate(clones):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                clone.clock.meanwhile = lambda: None
                clone.publish(NOW + timedelta(seconds=number))
                code = 0
            finally:
                os._exit(code)
        processes.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in processes] == [0, 0]
    for clone in clones:
        clone.restore(LATER)
    assert clones[0].state() == clones[1].state()
    assert list(Ledger(clones[0].paths).ids)[1:] == [SECOND, "2026-03-02-mixed-003"][: 1 + other]
    lines = [*clones[0].lines(), *clones[0].lines("metrics"), *clones[0].paths.ledger.read_bytes().splitlines()]
    assert len(lines) == len(set(lines))
    assert len(clones[0].lines("metrics")) == 2 + other
    assert sum(b'"stage":"payload"' in line for line in clones[0].lines()) == 1 + 3 + other
    statuses = {source: status.value for source, status in clones[0].entries().items()}
    assert (statuses["npm:b"], statuses["pypi:e"]) == ("in_review", "in_review" if other else "pending")
