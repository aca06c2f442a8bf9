"""Roots of their own for benchmarks that run `doit` as a user does: in a process of its own, below PIPELINE_ROOT."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipeline.config import to_config
from pipeline.model import EntryStatus, Queue, QueueEntry
from pipeline.store import SHIPPED, encode, read, read_yaml, write_bytes


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """One process that ran to its end: its times in seconds and its largest memory in MiB, children included."""

    wall: float
    cpu: float
    peak_mib: float
    output: str


def shipped_queue() -> Queue:
    """Return the queue that comes with the project."""
    config = to_config(read_yaml(SHIPPED / "pipeline.yaml"))
    return read(SHIPPED / config.queue, Queue, purpose="queue")


def make_root(root: Path, entries: Sequence[QueueEntry]) -> None:
    """Write a queue of these entries, all of them pending, where the shipped configuration looks for it."""
    pending = [msgspec.structs.replace(entry, status=EntryStatus.PENDING) for entry in entries]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    queue = Queue(schema_version=1, updated_at=now, entries=pending)
    config = to_config(read_yaml(SHIPPED / "pipeline.yaml"))
    write_bytes(root / config.queue, encode(queue))


def doit(root: Path, *arguments: str) -> Finished:
    """Run doit below a root; raises `CalledProcessError` with its output when it fails."""
    return run([sys.executable, "-m", "doit", *arguments], {"PIPELINE_ROOT": str(root)})


def run(command: Sequence[str], environment: dict[str, str]) -> Finished:
    """Run a program in the project's folder; compiled modules are kept and used, as on an ordinary machine."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=SHIPPED,
        env=inherited | {"PYTHONPATH": str(SHIPPED)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        output = process.stdout.read() if process.stdout else ""
        # Only `wait4` tells what this one process used.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, list(command), output=output)
    return Finished(
        wall=wall,
        cpu=used.ru_utime + used.ru_stime,
        peak_mib=used.ru_maxrss / 1024,  # Linux counts KiB
        output=output,
    )
