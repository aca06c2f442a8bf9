"""Where package code can write: its own memory, and what the phase was given to write to."""

from pathlib import Path

import pytest

from pipeline.sandbox.base import Mount
from tests.sandbox.lab import Lab, ro, rw

_TRY_TO_WRITE = """
import sys
for place in sys.argv[1:]:
    try:
        with open(place + "/probe", "w") as file:
            file.write("x")
        print(place, "written")
    except OSError as error:
        print(place, "refused")
"""
_CLOSED = (
    "",
    "/usr",
    "/usr/bin",
    "/etc",
    "/dev",
    "/dev/pts",
    "/home",
    "/opt",
    "/opt/python",
    "/proc",
    "/proc/sys/kernel",
)
_OPEN = ("/tmp", "/home/sandbox", "/dev/shm")


def _answers(output: str) -> dict[str, str]:
    return dict(line.split(" ") for line in output.splitlines())


def test_only_the_sandboxs_own_memory_is_writable(lab: Lab) -> None:
    """Root, system, devices and runtimes are read-only; temporary files and home are not."""
    answers = _answers(lab.python(_TRY_TO_WRITE, *_CLOSED, *_OPEN).output)

    assert answers == {**dict.fromkeys(_CLOSED, "refused"), **dict.fromkeys(_OPEN, "written")}


def test_the_prefix_is_read_only_where_the_phase_says_so(lab: Lab, folder: Path) -> None:
    """The same program writes to a writable prefix and is refused by a read-only one."""
    refused = lab.python(_TRY_TO_WRITE, "/prefix", mounts=(ro(folder, "/prefix"),))
    assert _answers(refused.output) == {"/prefix": "refused"}
    assert not (folder / "probe").exists()

    written = lab.python(_TRY_TO_WRITE, "/prefix", mounts=(rw(folder, "/prefix"),))
    assert _answers(written.output) == {"/prefix": "written"}
    assert (folder / "probe").read_text() == "x"


def test_a_read_only_mount_cannot_be_made_writable_again(lab: Lab, folder: Path) -> None:
    """The program has no capability to remount, whatever it asks."""
    inside = lab.shell(
        "mount -o remount,rw /prefix; touch /prefix/probe; echo went on", mounts=(ro(folder, "/prefix"),)
    )

    assert "went on" in inside.output
    assert not (folder / "probe").exists()


def test_a_cache_is_written_in_fetch_and_only_read_by_package_code(lab: Lab, folder: Path) -> None:
    """Package code cannot poison the cache that other jobs install from."""
    cache = Mount(host=folder, inside="/cache", cache=True)
    writable = Mount(host=folder, inside="/cache", cache=True, writable=True)

    fetch = lab.python(_TRY_TO_WRITE, "/cache", mounts=(writable,), network=True)
    (folder / "probe").unlink()
    verify = lab.python(_TRY_TO_WRITE, "/cache", mounts=(cache,))

    assert _answers(fetch.output) == {"/cache": "written"}
    assert _answers(verify.output) == {"/cache": "refused"}
    with pytest.raises(ValueError, match="the cache at /cache must not be writable"):
        lab.python(_TRY_TO_WRITE, "/cache", mounts=(writable,))
    assert not (folder / "probe").exists()


def test_the_program_reads_no_input(lab: Lab) -> None:
    """Standard input is empty: a tool that asks a question gets no answer, and none of the supervisor's words."""
    assert lab.shell("cat; readlink /proc/self/fd/0").output == "/dev/null\n"
