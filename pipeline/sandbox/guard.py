"""A process that outlives a killed pipeline for a moment, and ends the sandboxes that were just being set up.

bubblewrap's process 1 first waits for a word of its parent. It cannot ask to die with it before that, so when the
parent is killed in this moment (with the pipeline, whose death ends it) process 1 would wait for ever. Nothing else
is left to end it: so the pipeline holds one end of a pipe, and whoever reads the other end learns of its death.
"""

import atexit
import contextlib
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator


class Guard:
    """The pipeline's end of the pipe. It is closed when the pipeline ends, in whatever way."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            # Ctrl-C and what else is meant for the pipeline's group must not end it first.
            start_new_session=True,
        )

    @contextlib.contextmanager
    def over(self, group: int) -> Iterator[None]:
        """Have a process group killed should the pipeline end within this block."""
        self._tell(f"+{group}\n")
        try:
            yield
        finally:
            self._tell(f"-{group}\n")

    def close(self) -> None:
        """End it, as it ends by itself with the pipeline; nobody is left to collect it then."""
        self._process.communicate()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101  # it was asked for
        with contextlib.suppress(BrokenPipeError):  # somebody ended it; the sandbox is as safe as before
            os.write(self._process.stdin.fileno(), line.encode())  # short, so that threads do not mix theirs


@functools.cache
def guard_here() -> Guard:
    """Return the guard of this process, which ends with it."""
    guard = Guard()
    atexit.register(guard.close)
    return guard


def watch(lines: Iterable[str]) -> None:
    """Keep the groups of `+group` and `-group` until there are no more lines, then kill those that are left."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    watch(sys.stdin)
