"""Limits of memory and processes by control group, version 1 or 2, wherever one can be made below our own.

A group is nested in the one this process is in (version 1) or in the nearest one above that hands on the
controllers (version 2: a group with processes of its own cannot). `systemd-run --user --scope` is not used: what it
adds is a session outside the user's own manager, and there the watchdog of `watch` bounds memory and processes.
"""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

_PREFIX = "recipeline-"
_MIB = 1024 * 1024
# How long the kernel may take to end killed processes, and to let their group go.
_PATIENCE = 5.0
_POLL = 0.002
_serial = itertools.count()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A folder below which groups can be made, and what they can limit or measure there."""

    folder: Path
    version: int
    controllers: tuple[str, ...]


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a group's processes used; None where nothing measured it."""

    memory_peak_mb: float | None = None
    pids_peak: int | None = None
    cpu_s: float | None = None
    # Processes killed for memory, and forks refused.
    oom_kills: int = 0
    pids_refused: int = 0


def places_here() -> tuple[Place, ...]:
    """Return where this process can make groups."""
    try:
        return find_places(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())
    except FileNotFoundError:
        return ()  # a kernel without control groups


def find_places(mountinfo: str, own: str) -> tuple[Place, ...]:
    """Return where groups can be made, from the texts of `/proc/self/mountinfo` and `/proc/self/cgroup`."""
    own_paths = {
        controller: path
        for number, controllers, path in (line.split(":", 2) for line in own.splitlines())
        for controller in (controllers.split(",") if controllers else [""] if number == "0" else [])
    }
    places: list[Place] = []
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        separator = fields.index("-")
        kind, options = fields[separator + 1], fields[separator + 3].split(",")
        root, mounted = fields[3], Path(fields[4])
        if kind == "cgroup":
            wanted = tuple(name for name in ("memory", "pids", "cpuacct") if name in options and name in own_paths)
            if wanted:
                places.append(Place(folder=_below(mounted, root, own_paths[wanted[0]]), version=1, controllers=wanted))
        elif kind == "cgroup2" and "" in own_paths:
            places += _delegating(mounted, _below(mounted, root, own_paths[""]))
    return tuple(place for place in places if os.access(place.folder, os.W_OK | os.X_OK))


def _below(mounted: Path, root: str, own: str) -> Path:
    """Return our own group's folder: a container may show only a part of the tree, under another root."""
    inside = PurePosixPath(own)
    return mounted / inside.relative_to(root) if inside.is_relative_to(root) else mounted


def _delegating(mounted: Path, own: Path) -> list[Place]:
    """Return the nearest group that hands on memory and pids, and into which we may move processes."""
    for folder in (own, *own.parents):
        handed_on = _words(folder / "cgroup.subtree_control")
        if {"memory", "pids"} <= handed_on and os.access(folder / "cgroup.procs", os.W_OK):
            return [Place(folder=folder, version=2, controllers=("memory", "pids"))]
        if folder == mounted:
            return []
    return []


def _words(path: Path) -> set[str]:
    try:
        return set(path.read_text().split())
    except OSError:
        return set()


class Group:
    """One phase's control groups, one folder for each place. Use as a context manager: it removes them."""

    def __init__(self, places: Sequence[Place], *, memory_mb: int, pids: int) -> None:
        self._made: list[tuple[Place, Path]] = []
        self._limits: list[str] = []
        name = f"{_PREFIX}{os.getpid()}-{next(_serial)}"
        for place in places:
            folder = place.folder / name
            try:
                folder.mkdir()
            except OSError:
                continue  # not delegated after all: `enforced` does not name it, the watchdog takes over
            self._made.append((place, folder))
            self._limit(place, folder, memory_mb * _MIB, pids)

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, *_: object) -> None:
        for _place, folder in self._made:
            _remove(folder, _PATIENCE)

    def _limit(self, place: Place, folder: Path, memory: int, pids: int) -> None:
        v1 = place.version == 1
        suffix = f"cgroup-v{place.version}"
        if "memory" in place.controllers and _write(folder / ("memory.limit_in_bytes" if v1 else "memory.max"), memory):
            self._limits.append(f"memory:{suffix}")
            # Without these, what does not fit would go to swap; they are absent where swap is not accounted.
            _write(folder / ("memory.memsw.limit_in_bytes" if v1 else "memory.swap.max"), memory if v1 else 0)
            if not v1:
                _write(folder / "memory.oom.group", 1)
        if "pids" in place.controllers and _write(folder / "pids.max", pids):
            self._limits.append(f"pids:{suffix}")

    def enforced(self) -> tuple[str, ...]:
        """Return the limits in force, such as `memory:cgroup-v1`."""
        return tuple(self._limits)

    def join_files(self) -> tuple[str, ...]:
        """Return the files into which a process writes "0" to join."""
        return tuple(str(folder / "cgroup.procs") for _place, folder in self._made)

    def clear(self) -> set[int]:
        """Kill what is still in the group; return what does not end."""
        return set().union(*(_clear(folder, _PATIENCE) for _place, folder in self._made))

    def usage(self) -> Usage:
        """Return what was used so far."""
        found = Usage()
        for place, folder in self._made:
            read = _read_v1 if place.version == 1 else _read_v2
            found = msgspec.structs.replace(found, **read(folder, place.controllers))
        return found


def sweep(places: Sequence[Place]) -> None:
    """End and remove what runs that were killed themselves have left."""
    for place in places:
        with contextlib.suppress(OSError):
            for folder in place.folder.glob(f"{_PREFIX}*-*"):
                owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
                if owner.isdecimal() and not Path("/proc", owner).exists():
                    _clear(folder, _PATIENCE)
                    _remove(folder, _PATIENCE)


def _read_v1(folder: Path, controllers: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float | None] = {}
    if "memory" in controllers:
        found["memory_peak_mb"] = _number(folder / "memory.max_usage_in_bytes", _MIB)
        found["oom_kills"] = _keyed(folder / "memory.oom_control", "oom_kill")
    if "pids" in controllers:
        found |= _read_pids(folder)
    if "cpuacct" in controllers:
        found["cpu_s"] = _number(folder / "cpuacct.usage", 1_000_000_000)
    return {name: value for name, value in found.items() if value is not None}


def _read_v2(folder: Path, _controllers: tuple[str, ...]) -> dict[str, float]:
    cpu = _keyed(folder / "cpu.stat", "usage_usec")
    found: dict[str, float | None] = {
        "memory_peak_mb": _number(folder / "memory.peak", _MIB),
        "oom_kills": _keyed(folder / "memory.events", "oom_kill"),
        "cpu_s": None if cpu is None else cpu / 1_000_000,
        **_read_pids(folder),
    }
    return {name: value for name, value in found.items() if value is not None}


def _read_pids(folder: Path) -> dict[str, float | None]:
    peak = _number(folder / "pids.peak", 1)
    return {
        "pids_peak": None if peak is None else int(peak),
        "pids_refused": _keyed(folder / "pids.events", "max"),
    }


def _number(path: Path, unit: int) -> float | None:
    try:
        return int(path.read_text()) / unit
    except (OSError, ValueError):
        return None


def _keyed(path: Path, key: str) -> int | None:
    """Return the number after `key` in a file of such lines; None in older kernels without the file."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.split()[0] == key), None)


def _write(path: Path, value: int) -> bool:
    try:
        path.write_text(str(value))
    except OSError:
        return False
    return True


def _clear(folder: Path, patience: float) -> set[int]:
    """Kill the processes of a group until there are none; return those that are left when patience ends."""
    deadline = time.monotonic() + patience
    while (left := {int(pid) for pid in _words(folder / "cgroup.procs")}) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL)
    return left


def _remove(folder: Path, patience: float) -> None:
    """Remove a group; the kernel refuses for a moment after its last process has ended."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(_POLL)
        else:
            return
