"""Starting one phase: the files, pipes and orders that the launcher and bubblewrap are given."""

import contextlib
import marshal
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.sandbox import launch, profile
from pipeline.sandbox.base import Phase
from pipeline.sandbox.host import HostView
from pipeline.sandbox.running import Pipes
from pipeline.sandbox.runtimes import BwrapProgram

# `nobody` on every Linux (the kernel's overflow user), whom a root user's pipeline becomes for the sandbox.
NOBODY = 65534
# Folders of the file hierarchy standard; the first that holds none of the sources is where a root user's pipeline
# shows them to `nobody`, in a mount namespace of its own.
_STAGES = ("/mnt", "/media", "/srv", "/opt", "/run", "/var")
_MIB = 1024 * 1024
# npm opens some hundreds at once; the usual soft limit is 1,024.
_OPEN_FILES = 4096
# The gate: nothing of the phase runs before the supervisor has taken hold of the sandbox, and nothing ever when the
# pipeline dies before that (bubblewrap's --block-fd goes on at the end of its file). bubblewrap's process 1 asks to die
# with its parent only when the program is already started, so it must not matter what happens until then. The gate is
# standard input, a socket, which the program's own empty input replaces.
_GATE = 'echo ready >&0 && read -r go && [ "$go" = go ] || exit 125; '
# RLIMIT_NPROC is set inside: there it counts this sandbox's processes only (its user namespace's), outside it would
# count all of the user's. dash names it -p, bash and busybox -u; a shell that fails at both goes on without, which
# the preflight sees. `exec` answers 127 and 126 for a program that is not there or cannot be started.
_BOUND_PROCESSES = 'ulimit -u "$0" 2>/dev/null || ulimit -p "$0" 2>/dev/null; '
_EXEC = 'exec "$@" </dev/null'


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What all phases of a sandbox share."""

    program: BwrapProgram
    host: HostView
    seccomp: bytes
    root: bool
    # Whether RLIMIT_NPROC bounds a sandbox here, as the preflight found.
    bounds_processes: bool


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A launcher that is becoming bubblewrap, and our ends of its pipes."""

    process: subprocess.Popen[bytes]
    pipes: Pipes


def start(
    stack: contextlib.ExitStack,
    phase: Phase,
    surroundings: Surroundings,
    *,
    groups: Sequence[str],
    address_space_mb: int | None,
    processes: int | None,
) -> Started:
    """Start a phase; `stack` closes what it leaves open. Raises `OSError` when no process can be started."""
    with contextlib.ExitStack() as given:
        output, output_end = os.pipe()
        stack.callback(os.close, output)
        given.callback(os.close, output_end)
        gate, gate_end = socket.socketpair()
        stack.enter_context(gate)
        given.enter_context(gate_end)
        # A file, not a pipe: bubblewrap must not fail to write it when the pipeline is dead, see `launch`.
        status = _memory_file(stack, b"")
        etc = {place: _memory_file(given, content) for place, content in profile.etc_files(phase).items()}
        descriptors = profile.Descriptors(status=status, seccomp=_memory_file(given, surroundings.seccomp), etc=etc)
        stage = _Stage(phase, surroundings) if surroundings.root else None
        options = profile.arguments(
            phase, surroundings.host, source=stage.place if stage else str, descriptors=descriptors
        )
        arguments = _memory_file(given, b"".join(os.fsencode(option) + b"\0" for option in options))
        orders = {
            "groups": list(groups),
            "stage": stage.folder if stage else "",
            "binds": stage.binds if stage else [],
            "limits": _limits(phase, address_space_mb),
            "user": NOBODY if surroundings.root else 0,
            "program": stage.program if stage else str(surroundings.program.path),
            "argv": ["bwrap", "--args", str(arguments), "--", *_command(phase, processes)],
        }
        orders_fd = _memory_file(given, marshal.dumps(orders))
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", launch.__file__, str(orders_fd)],
            stdin=gate_end.fileno(),
            stdout=given.enter_context(phase.stdout.open("xb")) if phase.stdout else output_end,
            stderr=output_end,
            env={},
            pass_fds=(orders_fd, arguments, status, descriptors.seccomp, *etc.values()),
            # Ctrl-C is the pipeline's to handle; the tree follows by our signals and by the parent's death.
            start_new_session=True,
        )
    return Started(process=process, pipes=Pipes(output=output, status=status, gate=gate))


def _command(phase: Phase, processes: int | None) -> tuple[str, ...]:
    if processes is None:
        return ("/bin/sh", "-c", f"{_GATE}{_EXEC}", "sh", *phase.argv)
    return ("/bin/sh", "-c", f"{_GATE}{_BOUND_PROCESSES}{_EXEC}", str(processes), *phase.argv)


class _Stage:
    """Where the launcher shows each source, so that `nobody` reaches it; see `launch`."""

    def __init__(self, phase: Phase, surroundings: Surroundings) -> None:
        program = surroundings.program
        mounts = profile.all_mounts(phase, surroundings.host)
        self._places = {mount.host: f"source/{at}" for at, mount in enumerate(mounts)}
        self.binds = [[str(host.resolve()), place] for host, place in self._places.items()]
        self.folder = _free_folder([Path(source) for source, _place in self.binds] + [program.path])
        self.program = str(program.path)
        if program.base is not None:
            # A path below the stage would not be the one that a profile of AppArmor permits; the wheel has none.
            self.binds += [[str(program.base / folder), f"tool/{folder}"] for folder in program.folders]
            self.program = f"{self.folder}/tool/{program.path.relative_to(program.base)}"

    def place(self, path: Path) -> str:
        return f"{self.folder}/{self._places[path]}"


def _free_folder(sources: Sequence[Path]) -> str:
    for folder in _STAGES:
        if Path(folder).is_dir() and not any(source.is_relative_to(folder) for source in sources):
            return folder
    raise FileNotFoundError(f"each of {', '.join(_STAGES)} is missing or holds a source")


def _limits(phase: Phase, address_space_mb: int | None) -> dict[str, int]:
    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": _OPEN_FILES,
        "RLIMIT_FSIZE": (phase.file_mb or phase.limits.disk_mb) * _MIB,
        # For one process: all cores for the whole time, so the clock on the wall is always the first to end it.
        "RLIMIT_CPU": phase.limits.timeout_seconds * (os.cpu_count() or 1) + 1,
    }
    return limits if address_space_mb is None else {**limits, "RLIMIT_AS": address_space_mb * _MIB}


def _memory_file(stack: contextlib.ExitStack, content: bytes) -> int:
    fd = os.memfd_create("sandbox")
    stack.callback(os.close, fd)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
