"""The queue on disk: changed entry by entry, as it stands when the change is made, in the style that people know."""

from collections.abc import Callable
from typing import Any

import msgspec

from pipeline.config import Config
from pipeline.decoding import decode_json
from pipeline.model import Queue, QueueEntry
from pipeline.settings import load_queue
from pipeline.store import Paths, read_bytes, write_bytes


def change(paths: Paths, config: Config, wanted: Callable[[Queue], Queue]) -> Queue:
    """Change the queue's entries and return what the file says then; nothing is written when nothing changes.

    What somebody has edited meanwhile stays: only the keys that `wanted` changes are written, to the entry at their
    place, and `updated_at`. Whoever calls this holds the root's lock. Raises `BadInput` or another `PipelineError` when
    the queue cannot be used, `ValueError` when `wanted` adds, removes or moves an entry.
    """
    known, _ = load_queue(paths, config)
    changed = wanted(known)
    if changed == known:
        return known
    if [entry.source for entry in changed.entries] != [entry.source for entry in known.entries]:
        raise ValueError("a change of the queue may not add, remove or move entries")
    path = (paths.root / config.queue).resolve()
    raw = decode_json(read_bytes(path, purpose="queue"), dict[str, Any])
    raw["updated_at"] = changed.updated_at
    for index, (before, after) in enumerate(zip(known.entries, changed.entries, strict=True)):
        if before != after:
            raw["entries"][index] = _laid_over(raw["entries"][index], before, after)
    write_bytes(path, msgspec.json.format(msgspec.json.encode(raw), indent=2) + b"\n")
    return changed


def _laid_over(raw: dict[str, Any], before: QueueEntry, after: QueueEntry) -> dict[str, Any]:
    """Return an entry's JSON with the fields that differ, its keys in the order of the record."""
    old, new = (msgspec.to_builtins(entry) for entry in (before, after))
    written = {**raw, **{key: value for key, value in new.items() if old[key] != value}}
    return {key: written[key] for key in QueueEntry.__struct_fields__ if key in written}
