"""What is being set up when the pipeline is killed ends with it."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from pipeline.sandbox import guard
from pipeline.store import SHIPPED

# A pipeline that has finished with one group, watches two others, says so, and hangs.
PIPELINE = """
import sys, threading
from pipeline.sandbox.guard import guard_here
finished, gone, watched = map(int, sys.argv[1:])
with guard_here().over(finished):
    pass
with guard_here().over(gone), guard_here().over(watched):
    print("ready", flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def groups() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Three processes, each in a group of its own; the second has ended already."""
    made = [subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(3)]
    made[1].kill()
    made[1].wait()
    yield made
    for process in made:
        process.kill()
        process.wait()


def test_a_watched_group_ends_with_a_killed_pipeline(groups: list["subprocess.Popen[bytes]"]) -> None:
    """SIGKILL to the pipeline ends the group that it watches, and neither a finished one nor itself is in the way."""
    finished, _, watched = groups
    numbers = [str(process.pid) for process in groups]
    with subprocess.Popen(
        [sys.executable, "-c", PIPELINE, *numbers],
        stdout=subprocess.PIPE,
        cwd=SHIPPED,
        env={"PYTHONPATH": str(SHIPPED)},
    ) as pipeline:
        assert pipeline.stdout is not None
        assert pipeline.stdout.readline() == b"ready\n"
        assert watched.poll() is None
        pipeline.kill()
        assert watched.wait(10) == -9
    assert finished.poll() is None


def test_the_last_word_about_a_group_counts(groups: list["subprocess.Popen[bytes]"]) -> None:
    """A number that is used again is watched again."""
    kept, _, watched = groups
    words = f"+{watched.pid}\n+{kept.pid}\n-{watched.pid}\n-{kept.pid}\n+{watched.pid}\n"
    subprocess.run([sys.executable, "-I", "-S", guard.__file__], input=words.encode(), check=True, timeout=30)
    assert watched.wait(10) == -9
    assert kept.poll() is None
