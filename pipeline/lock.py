"""One run at a time on one root, and the traces that a killed run leaves, removed before the next begins."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec
from filelock import FileLock, Timeout

from pipeline.errors import AlreadyRunning, PipelineError
from pipeline.instants import timestamp
from pipeline.store import Paths, read_result, remove_staging, write_bytes


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who works on a root: the process, and since when (RFC 3339)."""

    pid: int
    since: str


@contextmanager
def alone(paths: Paths, now: datetime) -> Iterator[None]:
    """Work on a root while nobody else does; raises `AlreadyRunning` at once when somebody does.

    The kernel lets go of the lock when its holder ends, however it ends. The holder's note is another file, as
    whoever finds the lock taken must be able to read it; one that is still there tells that its writer was killed.
    """
    lock = FileLock(paths.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise _taken(paths) from None
    try:
        if paths.lock_holder.exists():
            _tidy(paths)
        write_bytes(paths.lock_holder, msgspec.json.encode(Holder(pid=os.getpid(), since=timestamp(now))))
        try:
            yield
        except PipelineError:
            paths.lock_holder.unlink(missing_ok=True)  # who refuses what was asked leaves nothing behind
            raise
        paths.lock_holder.unlink(missing_ok=True)
    finally:
        lock.release()


def _taken(paths: Paths) -> AlreadyRunning:
    holder = read_result(paths.lock_holder, Holder)
    who = f"process {holder.pid}, since {holder.since}" if holder else "it has just begun"
    return AlreadyRunning(
        f"another run works on {paths.root} ({who})", remedy="wait for its end, or set PIPELINE_ROOT to another folder"
    )


def _tidy(paths: Paths) -> None:
    """Remove half-written files and the folders of jobs: nobody else works here, so they are nobody's."""
    remove_staging(paths)
    for folder in paths.sandbox.glob("job-*"):
        shutil.rmtree(folder, ignore_errors=True)
