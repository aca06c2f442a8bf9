"""A publication or a rollback that is killed before any of its writes is finished by the next one."""

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest

from pipeline.model import BatchState
from pipeline.state.ledger import Ledger
from tests.builders import NOW
from tests.publishing.batches import NEEDS_A, NO_PROGRAM, OUTAGE, Root
from tests.publishing.lab import Checkout

# A fork beside the idle thread of the test runner: the child does nothing with that thread's locks.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

LATER = NOW + timedelta(hours=1)
FIRST, SECOND = "2026-03-02-mixed-001", "2026-03-02-mixed-002"
OLD_B = b"# b, old\n"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "subprocess.Popen"}


def changes_something(event: str, arguments: tuple[object, ...]) -> bool:
    """Return whether an event of the interpreter is one that may change a file or starts git."""
    if event == "open":
        flags = arguments[2]
        return isinstance(flags, int) and bool(flags & WRITING)
    return event in CHANGES


def killed_before(number: int, act: Callable[[], object]) -> bool:
    """Do something in a process that SIGKILL ends right before its so many-th change; return whether it did."""
    child = os.fork()
    if child == 0:
        seen = 0

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if changes_something(event, arguments):
                seen += 1
                if seen == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.addaudithook(watch)
            act()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


class Prepared:
    """A root before the command, copied for each of its lives."""

    def __init__(self, folder, *, git):
        self.folder, self.git = folder, git
        top = folder / "template" / "root"
        checkout = Checkout(top) if git else None
        (top / "recipes/b").mkdir(parents=True)
        (top / "recipes/b/b.toml").write_bytes(OLD_B)
        if checkout is not None:
            checkout.write(".gitignore", "build/\n")
            checkout.git("add", "-A")
            checkout.git("commit", "-q", "-m", "b")
        root = Root(top)
        root.queue("npm:a", "npm:b", "npm:c", "npm:lib", "pypi:needs", "pypi:slow")
        root.leave({"npm:a": b"# a\n"}, {"pypi:needs": NEEDS_A})
        published = root.publish(NOW - timedelta(hours=2))
        if checkout is not None:
            checkout.git("merge", "-q", published.branch)
        root.leave(
            {"npm:c": b"# c\n", "npm:b": b"# b, new\n"},
            {"npm:lib": NO_PROGRAM, "pypi:slow": OUTAGE},
            number=2,
            replaces={"npm:b": OLD_B},
        )
        self.root = root

    def life(self, name):
        """Return a root of its own, with the same files and refs."""
        folder = self.folder / name
        shutil.copytree(self.root.paths.root, folder / "root")
        return Root(folder / "root")

    def end(self, root):
        """Return all that is kept: data/, the control file, recipes/, branches."""
        checkout = object.__new__(Checkout)
        checkout.top = root.paths.root
        kept = root.state()
        return {**kept, "refs": checkout.refs().encode()} if self.git else kept


# How many changes lie between two kills; the long proof leaves none out.
EACH = pytest.param(1, marks=pytest.mark.long, id="each")
SOME = pytest.param(13, id="each thirteenth")


@pytest.fixture(params=["git", "folder"])
def prepared(request, tmp_path):
    return Prepared(tmp_path, git=request.param == "git")


def lives(prepared, act, again, stride):
    """Kill `act` before each of its changes in turn, do it `again`, and compare with the undisturbed end.

    Return before how many it was killed.
    """
    calm = prepared.life("calm")
    act(calm)
    expected = prepared.end(calm)
    assert f"data/provenance/{SECOND}.jsonl" in expected
    for number in itertools.count(1, stride):
        root = prepared.life(f"killed-{number}")
        if not killed_before(number, lambda root=root: act(root)):
            return number // stride
        again(root)
        assert prepared.end(root) == expected, f"killed before change {number}"
        assert not list(root.paths.build.glob(".publish-index*"))
        shutil.rmtree(root.paths.root)
    raise AssertionError("unreachable: the count has no end")


@pytest.mark.parametrize("stride", [EACH, SOME])
def test_a_killed_publication_is_finished_by_the_next(prepared, stride):
    """Before its writes and calls of git; once begun, also an hour later."""

    def again(root):
        entry = Ledger(root.paths).entry(SECOND)
        root.publish(LATER if entry is not None else NOW)

    assert lives(prepared, lambda root: root.publish(), again, stride) * stride > 30


@pytest.mark.parametrize("stride", [EACH, SOME])
def test_a_killed_rollback_is_finished_by_the_next(prepared, stride):
    """Before its writes and calls of git; once begun, also an hour later."""
    published = prepared.root.publish()
    if prepared.git:
        checkout = object.__new__(Checkout)
        checkout.top = prepared.root.paths.root
        checkout.git("merge", "-q", "-m", "Merge", published.branch)
    prepared.root.publish()

    def again(root):
        entry = Ledger(root.paths).entry(SECOND)
        begun = entry is not None and entry.state is BatchState.ROLLED_BACK
        root.roll_back(SECOND, now=LATER if begun else NOW)

    assert lives(prepared, lambda root: root.roll_back(SECOND), again, stride) * stride > 15


def test_lines_that_were_cut_off_are_written_again(prepared):
    """A machine that stops in the middle of a line leaves a part of it; what counts is the same in the end."""
    calm = prepared.life("calm")
    calm.publish()
    files = [
        calm.paths.ledger,
        calm.paths.journal_folder / "2026-03.jsonl",
        calm.paths.metrics_folder / "2026-03.jsonl",
    ]
    for number, file in enumerate(files):
        torn = prepared.life(f"torn-{number}")
        killed_before(10**6, lambda torn=torn: torn.publish())
        place = torn.paths.root / file.relative_to(calm.paths.root)
        before = (prepared.root.paths.root / file.relative_to(calm.paths.root)).read_bytes()
        after = place.read_bytes()
        ledger = torn.paths.ledger.read_bytes().splitlines(keepends=True)
        built = next(line for line in ledger if SECOND.encode() in line)
        at = ledger.index(built)
        torn.paths.ledger.write_bytes(b"".join(ledger[: at + 1]))
        if file != calm.paths.ledger:
            place.write_bytes(after[: len(before) + (len(after) - len(before)) // 2])
        else:
            place.write_bytes(b"".join(ledger[: at + 1]) + ledger[-1][:50])
        torn.publish(LATER)
        assert sorted(set(whole(place))) == sorted(set(whole(file)))


def whole(file):
    return [line for line in file.read_bytes().splitlines() if line.endswith(b"}")]
