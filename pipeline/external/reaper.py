"""The process between the pipeline and a program of the user's: it outlives the program until nothing of it is left.

Started as `python -I -S reaper.py OUT ERR PROGRAM ARGUMENT...`, in a session of its own. The program's output goes to
the two descriptors. What came of it is written to the standard output, a word and a number on each line:

    error 2     it could not be started (the operating system's number)
    exit 3      it ended with this exit code; `signal 9`: a signal ended it
    left 0      so many of its processes could not be ended

A process group does not hold what starts a session of its own. So this process asks the kernel to be given every
orphan below it (`PR_SET_CHILD_SUBREAPER`), and ends children until it has none. It does so when the program has ended,
and when the standard input is closed, whose other end only the pipeline has: at the timeout, or when the pipeline dies.
"""

# `pathlib` and `signal` take longer to import than all of this takes to run.
# ruff: noqa: PTH123, PTH208

import contextlib
import ctypes
import os
import select
import sys
import time

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_SIGKILL, _SIGPIPE, _SIGXFSZ = 9, 13, 25
# How long the kernel may take to end killed processes: it first frees their memory.
_END_SECONDS = 10.0
_LOOK_SECONDS = 0.005


def main(output: int, errors: int, argv: list[str]) -> None:
    """Run the program to its end or to that of the standard input, and end what is left of it."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        _tell("error", ctypes.get_errno())
        return
    try:
        program = _start(output, errors, argv)
    except OSError as error:
        _tell("error", error.errno or 0)
        return
    os.close(output)
    os.close(errors)
    pidfd = os.pidfd_open(program)
    ready, _, _ = select.select([0, pidfd], [], [])
    if pidfd in ready:
        _, status = os.waitpid(program, 0)
        code = os.waitstatus_to_exitcode(status)
        _tell("signal" if code < 0 else "exit", abs(code))
    _tell("left", _end_children(time.monotonic() + _END_SECONDS))


def _start(output: int, errors: int, argv: list[str]) -> int:
    return os.posix_spawn(
        argv[0],
        argv,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, errors, 2),
            (os.POSIX_SPAWN_CLOSE, output),
            (os.POSIX_SPAWN_CLOSE, errors),
        ],
        # Python ignores these for itself, and what is ignored stays so in the program: tools rely on the defaults.
        setsigdef=[_SIGPIPE, _SIGXFSZ],
    )


def _end_children(deadline: float) -> int:
    """Kill and reap children until there are none, also those that become children meanwhile; return how many stay."""
    while True:
        for child in _children():
            with contextlib.suppress(OSError):  # it belongs to another user now
                os.kill(child, _SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return 0
        if time.monotonic() > deadline:
            return len(_children())
        time.sleep(_LOOK_SECONDS)


def _children() -> list[int]:
    """Return our children; /proc/self/task/*/children is not there in every kernel."""
    own = str(os.getpid())
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                # The second field is the program's name in parentheses and may hold anything; state and parent follow.
                parent = file.read().rpartition(b")")[2].split()[1]
        except OSError:
            continue  # ended since it was listed
        if parent.decode() == own:
            found.append(int(name))
    return found


def _tell(word: str, number: int) -> None:
    with contextlib.suppress(OSError):  # the pipeline is dead; what is left to do is to end the program
        os.write(1, f"{word} {number}\n".encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
