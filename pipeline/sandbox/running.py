"""One phase as a running process tree: started, watched, ended, and proved to have ended.

bubblewrap tells the process that is number 1 in the sandbox's pid namespace before it lets it go on. A descriptor of
that process (`pidfd`) is both the way to end the tree and the proof that it has ended: the kernel ends process 1 of a
namespace only after all others in it.
"""

import contextlib
import os
import select
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable

import msgspec

from pipeline.decoding import decode_json
from pipeline.sandbox.output import HeadTail

_CHUNK = 65536
# How long the kernel may take to end a killed tree: it first frees the tree's memory.
_END_SECONDS = 10.0
Check = Callable[[int], str]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a tree ended. `exit_code` is the program's own as bubblewrap reports it; None when it was ended."""

    exit_code: int | None
    bwrap_status: int
    limit_hit: str
    started: bool
    all_gone: bool
    wall_s: float


class Pipes(msgspec.Struct, frozen=True, kw_only=True):
    """Our ends: the program's output, the file of bubblewrap's reports, and the gate before the program."""

    output: int
    status: int
    gate: socket.socket


class Supervisor:
    """Follows one started bubblewrap until nothing of it is left."""

    def __init__(self, process: subprocess.Popen[bytes], pipes: Pipes, kept: HeadTail) -> None:
        self._process = process
        self._pipes = pipes
        self._kept = kept
        self._init_fd: int | None = None
        self._init_pid = 0
        self._selector = selectors.DefaultSelector()

    def follow(self, *, timeout: float, check: Check, interval: Callable[[], float]) -> Ended:
        """Wait for the end, the timeout, or until `check(pid of process 1)` names a limit; then end what is left."""
        began = time.monotonic()
        bwrap_fd = -1
        try:
            bwrap_fd = os.pidfd_open(self._process.pid)
            os.set_blocking(self._pipes.output, False)
            for fd in (self._pipes.output, self._pipes.gate.fileno(), bwrap_fd):
                self._selector.register(fd, selectors.EVENT_READ)
            limit_hit = self._watch(bwrap_fd, began + timeout, check, interval)
        finally:
            all_gone = self._end()
            self._selector.close()
            if bwrap_fd >= 0:
                os.close(bwrap_fd)
        wall = time.monotonic() - began
        self._drain()
        return Ended(
            exit_code=None if limit_hit else self._reported("exit-code"),
            bwrap_status=self._process.returncode,
            limit_hit=limit_hit,
            started=self._init_pid != 0,
            all_gone=all_gone,
            wall_s=wall,
        )

    def _watch(self, bwrap_fd: int, deadline: float, check: Check, interval: Callable[[], float]) -> str:
        next_check = time.monotonic() + interval()
        while True:
            now = time.monotonic()
            if now >= deadline:
                return "timeout"
            if now >= next_check:
                found = check(self._init_pid) if self._init_pid else ""
                if found:
                    return found
                next_check = time.monotonic() + interval()
            ready = {key.fd for key, _ in self._selector.select(min(deadline, next_check) - now)}
            for fd in ready - {bwrap_fd}:
                self._take(fd)
            if bwrap_fd in ready:
                return ""

    def _take(self, fd: int) -> None:
        if fd == self._pipes.output:
            chunk = os.read(fd, _CHUNK)
            if chunk:
                self._kept.add(chunk)
            else:
                self._selector.unregister(fd)
            return
        # "ready", or the end of the gate: it is opened once, or there is nobody behind it.
        self._selector.unregister(fd)
        if self._pipes.gate.recv(_CHUNK):
            self._open_gate()

    def _open_gate(self) -> None:
        """Take hold of process 1, which waits, and let it go on."""
        pid = self._reported("child-pid")
        if pid is None:
            return
        try:
            self._init_fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return  # killed for memory at the gate; bubblewrap's end is seen next
        self._init_pid = pid
        with contextlib.suppress(BrokenPipeError):
            self._pipes.gate.sendall(b"go\n")

    def _reported(self, key: str) -> int | None:
        """Return a number out of bubblewrap's reports, one JSON object in each complete line."""
        reports = os.pread(self._pipes.status, _CHUNK, 0)
        values = (decode_json(line, dict[str, object]).get(key) for line in reports.split(b"\n")[:-1] if line)
        return next((value for value in values if isinstance(value, int)), None)

    def _end(self) -> bool:
        """Kill whatever is left; return whether the kernel confirms that nothing is."""
        if self._init_fd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init_fd, signal.SIGKILL)
        # The whole group: bubblewrap's child is not yet process 1 of anything while it is being set up.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._init_fd is None:
            return True
        ended = select.poll()
        ended.register(self._init_fd, select.POLLIN)
        gone = bool(ended.poll(_END_SECONDS * 1000))
        # Where we are process 1 ourselves (a container), nobody else would take it off the list of processes.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self._init_fd, os.WEXITED | os.WNOHANG)
        os.close(self._init_fd)
        return gone

    def _drain(self) -> None:
        """Read what the pipe still holds; its writers are gone, so this ends."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._pipes.output, _CHUNK):
                self._kept.add(chunk)
