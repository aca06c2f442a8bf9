"""The small process between the pipeline and bubblewrap: it gives up what bubblewrap must not have, and becomes it.

Started as `python -I -S launch.py DESCRIPTOR` with an empty environment; the descriptor holds the orders, so that
nothing of the host stands in a command line. It is a process of its own because a threaded program must run no Python
between fork and exec. It imports little, and nothing of the pipeline: it runs once for each phase, and each of `json`,
`pathlib` and `signal` would take longer to import than all that it does.

A root user's pipeline drops to `nobody`. That user cannot pass through folders such as a private home, so each source
is first bind-mounted into a folder in memory that only this process and its children see (their own mount namespace).

It does not ask to die with the pipeline. bubblewrap does so itself later; killed while it sets up, it would leave a
child that waits for it for ever. Left alone, both come to the gate (see `starting`), find nobody there, and end.
"""

# pathlib takes longer to import than all of this takes to run.
# ruff: noqa: PTH103, PTH112, PTH123

import ctypes
import marshal
import os
import resource
import sys

# From linux/mount.h, linux/sched.h and linux/prctl.h.
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
_CLONE_NEWNS = 0x20000
_PR_SET_NO_NEW_PRIVS = 38
_SIGPIPE, _SIGXFSZ = 13, 25

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    texts = (source.encode(), target.encode(), kind.encode() or None)
    _checked(_libc.mount(*texts, ctypes.c_ulong(flags), data.encode() or None), f"mount {source} on {target}")


def _stage(folder: str, binds: list[list[str]]) -> None:
    """Show each (source, place below `folder`) in a mount namespace of our own."""
    _checked(_libc.unshare(_CLONE_NEWNS), "unshare the mount namespace")
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", folder, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755,size=1m")
    for source, place in binds:
        target = f"{folder}/{place}"
        is_folder = os.path.isdir(source)
        os.makedirs(target if is_folder else target.rpartition("/")[0], exist_ok=True)
        if not is_folder:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT))
        _mount(source, target, "", _MS_BIND | _MS_REC)


def _become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def main(descriptor: int) -> None:
    """Carry out the orders and become bubblewrap."""
    with open(descriptor, "rb") as file:
        orders = marshal.load(file)  # noqa: S302  # written by the pipeline, same interpreter
    # Whatever that of the user is: `nobody` must pass through the folders made here, and tools rely on the usual one.
    os.umask(0o022)
    for group in orders["groups"]:
        with open(group, "w") as file:
            file.write("0")
    if orders["stage"]:
        _stage(orders["stage"], orders["binds"])
    for name, value in orders["limits"].items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bounded, bounded))
    if orders["user"]:
        _become(orders["user"])
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    # Python ignores these for itself, and what is ignored stays so through exec: tools rely on the defaults.
    for number in (_SIGPIPE, _SIGXFSZ):
        _libc.signal(number, None)
    os.chdir("/")
    os.execve(orders["program"], orders["argv"], {})  # noqa: S606  # becoming bubblewrap is the point


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except OSError as error:
        sys.stderr.write(f"launch: {error}\n")
        sys.exit(1)
