"""How phases begin and end: nothing runs without a sandbox, and nothing is left afterwards."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.sandbox import cgroups
from pipeline.sandbox.bwrap import BwrapSandbox
from pipeline.sandbox.runtimes import BwrapProgram, find_bwrap
from pipeline.sandbox.starting import start
from tests.sandbox.lab import Lab, limits, memory, phase, processes_with, ro, rw, shell, surroundings

_DAEMON = """
import os, sys
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for stream in (0, 1, 2):
            os.close(stream)
        os.set_inheritable(write, True)
        up = f"import os, time; os.write({write}, b'x'); time.sleep(600)"
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", up, sys.argv[1]])
    os._exit(0)
os.wait()
os.read(read, 1)
print("daemon is up", len([name for name in os.listdir("/proc") if name.isdecimal()]))
"""


@pytest.mark.parametrize("places", [None, ()], ids=["cgroup", "no cgroup"])
def test_a_daemon_dies_with_its_phase(
    sandbox: BwrapSandbox, lab: Lab, token: str, places: tuple[cgroups.Place, ...] | None
) -> None:
    """A process that left its parent, its session and its streams is dead when `run` returns."""
    where = sandbox if places is None else BwrapSandbox({}, places=places)

    ended = where.run(lab.python_phase(_DAEMON, token))

    assert ended.output == "daemon is up 3\n"  # bubblewrap's process 1, the program, the daemon
    assert (ended.result.exit_code, ended.infra_error) == (0, "")
    assert processes_with(token) == {}


def test_a_timeout_ends_the_whole_tree(lab: Lab, token: str) -> None:
    """A tree that ignores every polite signal is ended by the clock."""
    script = f"trap '' TERM INT HUP; echo {token}; (sh -c 'trap \"\" TERM; sleep 600; : {token}') & sleep 600"

    ended = lab.shell(script, limits=limits(timeout_seconds=1))

    assert ended.output == f"{token}\n"
    assert (ended.result.timed_out, ended.limit_hit, ended.infra_error) == (True, "timeout", "")
    assert 1 <= ended.result.wall_s < 3
    assert processes_with(token) == {}


_PIPELINE = """
import sys
from tests.sandbox.lab import shell, limits
from pipeline.sandbox.bwrap import BwrapSandbox
sandbox = BwrapSandbox({})
assert sandbox.unavailable() == ""
print("ready", flush=True)
sandbox.run(shell("sleep 600; : " + sys.argv[1], limits=limits(timeout_seconds=600)))
"""


def test_a_killed_pipeline_leaves_no_sandbox_behind(sandbox: BwrapSandbox, token: str) -> None:
    """SIGKILL of our own process ends the tree in the sandbox, by the kernel alone."""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", _PIPELINE, token], cwd=root, env={"PYTHONPATH": str(root)}, stdout=subprocess.PIPE
    ) as pipeline:
        assert pipeline.stdout is not None
        pipeline.stdout.readline()
        inside = _wait_for_processes(token, of=pipeline.pid)
        pipeline.kill()
        for descriptor in inside:
            assert select.select([descriptor], [], [], 10)[0], "a process of the sandbox outlived the pipeline"
            os.close(descriptor)
    BwrapSandbox({})  # the next start removes what was left of the groups
    assert not [group for group in _groups() if f"-{pipeline.pid}-" in group]


def test_a_pipeline_killed_while_a_sandbox_is_set_up_runs_nothing(sandbox: BwrapSandbox, folder: Path) -> None:
    """The program waits at a gate; when all ends that the pipeline held are closed, the sandbox ends by itself."""
    wanted = shell("touch /data/ran", mounts=(rw(folder, "/data"),))
    with contextlib.ExitStack() as held_by_the_pipeline:
        started = start(held_by_the_pipeline, wanted, surroundings(), groups=(), address_space_mb=None, processes=None)

    assert started.process.wait(timeout=30) != 0
    assert not (folder / "ran").exists()
    assert sandbox.run(wanted).result.exit_code == 0
    assert (folder / "ran").exists()


def _wait_for_processes(token: str, *, of: int) -> list[int]:
    """Return descriptors of bubblewrap's processes and the program, as soon as they all run."""
    while True:
        found = {pid: line for pid, line in processes_with(token).items() if pid != of}
        if sum(line.startswith("bwrap ") for line in found.values()) == 2 and len(found) == 3:
            return [os.pidfd_open(pid) for pid in found]


def _groups() -> list[str]:
    return [group.name for place in cgroups.places_here() for group in place.folder.glob("recipeline-*")]


def test_no_group_is_left(lab: Lab) -> None:
    """The control groups of a phase are removed when it ends."""
    lab.shell("true")

    assert not [group for group in _groups() if f"-{os.getpid()}-" in group]


_KILL_ALL = """
import os
try:
    os.kill(-1, 9)
except ProcessLookupError:
    print("there is nobody")
"""


def test_a_program_cannot_end_another_sandbox(lab: Lab) -> None:
    """`kill -9 -1` reaches the sandbox's own processes only, although all sandboxes are one user outside."""
    with ThreadPoolExecutor(2) as pool:
        victim = pool.submit(lab.shell, "sleep 1; echo survived")
        attacker = pool.submit(lab.python, _KILL_ALL)

    assert attacker.result().output == "there is nobody\n"
    assert victim.result().output == "survived\n"


def test_phases_run_side_by_side(lab: Lab) -> None:
    """Many threads may run phases; each gets its own output and result."""
    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(lambda number: lab.shell(f"echo {number}; exit {number}"), range(16)))

    assert [each.output for each in ended] == [f"{number}\n" for number in range(16)]
    assert [each.result.exit_code for each in ended] == list(range(16))


@pytest.mark.parametrize(
    ("script", "code", "by_signal"),
    [
        ("exit 3", 3, None),
        ("exit 255", 255, None),
        ("kill -SEGV $$", None, signal.SIGSEGV),
        ("no-such-tool", 127, None),
    ],
)
def test_the_end_of_a_program_is_told(lab: Lab, script: str, code: int | None, by_signal: int | None) -> None:
    """Exit codes and signals are the program's own; a program that is missing is the package's failure, not ours."""
    ended = lab.shell(script)

    assert (ended.result.exit_code, ended.result.signal) == (code, by_signal)
    assert ended.infra_error == ""


def test_a_command_that_is_not_there_is_no_error_of_the_sandbox(lab: Lab) -> None:
    """The program of the phase itself may be missing: 127, or 126, as in a shell."""
    missing, not_executable = lab.sandbox.run(phase("/prefix/bin/tool")), lab.sandbox.run(phase("/etc/passwd"))

    assert (missing.result.exit_code, not_executable.result.exit_code) == (127, 126)
    assert missing.infra_error == not_executable.infra_error == ""


def test_signals_have_their_defaults(lab: Lab) -> None:
    """A writer whose reader is gone ends quietly, as tools expect; Python ignores that signal for itself."""
    assert lab.shell("yes | head -n 1; grep SigIgn /proc/self/status").output == "y\nSigIgn:\t0000000000000000\n"


def test_what_was_used_is_measured(lab: Lab) -> None:
    """Time on the clock and on the processor, and the peaks of memory and processes."""
    result = lab.python("x = b'x' * (64 << 20); sum(range(3_000_000))").result

    assert 0.02 < (result.cpu_s or 0) < 5
    assert result.wall_s > 0
    assert (result.mem_peak_mb or 0) > 64
    assert (result.pids_peak or 0) >= 1


def test_a_sandbox_that_cannot_be_set_up_is_an_error_of_ours(lab: Lab, tmp_path: Path) -> None:
    """A missing source says nothing about the package."""
    ended = lab.shell("echo ran", mounts=(ro(tmp_path / "missing", "/data"),))

    assert ended.infra_error.startswith("sandbox_failed: ")
    assert "missing" in ended.infra_error
    assert "ran" not in ended.result.output_tail.split()


_FALSE = BwrapProgram(path=Path("/bin/false"), origin="broken")


@pytest.mark.parametrize("programs", [(), (_FALSE,)], ids=["none", "broken"])
def test_without_a_sandbox_nothing_runs(programs: tuple[BwrapProgram, ...], folder: Path) -> None:
    """No bubblewrap, or one that fails: the reason with its remedy, and the phase is not run."""
    sandbox = BwrapSandbox({}, programs=programs)

    ended = sandbox.run(shell("touch /data/ran", mounts=(rw(folder, "/data"),)))

    assert ended.infra_error.startswith("sandbox_unavailable: ")
    assert "remedy: " in ended.infra_error
    assert ended.result.exit_code is None
    assert sandbox.version() == ""
    assert not (folder / "ran").exists()


def test_a_bubblewrap_that_runs_programs_unconfined_is_not_believed(tmp_path: Path, folder: Path) -> None:
    """A stand-in that ignores the profile reports no sandbox, so it is never chosen."""
    impostor = tmp_path / "bwrap"
    impostor.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; echo go | "$@"\n')
    impostor.chmod(0o755)
    sandbox = BwrapSandbox({}, programs=(BwrapProgram(path=impostor, origin="impostor"),))

    assert sandbox.run(shell(f"touch {folder}/ran")).infra_error.startswith("sandbox_unavailable: ")
    assert not (folder / "ran").exists()


def test_the_next_bubblewrap_is_tried(sandbox: BwrapSandbox) -> None:
    """Where the first one is not permitted, the system's may be."""
    fallback = BwrapSandbox({}, programs=(_FALSE, *find_bwrap()))

    assert fallback.unavailable() == ""
    assert fallback.run(shell("echo ran")).output == "ran\n"


def test_a_prefix_in_memory_leaves_as_an_archive(lab: Lab, folder: Path, tmp_path: Path) -> None:
    """The build phase: fetched files are copied into a bounded folder, changed there, packed and unpacked."""
    (folder / "tool").write_text("fetched")
    (folder / "tool").chmod(0o644)
    archive, unpacked = tmp_path / "prefix.tar", folder / "unpacked"
    unpacked.mkdir()
    unpacked.chmod(0o777)
    build = "cp -a /fetched/. /prefix/ && echo built >> /prefix/tool && echo progress >&2 && tar -cf - -C /prefix ."

    built = lab.shell(build, mounts=(ro(folder, "/fetched"),), tmpfs=(memory("/prefix", 16),), stdout=archive)
    extracted = lab.shell(
        "tar -xf /prefix.tar -C /prefix ./tool && cat /prefix/tool",
        mounts=(ro(archive, "/prefix.tar"), rw(unpacked, "/prefix")),
    )

    assert (built.result.exit_code, built.output) == (0, "progress\n")
    with tarfile.open(archive) as packed:
        assert "./tool" in packed.getnames()
    assert extracted.output == "fetchedbuilt\n"
    assert (folder / "tool").read_text() == "fetched"
