"""One run of one phase: limits on, started, followed, and what was measured put into words."""

import contextlib
import math
import shlex
import signal
import time

import msgspec

from pipeline.model import PhaseResult
from pipeline.sandbox import cgroups
from pipeline.sandbox.base import Phase, PhaseOutput
from pipeline.sandbox.guard import guard_here
from pipeline.sandbox.output import HeadTail, printable, tail_of
from pipeline.sandbox.running import Ended, Supervisor
from pipeline.sandbox.starting import Surroundings, start
from pipeline.sandbox.watch import DiskWatch, TreeWatch

# bubblewrap's own: the process outside, and number 1 inside.
_OWN_PROCESSES = 2
# A cgroup says how often it refused a process, RLIMIT_NPROC does not: where there is a group it must refuse first.
_NPROC_SLACK = 16
# A runaway program must be seen early; looking at the disk may take a tenth of one core.
_TREE_SECONDS, _DISK_SECONDS, _DISK_SHARE = 0.05, 0.25, 10
_COMMAND_CHARS = 300


def run_phase(phase: Phase, surroundings: Surroundings, places: tuple[cgroups.Place, ...]) -> PhaseOutput:
    """Run a phase to its end, its timeout or its limit; afterwards nothing of it is left running."""
    # What is written to these is held in memory, but it is the phase's disk.
    memory_mb = phase.limits.memory_mb + sum(tmpfs.size_mb for tmpfs in phase.tmpfs)
    pids = phase.limits.pids + _OWN_PROCESSES
    with cgroups.Group(places, memory_mb=memory_mb, pids=pids) as group, contextlib.ExitStack() as stack:
        limits = _Limits(phase, surroundings, group.enforced(), memory_mb)
        kept = HeadTail()
        try:
            started = start(
                stack,
                phase,
                surroundings,
                groups=group.join_files(),
                address_space_mb=memory_mb if limits.bounds_address_space else None,
                processes=limits.pids_rlimit,
            )
        except OSError as error:
            return not_run(phase, f"sandbox_failed: no process could be started: {error}")
        supervisor = Supervisor(started.process, started.pipes, kept)
        with guard_here().over(started.process.pid):
            ended = supervisor.follow(
                timeout=phase.limits.timeout_seconds, check=limits.check, interval=limits.interval
            )
        usage = limits.usage(group.usage())
        text = printable(kept.content())
        left = sorted(group.clear()) if ended.all_gone else ["unknown"]
        hit = ended.limit_hit or limits.hit_at_end(usage, failed=ended.exit_code != 0)
        return PhaseOutput(
            result=_result(phase, ended, usage, text),
            output=text,
            infra_error=_infra_error(ended, hit, text, left),
            limit_hit=hit,
            limits_enforced=limits.enforced(),
        )


def not_run(phase: Phase, infra_error: str) -> PhaseOutput:
    """Return the output of a phase that did not run."""
    result = PhaseResult(name=phase.name, command=_command(phase), wall_s=0, network=phase.network)
    return PhaseOutput(result=result, output="", infra_error=infra_error)


class _Limits:
    """Which limits a phase has, and the watchdogs that stand in where the kernel does not."""

    def __init__(self, phase: Phase, surroundings: Surroundings, by_group: tuple[str, ...], memory_mb: int) -> None:
        self._by_group = by_group
        self._memory_by_group = any(name.startswith("memory:") for name in by_group)
        self._pids_by_group = any(name.startswith("pids:") for name in by_group)
        self._watches_tree = not (self._memory_by_group and self._pids_by_group)
        self._tree = TreeWatch(
            memory_mb=math.inf if self._memory_by_group else memory_mb,
            pids=math.inf if self._pids_by_group else phase.limits.pids + 1,  # with bubblewrap's process 1
        )
        self._pids = phase.limits.pids
        self._disk = DiskWatch(phase)
        self._disk_due = 0.0
        self.bounds_address_space = phase.bounded_address_space and not self._memory_by_group
        # One is bubblewrap's own inside the sandbox.
        slack = _NPROC_SLACK if self._pids_by_group else 1
        self.pids_rlimit = self._pids + slack if surroundings.bounds_processes else None

    def enforced(self) -> tuple[str, ...]:
        """Return the limits in force, as the verdict records them."""
        others = {
            "memory:watchdog": not self._memory_by_group,
            "memory:rlimit-as": self.bounds_address_space,
            "pids:watchdog": not self._pids_by_group,
            "nproc:rlimit": self.pids_rlimit is not None,
            "cpu:rlimit": True,
            "fsize:rlimit": True,
            "nofile:rlimit": True,
            "tmpfs:size": True,
            "disk:watchdog": self._disk.needed(),
            "time:kill": True,
        }
        return (*self._by_group, *(name for name, holds in others.items() if holds))

    def interval(self) -> float:
        """Return the seconds to the next look."""
        return _TREE_SECONDS if self._watches_tree else _DISK_SECONDS

    def check(self, init_pid: int) -> str:
        """Return the limit that the phase exceeds now, or ""."""
        if self._watches_tree and (found := self._tree.exceeded(init_pid)):
            return found
        began = time.monotonic()
        if not self._disk.needed() or began < self._disk_due:
            return ""
        exceeded = self._disk.exceeded()
        now = time.monotonic()
        self._disk_due = now + max(_DISK_SECONDS, _DISK_SHARE * (now - began))
        return "disk" if exceeded else ""

    def usage(self, by_group: cgroups.Usage) -> cgroups.Usage:
        """Return what was used: by the group's measure, else by the watchdog's peaks."""
        seen = self._tree.peak
        if by_group.pids_peak is not None:
            by_group = msgspec.structs.replace(by_group, pids_peak=max(by_group.pids_peak - _OWN_PROCESSES, 1))
        if not self._watches_tree or not seen.threads:
            return by_group
        return msgspec.structs.replace(
            by_group,
            memory_peak_mb=seen.rss_mb if by_group.memory_peak_mb is None else by_group.memory_peak_mb,
            pids_peak=seen.threads - 1 if by_group.pids_peak is None else by_group.pids_peak,
            cpu_s=seen.cpu_s if by_group.cpu_s is None else by_group.cpu_s,
        )

    def hit_at_end(self, usage: cgroups.Usage, *, failed: bool) -> str:
        """Return the limit to which a phase that ended by itself owes its end."""
        if self._disk.needed() and self._disk.exceeded():
            return "disk"
        if not failed:
            return ""  # it lost a child, or was refused one, and coped
        if usage.oom_kills:
            return "oom"
        refused = usage.pids_refused or (not self._pids_by_group and (usage.pids_peak or 0) >= self._pids)
        return "pids" if refused else ""


def _result(phase: Phase, ended: Ended, usage: cgroups.Usage, text: str) -> PhaseResult:
    code = ended.exit_code
    # bubblewrap reports a program that a signal ended as a shell does.
    by_signal = code - 128 if code is not None and code - 128 in set(signal.valid_signals()) else None
    return PhaseResult(
        name=phase.name,
        command=_command(phase),
        exit_code=None if by_signal else code,
        signal=by_signal,
        timed_out=ended.limit_hit == "timeout",
        wall_s=round(ended.wall_s, 3),
        cpu_s=None if usage.cpu_s is None else round(usage.cpu_s, 3),
        mem_peak_mb=None if usage.memory_peak_mb is None else round(usage.memory_peak_mb, 1),
        pids_peak=usage.pids_peak,
        network=phase.network,
        output_tail=tail_of(text),
    )


def _infra_error(ended: Ended, hit: str, text: str, left: list[int] | list[str]) -> str:
    if left:
        return f"sandbox_failed: processes were left after the phase: {', '.join(map(str, left))}"
    if hit or ended.exit_code is not None:
        return ""
    last = tail_of(text, 300).replace("\n", " ") or f"bubblewrap ended with status {ended.bwrap_status}"
    return f"sandbox_failed: {last}"


def _command(phase: Phase) -> str:
    text = printable(shlex.join(phase.argv).encode())
    return text if len(text) <= _COMMAND_CHARS else f"{text[: _COMMAND_CHARS - 1]}…"
