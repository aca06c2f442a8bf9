"""The queue on disk: changed entry by entry, as it stands when the change is made, in the style that people know."""

from collections.abc import Callable
from typing import Any

import msgspec

from pipeline.config import Config
from pipeline.decoding import decode_json
from pipeline.model import Queue, QueueEntry
from pipeline.settings import load_queue
from pipeline.store import Paths, read_bytes, write_bytes

# True of few entries, or written by the pipeline: in a long queue, lines that say nothing hide those that do.
SELDOM_WRITTEN = frozenset({"heavy", "blocked_by", "added_at", "rank", "repository", "alternatives"})


def change(paths: Paths, config: Config, wanted: Callable[[Queue], Queue]) -> Queue:
    """Change the queue's entries and return what the file says then; nothing is written when nothing changes.

    What somebody has edited meanwhile stays: only the keys that `wanted` changes are written, to the entry at their
    place, and `updated_at`. Whoever calls this holds the root's lock. Raises `BadInput` or another `PipelineError` when
    the queue cannot be used, `ValueError` when `wanted` adds, removes or moves an entry.
    """
    known, _ = load_queue(paths, config)
    changed = wanted(known)
    if len(changed.entries) != len(known.entries):
        raise ValueError("a change of the queue may not add, remove or move entries")
    _write(paths, config, known, changed)
    return changed


def extend(paths: Paths, config: Config, wanted: Callable[[Queue], Queue]) -> Queue:
    """Change the queue's entries as `change` does, where `wanted` may also add some at the end."""
    known, _ = load_queue(paths, config)
    changed = wanted(known)
    _write(paths, config, known, changed)
    return changed


def _write(paths: Paths, config: Config, known: Queue, changed: Queue) -> None:
    if changed == known:
        return
    kept = changed.entries[: len(known.entries)]
    if [entry.source for entry in kept] != [entry.source for entry in known.entries]:
        raise ValueError("a change of the queue may not remove or move entries")
    path = (paths.root / config.queue).resolve()
    raw = decode_json(read_bytes(path, purpose="queue"), dict[str, Any])
    raw["updated_at"] = changed.updated_at
    for index, (before, after) in enumerate(zip(known.entries, kept, strict=True)):
        if before != after:
            raw["entries"][index] = _laid_over(raw["entries"][index], before, after)
    raw["entries"] += [_new(entry) for entry in changed.entries[len(kept) :]]
    write_bytes(path, msgspec.json.format(msgspec.json.encode(raw), indent=2) + b"\n")


def _new(entry: QueueEntry) -> dict[str, Any]:
    """Return a new entry's JSON, in the style of those that people write."""
    return {key: value for key, value in msgspec.to_builtins(entry).items() if value or key not in SELDOM_WRITTEN}


def _laid_over(raw: dict[str, Any], before: QueueEntry, after: QueueEntry) -> dict[str, Any]:
    """Return an entry's JSON with the fields that differ, its keys in the order of the record."""
    old, new = (msgspec.to_builtins(entry) for entry in (before, after))
    written = {**raw, **{key: value for key, value in new.items() if old[key] != value}}
    return {key: written[key] for key in QueueEntry.__struct_fields__ if key in written}
