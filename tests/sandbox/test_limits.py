"""What package code can use up: what its phase allows, with cgroups and without."""

from pathlib import Path

import pytest

from pipeline.sandbox.bwrap import BwrapSandbox
from pipeline.sandbox.runtimes import Runtimes
from tests.sandbox.lab import Lab, limits, memory, processes_with, rw

_MIB = 1024 * 1024


@pytest.fixture
def bare(sandbox: BwrapSandbox, runtimes: Runtimes) -> Lab:
    """A sandbox where no control group can be made."""
    return Lab(BwrapSandbox({}, places=()), runtimes)


@pytest.fixture(params=["cgroup", "no cgroup"])
def either(request: pytest.FixtureRequest, lab: Lab, bare: Lab) -> Lab:
    return lab if request.param == "cgroup" else bare


_FORK = """
import os, sys, time
made = 0
for _ in range(int(sys.argv[1])):
    try:
        if os.fork() == 0:
            time.sleep(60)
    except OSError as error:
        print("after", made, type(error).__name__)
        time.sleep(0.3)  # long enough to be seen where only a watchdog looks
        sys.exit(1)
    made += 1
print("made", made)
"""
_FORK_BOMB = """
import os, sys
print(sys.argv[1], flush=True)
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


def test_processes_are_bounded(either: Lab) -> None:
    """The sixteenth process is refused where sixteen are allowed; the same program passes where more are."""
    refused = either.python(_FORK, "40", limits=limits(pids=16))
    made = either.python(_FORK, "40", limits=limits(pids=64))

    assert refused.output == "after 15 BlockingIOError\n"
    assert refused.limit_hit == "pids"
    assert made.output == "made 40\n"
    assert made.limit_hit == ""
    assert refused.infra_error == made.infra_error == ""


def test_a_fork_bomb_ends_with_its_time(either: Lab, token: str) -> None:
    """It gets no more processes than allowed, and after the timeout none of them is left."""
    ended = either.python(_FORK_BOMB, token, limits=limits(pids=32, timeout_seconds=1))

    assert ended.output.startswith(token)
    assert (ended.limit_hit, ended.infra_error) == ("timeout", "")
    assert 16 < (ended.result.pids_peak or 0) <= 32 + 1
    assert processes_with(token) == {}


_TAKE_MEMORY = """
import sys, time
taken = []
for _ in range(int(sys.argv[1]) // 8):
    taken.append(b"x" * (8 << 20))
print("took", len(taken) * 8)
time.sleep(0.3)  # long enough to be measured where only a watchdog looks
"""


def test_memory_is_bounded(either: Lab) -> None:
    """A program that takes more than allowed is ended for it; the same program passes where more is allowed."""
    refused = either.python(_TAKE_MEMORY, "4000", limits=limits(memory_mb=128))
    passed = either.python(_TAKE_MEMORY, "200", limits=limits(memory_mb=512))

    assert refused.output == ""
    assert (refused.limit_hit, refused.infra_error) == ("oom", "")
    assert passed.output == "took 200\n"
    assert passed.limit_hit == ""
    assert passed.result.mem_peak_mb is not None
    assert 200 <= passed.result.mem_peak_mb < 512


def test_memory_shared_by_many_processes_is_bounded(either: Lab) -> None:
    """The bound is the whole tree's: eight processes of 32 MiB each exceed 128 MiB together."""
    code = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        taken = b"x" * (32 << 20)
        time.sleep(10)
        os._exit(0)
for _ in range(8):
    if os.wait()[1]:
        raise SystemExit("a child was killed")
"""
    ended = either.python(code, limits=limits(memory_mb=128))

    assert ended.limit_hit == "oom"
    assert ended.result.exit_code != 0


def test_without_a_cgroup_the_address_space_is_bounded_where_it_can_be(bare: Lab) -> None:
    """A program that says it tolerates it gets the kernel's own refusal, before any watchdog looks."""
    refused = bare.python(_TAKE_MEMORY, "4000", limits=limits(memory_mb=128), bounded_address_space=True)

    assert "MemoryError" in refused.output
    assert refused.limits_enforced[:2] == ("memory:watchdog", "memory:rlimit-as")


_FILL = """
import os, sys
folder, size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
written = 0
try:
    for at in range(count):
        with open(f"{folder}/{at}", "wb", buffering=0) as file:
            written += file.write(b"x" * size) if size else 1
except OSError as error:
    print(error.strerror)
print("written", written)
"""


@pytest.mark.parametrize("place", ["/tmp", "/home/sandbox", "/extra"])
def test_memory_folders_are_bounded(lab: Lab, place: str) -> None:
    """Temporary files, home and a folder of the phase's own are full at their size."""
    ended = lab.python(_FILL, place, str(_MIB), "1000", limits=limits(disk_mb=32), tmpfs=(memory("/extra", 16),))

    refused, written = ended.output.splitlines()
    assert refused == "No space left on device"
    assert 15 * _MIB <= int(written.split()[1]) <= 16 * _MIB


def test_empty_files_in_memory_are_bounded_by_the_memory(lab: Lab) -> None:
    """They take no space of the folder, but the kernel's memory for each counts as the program's."""
    ended = lab.python(_FILL, "/tmp", "0", "100000000", limits=limits(memory_mb=64))

    assert ended.limit_hit in ("oom", "timeout")
    assert (ended.result.mem_peak_mb or 0) <= 64


@pytest.mark.parametrize(("size", "count"), [(_MIB, 100_000), (0, 10_000_000)], ids=["bytes", "empty files"])
def test_a_folder_on_the_disk_is_bounded(lab: Lab, folder: Path, size: int, count: int) -> None:
    """A full prefix ends the phase, whether it is full of bytes or of empty files."""
    ended = lab.python(
        _FILL, "/prefix", str(size), str(count), mounts=(rw(folder, "/prefix"),), limits=limits(disk_mb=16)
    )

    assert (ended.limit_hit, ended.infra_error) == ("disk", "")
    assert "disk:watchdog" in ended.limits_enforced
    assert ended.result.wall_s < 15


def test_a_disk_filled_faster_than_anyone_looks_is_noticed_at_the_end(lab: Lab, folder: Path) -> None:
    """The last look is after the end, so a quick program gains nothing."""
    ended = lab.python(_FILL, "/prefix", str(_MIB), "12", mounts=(rw(folder, "/prefix"),), limits=limits(disk_mb=8))
    within = lab.python(_FILL, "/prefix", str(_MIB), "12", mounts=(rw(folder, "/prefix"),), limits=limits(disk_mb=16))

    assert ended.limit_hit == "disk"
    assert within.limit_hit == ""
    assert within.output == f"written {12 * _MIB}\n"


def test_one_file_is_bounded(lab: Lab, folder: Path) -> None:
    """A phase may bound the size of each file far below that of the disk."""
    ended = lab.python(_FILL, "/prefix", str(20 * _MIB), "1", mounts=(rw(folder, "/prefix"),), file_mb=16)

    assert (folder / "0").stat().st_size == 16 * _MIB
    assert ended.output == f"written {16 * _MIB}\n"


def test_a_flood_of_output_is_cut_in_the_middle(lab: Lab) -> None:
    """Head and tail are kept, and the flood is read for as long as it lasts."""
    ended = lab.shell("echo first; yes | head -c 30000000; echo last")

    assert ended.output.startswith("first\ny\ny\n")
    assert ended.output.endswith("y\nlast\n")
    assert "bytes left out" in ended.output
    assert len(ended.output) < 150_000
    assert len(ended.result.output_tail) <= 4000


def test_an_endless_flood_ends_with_its_time(lab: Lab) -> None:
    """A program that only prints is no way around the timeout."""
    ended = lab.shell("yes", limits=limits(timeout_seconds=1))

    assert (ended.limit_hit, ended.result.timed_out, ended.result.exit_code) == ("timeout", True, None)
    assert ended.result.wall_s < 3


def test_the_limits_in_force_are_named(lab: Lab, bare: Lab) -> None:
    """A verdict says which limits held, and by what."""
    with_group, without = lab.shell("true").limits_enforced, bare.shell("true").limits_enforced

    assert {"cpu:rlimit", "fsize:rlimit", "nofile:rlimit", "nproc:rlimit", "tmpfs:size", "time:kill"} <= set(without)
    assert {"memory:watchdog", "pids:watchdog"} <= set(without)
    assert {name.split(":")[0] for name in with_group} == {name.split(":")[0] for name in without}
