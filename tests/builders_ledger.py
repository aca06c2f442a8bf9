"""Small valid lines of the ledger for tests; each keyword overrides one field."""

from typing import Any

from pipeline.model import BatchState, InputFingerprints, LedgerEntry, LedgerFile

FILES = [
    LedgerFile(source="npm:a", path="recipes/a/a.toml", sha256="a" * 64),
    LedgerFile(source="pypi:b", path="recipes/b/b.toml", sha256="b" * 64, previous_sha256="0" * 64),
]


def ledger_entry(**fields: Any) -> LedgerEntry:
    """Return the first line of a batch of two recipes."""
    given: dict[str, Any] = {
        "batch_id": "2026-03-02-mixed-001",
        "state": BatchState.BUILT,
        "created_at": "2026-03-02T12:00:00Z",
        "published_at": "2026-03-02T13:00:00Z",
        "at": "2026-03-02T13:00:00Z",
        "inputs": InputFingerprints(queue="0" * 64, control="1" * 64, config="2" * 64),
        "branch": "batch/2026-03-02-mixed-001",
        "files": FILES,
        "excluded": [],
    }
    return LedgerEntry(**{**given, **fields})
