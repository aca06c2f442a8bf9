"""A place to run probes: real phases in the real sandbox, short to write."""

import os
import struct
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pipeline.config import PhaseLimits
from pipeline.sandbox import host
from pipeline.sandbox.base import Mount, Phase, PhaseOutput, Tmpfs
from pipeline.sandbox.bwrap import BwrapSandbox
from pipeline.sandbox.cgroups import places_here
from pipeline.sandbox.phase_run import run_phase
from pipeline.sandbox.runtimes import Runtimes, find_bwrap
from pipeline.sandbox.starting import Surroundings

LIMITS = PhaseLimits(timeout_seconds=20, memory_mb=512, pids=64, disk_mb=64)
# A filter of one instruction: every call is allowed. It shows what the real filter is good for.
ALLOW_ALL = struct.pack("<HBBI", 0x06, 0, 0, 0x7FFF0000)


def limits(**changes: int) -> PhaseLimits:
    return msgspec.structs.replace(LIMITS, **changes)


def shell(script: str, **changes: object) -> Phase:
    return phase("sh", "-c", script, **changes)


def phase(*argv: str, **changes: object) -> Phase:
    plain = Phase(name="verify", argv=argv, environment={}, mounts=(), network=False, limits=LIMITS)
    return msgspec.structs.replace(plain, **changes)


def surroundings(program_filter: bytes = ALLOW_ALL) -> Surroundings:
    """Return what a sandbox would make for itself, with another system-call filter."""
    return Surroundings(
        program=find_bwrap()[0],
        host=host.look({}),
        seccomp=program_filter,
        root=os.geteuid() == 0,
        bounds_processes=True,
    )


def without_filter(wanted: Phase) -> PhaseOutput:
    """Run a phase in a sandbox that has everything but the system-call filter."""
    return run_phase(wanted, surroundings(), places_here())


class Lab:
    """Runs probes written for a shell or for Python."""

    def __init__(self, sandbox: BwrapSandbox, runtimes: Runtimes) -> None:
        self.sandbox = sandbox
        self.runtimes = runtimes

    def shell(self, script: str, **changes: object) -> PhaseOutput:
        return self.sandbox.run(shell(script, **changes))

    def python(self, code: str, *arguments: str, **changes: object) -> PhaseOutput:
        return self.sandbox.run(self.python_phase(code, *arguments, **changes))

    def python_phase(self, code: str, *arguments: str, mounts: tuple[Mount, ...] = (), **changes: object) -> Phase:
        python = self.runtimes.python
        return phase(
            *python.argv,
            *("-I", "-S", "-c", code, *arguments),
            environment=dict(python.environment),
            mounts=(*python.mounts, *mounts),
            **changes,
        )


def ro(host_path: Path, inside: str) -> Mount:
    return Mount(host=host_path, inside=inside)


def rw(host_path: Path, inside: str) -> Mount:
    return Mount(host=host_path, inside=inside, writable=True)


def memory(inside: str, size_mb: int) -> Tmpfs:
    return Tmpfs(inside=inside, size_mb=size_mb)


def processes_with(marker: str) -> Mapping[int, str]:
    """Return the processes of this machine whose command line holds a marker, by number."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if marker in line:
                found[int(entry.name)] = line
    return found
