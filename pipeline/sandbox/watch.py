"""What is looked at again and again while a phase runs: the disk always, memory and processes where no cgroup does."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.sandbox.base import Phase

_MIB = 1024 * 1024
# An entry costs at least one block of the usual file systems. Counting it so bounds the number of files by the same
# figure as the bytes: 1 GiB is at most 262,144 files, however empty.
_BLOCK = 4096
# The kernel's unit of st_blocks, whatever the file system's block is (stat(2)).
_STAT_UNIT = 512
# All jobs of an ecosystem write to its cache at the same time, so one phase is not blamed for a little growth.
_CACHE_FACTOR = 4


def disk_usage(folder: Path, enough: int) -> int:
    """Return the bytes that a folder's entries, or one file, take on the disk; counting stops above `enough`.

    Hard links count once. A folder that cannot be read counts as more than enough: it might hide anything.
    """
    if not folder.is_dir():
        return folder.stat().st_blocks * _STAT_UNIT
    total = 0
    seen: set[tuple[int, int]] = set()
    waiting = [str(folder)]
    while waiting and total <= enough:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += _cost(entry, seen)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            continue  # removed since it was listed
        except PermissionError:
            return enough + 1
    return total


def _cost(entry: os.DirEntry[str], seen: set[tuple[int, int]]) -> int:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return 0
    if status.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return 0
        seen.add(identity)
    return max(_BLOCK, status.st_blocks * _STAT_UNIT)


class DiskWatch:
    """Bounds what a phase's writable mounts hold: its own by `disk_mb`, the growth of each cache by four times that."""

    def __init__(self, phase: Phase) -> None:
        self._limit = phase.limits.disk_mb * _MIB
        self._own = [mount.host for mount in phase.mounts if mount.writable and not mount.cache]
        caches = [mount.host for mount in phase.mounts if mount.writable and mount.cache]
        self._caches = [(cache, disk_usage(cache, _UNBOUNDED)) for cache in caches]

    def needed(self) -> bool:
        """Return whether there is anything to look at."""
        return bool(self._own or self._caches)

    def exceeded(self) -> bool:
        """Look at the disk now; return whether a limit is exceeded."""
        left = self._limit
        for folder in self._own:
            left -= disk_usage(folder, left)
            if left < 0:
                return True
        growth = _CACHE_FACTOR * self._limit
        return any(disk_usage(cache, before + growth) > before + growth for cache, before in self._caches)


_UNBOUNDED = 1 << 62


class TreeUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What a process and all below it use at one moment."""

    rss_mb: float = 0.0
    threads: int = 0
    cpu_s: float = 0.0


class _Process(msgspec.Struct, frozen=True):
    pid: int
    parent: int
    ticks: int
    threads: int
    pages: int


def tree_usage(root: int, proc: Path = Path("/proc")) -> TreeUsage:
    """Return what the process `root` and all below it use, by the kernel's own figures in /proc (proc(5)).

    Shared pages count for each process that maps them, so memory is never under-estimated.
    """
    processes = [process for entry in os.listdir(proc) if entry.isdecimal() for process in _read(proc, entry)]  # noqa: PTH208  # names only, many of them
    children: dict[int, list[_Process]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    waiting = [process for process in processes if process.pid == root]
    tree: list[_Process] = []
    while waiting:
        process = waiting.pop()
        tree.append(process)
        waiting += children.get(process.pid, ())
    return TreeUsage(
        rss_mb=sum(process.pages for process in tree) * os.sysconf("SC_PAGE_SIZE") / _MIB,
        threads=sum(process.threads for process in tree),
        cpu_s=sum(process.ticks for process in tree) / os.sysconf("SC_CLK_TCK"),
    )


def _read(proc: Path, entry: str) -> Sequence[_Process]:
    try:
        text = (proc / entry / "stat").read_text(errors="replace")
    except OSError:
        return ()  # ended since it was listed
    # The second field is the program's name in parentheses and may hold anything, parentheses too.
    fields = text.rpartition(")")[2].split()
    return (_Process(int(entry), int(fields[1]), sum(map(int, fields[11:15])), int(fields[17]), int(fields[21])),)


class TreeWatch:
    """Bounds memory and processes of a tree by looking; keeps the peaks. `math.inf` bounds nothing."""

    def __init__(self, *, memory_mb: float, pids: float) -> None:
        self._memory_mb = memory_mb
        self._pids = pids
        self.peak = TreeUsage()

    def exceeded(self, root: int) -> str:
        """Look at the tree now; return the limit that it exceeds ("oom" or "pids"), or ""."""
        now = tree_usage(root)
        self.peak = TreeUsage(
            rss_mb=max(now.rss_mb, self.peak.rss_mb),
            threads=max(now.threads, self.peak.threads),
            cpu_s=max(now.cpu_s, self.peak.cpu_s),
        )
        if now.rss_mb > self._memory_mb:
            return "oom"
        return "pids" if now.threads > self._pids else ""
