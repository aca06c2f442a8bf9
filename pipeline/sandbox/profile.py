"""From a phase to bubblewrap's arguments. Pure: the same phase on the same host gives the same arguments."""

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from pipeline.sandbox.base import Mount, Phase
from pipeline.sandbox.host import HostView

# Who the phase is inside; outside it is whoever runs the pipeline, or `nobody` when that is root.
USER_ID = 1000
HOME = "/home/sandbox"
# What Docker gives: for POSIX semaphores and shared memory, which Python's multiprocessing and Chromium need.
_SHARED_MEMORY_MB = 64
_MIB = 1024 * 1024

_BASE_ENVIRONMENT = {
    "HOME": HOME,
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TERM": "dumb",
    "TMPDIR": "/tmp",  # noqa: S108  # the sandbox's own, made for this phase
    "USER": "sandbox",
}
# The files of /etc that the sandbox makes itself, so that nothing of the host's accounts or names is seen.
ETC_FILES: Mapping[str, bytes] = {
    "/etc/passwd": f"sandbox:x:{USER_ID}:{USER_ID}::{HOME}:/bin/sh\n".encode(),
    "/etc/group": f"sandbox:x:{USER_ID}:\n".encode(),
}
_OFFLINE_ETC_FILES: Mapping[str, bytes] = {
    "/etc/hosts": b"127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
}
# Where bubblewrap itself mounts, or where a mount would hide what the profile protects.
_RESERVED = ("/", "/proc", "/dev", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", HOME, "/home", "/tmp")  # noqa: S108


class Descriptors(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of the open files that bubblewrap is given."""

    status: int
    seccomp: int
    etc: Mapping[str, int]


def etc_files(phase: Phase) -> Mapping[str, bytes]:
    """Return the contents of the made files of /etc, by place."""
    return ETC_FILES if phase.network else {**ETC_FILES, **_OFFLINE_ETC_FILES}


def all_mounts(phase: Phase, host: HostView) -> tuple[Mount, ...]:
    """Return every mount of a phase: the host's, the network's, its own."""
    return (*_shared_mounts(phase, host), *phase.mounts)


def check(phase: Phase) -> None:
    """Raise `ValueError` for a phase that the profile cannot make safe."""
    places = [mount.inside for mount in phase.mounts] + [tmpfs.inside for tmpfs in phase.tmpfs]
    for place in places:
        if PurePosixPath(place).as_posix() != place or not place.startswith("/") or ".." in place.split("/"):
            raise ValueError(f"phase {phase.name}: {place!r} is not an absolute, plain path")
        if place in _RESERVED or place.startswith(("/proc/", "/dev/")):
            raise ValueError(f"phase {phase.name}: {place} belongs to the sandbox itself")
    if len(set(places)) != len(places):
        raise ValueError(f"phase {phase.name}: two mounts at one place")
    for mount in phase.mounts:
        if mount.cache and mount.writable and not phase.network:
            raise ValueError(f"phase {phase.name} runs package code: the cache at {mount.inside} must not be writable")
        if mount.writable and mount.inside.startswith(("/usr/", "/etc/", "/bin/", "/lib")):
            raise ValueError(f"phase {phase.name}: {mount.inside} is the system's, it must not be writable")
    if not phase.argv or any("\0" in text for text in (*phase.argv, *phase.environment, *phase.environment.values())):
        raise ValueError(f"phase {phase.name}: a command, and no NUL bytes, are needed")


def environment(phase: Phase, host: HostView) -> dict[str, str]:
    """Return all variables that the phase sees; its own win."""
    network = host.network_environment if phase.network else {}
    return {**_BASE_ENVIRONMENT, **network, **phase.environment}


def arguments(
    phase: Phase, host: HostView, *, source: Callable[[Path], str], descriptors: Descriptors
) -> tuple[str, ...]:
    """Return bubblewrap's options; `source` says where bubblewrap finds a host path.

    Raises `ValueError` for a phase that must not be: it is a bug of the caller.
    """
    check(phase)
    return (
        *_isolation(phase, descriptors),
        *_system(phase, host, source, descriptors),
        *_own(phase, source),
        # A tmpfs of bubblewrap's own is writable and as large as half the memory. These come last: mount points
        # are made in them until here.
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", HOME),
        *(text for name, value in environment(phase, host).items() for text in ("--setenv", name, value)),
    )


def _isolation(phase: Phase, descriptors: Descriptors) -> tuple[str, ...]:
    return (
        *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"),
        *(("--share-net",) if phase.network else ()),
        *("--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox"),
        *("--uid", str(USER_ID), "--gid", str(USER_ID)),
        *("--seccomp", str(descriptors.seccomp)),
        *("--json-status-fd", str(descriptors.status)),
    )


def _system(phase: Phase, host: HostView, source: Callable[[Path], str], descriptors: Descriptors) -> tuple[str, ...]:
    tmp_mb = max(phase.limits.disk_mb // 2, 1)
    return (
        *(text for place, target in host.links for text in ("--symlink", target, place)),
        *(text for mount in _shared_mounts(phase, host) for text in _mount(mount, source)),
        *(text for place, fd in descriptors.etc.items() for text in ("--ro-bind-data", str(fd), place)),
        *("--proc", "/proc", "--dev", "/dev"),
        *_tmpfs("/dev/shm", _SHARED_MEMORY_MB),  # noqa: S108  # the sandbox's own
        # The temporary files and the home share what the phase may write.
        *_tmpfs("/tmp", tmp_mb),  # noqa: S108  # the sandbox's own
        *_tmpfs(HOME, tmp_mb),
    )


def _own(phase: Phase, source: Callable[[Path], str]) -> tuple[str, ...]:
    """Return the phase's own mounts, outer ones first, so that none hides another."""
    by_place = {mount.inside: _mount(mount, source) for mount in phase.mounts}
    by_place |= {tmpfs.inside: _tmpfs(tmpfs.inside, tmpfs.size_mb) for tmpfs in phase.tmpfs}
    return tuple(text for place in sorted(by_place) for text in by_place[place])


def _shared_mounts(phase: Phase, host: HostView) -> tuple[Mount, ...]:
    return (*host.mounts, *(host.network_mounts if phase.network else ()))


def _mount(mount: Mount, source: Callable[[Path], str]) -> tuple[str, ...]:
    return ("--bind" if mount.writable else "--ro-bind", source(mount.host), mount.inside)


def _tmpfs(inside: str, size_mb: int) -> tuple[str, ...]:
    return ("--perms", "0700", "--size", str(size_mb * _MIB), "--tmpfs", inside)
