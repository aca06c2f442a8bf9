"""Whether there is room: disk, files, memory, open files; and whether the output can show all signs."""

import os
import resource
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pipeline.config import Config
from pipeline.doctor.base import Finding, Machine, Resources, failed, ok, warning
from pipeline.errors import of_system
from pipeline.text import counted

_MIB = 1024 * 1024
# What a sandbox's programs may open (`pipeline.sandbox.starting`); without this, none can be started.
_OPEN_FILES = 4096
# A large npm package with all that it needs unpacks to some 20,000 files.
_FILES_OF_A_JOB = 20_000


def look(build: Path) -> Resources:
    """Return what the operating system gives for the work below `build`, which is made if it is missing."""
    writable = _refusal(build)
    folder = build if build.is_dir() else build.parent
    disk = os.statvfs(folder)
    return Resources(
        writable=writable,
        disk_mb=disk.f_bavail * disk.f_frsize // _MIB,
        inodes=disk.f_favail if disk.f_files else None,
        memory_mb=_available_memory(),
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
    )


def _refusal(build: Path) -> str:
    """Return why nothing can be written in a folder, "" when it can."""
    try:
        build.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=build) as file:
            file.write(b"doctor")
            file.flush()
    except OSError as error:
        error.filename = error.filename or str(build)
        return of_system(error).line()
    return ""


def _available_memory() -> int | None:
    """Return the MiB that programs can get without swapping, as Linux estimates it (proc(5), `MemAvailable`)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = next((line.split() for line in lines if line.startswith("MemAvailable:")), [])
    return int(found[1]) // 1024 if len(found) == 3 else None


def examine(machine: Machine) -> Iterable[Finding]:
    """Compare what there is with what the configuration permits the sandboxes to use."""
    here = machine.resources()
    workers = machine.config.validation.workers or os.cpu_count() or 1
    refusal, _, remedy = here.writable.partition("; remedy: ")
    yield failed("build folder", refusal, remedy) if refusal else ok("build folder", "can be written")
    yield of_disk(here.disk_mb, machine.config, workers)
    yield _inodes(here.inodes, workers)
    yield of_memory(here.memory_mb, machine.config, workers)
    yield _open_files(here.open_files)
    yield _output(machine.encoding)


def _largest(config: Config, what: str) -> int:
    limits = config.validation
    phases = (limits.fetch, limits.build, limits.verify, limits.heavy, limits.compile)
    return max(int(getattr(phase, what)) for phase in phases)


def of_disk(free: int, config: Config, workers: int) -> Finding:
    """Return whether the disk has room for one validation, for all at once, and for the answers that are kept."""
    one = _largest(config, "disk_mb")
    all_at_once = one * workers + config.provenance.answers_mb
    remedy = "free some space, or lower `validation.workers`, `validation.*.disk_mb` or `provenance.answers_mb`"
    seen = f"{free:,} MiB are free below build"
    if free < one:
        return failed("disk", f"{seen}; one validation may use {one:,} MiB", remedy)
    if free < all_at_once:
        most = f"{counted(workers, 'validation')} at once and the kept answers may use {all_at_once:,} MiB"
        return warning("disk", f"{seen}; {most}", remedy)
    return ok("disk", f"{seen}, of {all_at_once:,} MiB that may be used")


def _inodes(free: int | None, workers: int) -> Finding:
    if free is None:
        return ok("inodes", "this file system does not limit the number of files")
    if free < _FILES_OF_A_JOB * workers:
        most = f"{counted(workers, 'validation')} may make {_FILES_OF_A_JOB * workers:,}"
        return warning("inodes", f"{free:,} files can be made; {most}", "remove files there, or use another disk")
    return ok("inodes", f"{free:,} files can be made")


def of_memory(free: int | None, config: Config, workers: int) -> Finding:
    """Return whether the memory is enough for one validation, and for all at once at their limits."""
    one = _largest(config, "memory_mb")
    if free is None:
        return warning("memory", "this kernel does not say how much is available", "see that a sandbox gets its share")
    remedy = "add memory, or lower `validation.workers` or `validation.*.memory_mb`"
    if free < one:
        return warning("memory", f"{free:,} MiB are available; one validation may use {one:,} MiB", remedy)
    if free < one * workers:
        most = f"{counted(workers, 'validation')} at once may use {one * workers:,} MiB"
        return warning("memory", f"{free:,} MiB are available; {most}", remedy)
    return ok("memory", f"{free:,} MiB are available, of {one * workers:,} MiB that may be used")


def _open_files(most: int) -> Finding:
    if most != resource.RLIM_INFINITY and most < _OPEN_FILES:
        remedy = "raise the hard limit (`ulimit -Hn`, limits.conf(5), LimitNOFILE= of systemd)"
        return failed("open files", f"this user may open {most:,}; a sandbox is given {_OPEN_FILES:,}", remedy)
    return ok("open files", "no limit" if most == resource.RLIM_INFINITY else f"{most:,} may be open")


def _output(encoding: str) -> Finding:
    if encoding.lower().replace("-", "") != "utf8":
        seen = f"it is written as {encoding or 'an unknown encoding'}: other signs become question marks"
        return warning("output", seen, "set LC_ALL=C.UTF-8")
    return ok("output", "UTF-8")
