"""The first files of a recipe registry: what `doit init` writes. Pure."""

import msgspec

from pipeline.config import PublishMode
from pipeline.model import Queue

SETTINGS = """\
# What differs from recipeline's own settings, which hold for all else; its docs/configuration.md explains each key.
schema_version: 1

publish:
  mode: {mode}
"""
# Everything below it can be made again.
IGNORED = "build/"


def settings(mode: PublishMode) -> bytes:
    """Return a `pipeline.yaml` that says where batches go, and nothing else."""
    return SETTINGS.format(mode=mode.value).encode()


def empty_queue(at: str) -> bytes:
    """Return a queue without entries."""
    queue = Queue(schema_version=1, updated_at=at, entries=[])
    return msgspec.json.format(msgspec.json.encode(queue), indent=2) + b"\n"


def ignoring(known: bytes) -> bytes:
    """Return a `.gitignore` that leaves out what can be made again; what stands there stays."""
    lines = known.decode(errors="surrogateescape").splitlines()
    if any(line.strip().strip("/") == IGNORED.strip("/") for line in lines):
        return known
    end = b"" if not known or known.endswith(b"\n") else b"\n"
    return known + end + IGNORED.encode() + b"\n"
