"""Small valid records for tests; each keyword overrides one field."""

from datetime import UTC, datetime
from typing import Any

import yaml

from pipeline.config import Config, deep_merge, to_config
from pipeline.model import EntryStatus, Queue, QueueEntry
from pipeline.store import SHIPPED

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def entry(source: str, **fields: Any) -> QueueEntry:
    """Return a pending queue entry."""
    given = {"name": source.partition(":")[2].rpartition("/")[2], "priority": 2, "status": EntryStatus.PENDING}
    return QueueEntry(**{"source": source, "confidence": "curated", **given, **fields})


def queue(*entries: QueueEntry) -> Queue:
    """Return a queue of some entries."""
    return Queue(schema_version=1, updated_at="2026-03-01T00:00:00Z", entries=list(entries))


def config(**over: Any) -> Config:
    """Return the shipped configuration with some keys laid over it."""
    shipped = yaml.safe_load((SHIPPED / "pipeline.yaml").read_text())
    return to_config(deep_merge(shipped, over))
