"""Two copies of the state made one: what was written here, and what others have saved meanwhile. Pure.

`before` is what both began with, None where that is not known. Joining what is joined already changes nothing.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from pipeline.decoding import decode_json, decoder
from pipeline.errors import PipelineError
from pipeline.instants import known_instant, timestamp
from pipeline.model import BatchState, Excluded, LedgerEntry, LedgerFile, PayloadFile, QueueEntry, Stage

Json = dict[str, Any]

# Keys that say one thing together: those of one side are taken, never some of each.
_DECISIONS = (
    ("status", "failure_count", "next_retry_at", "blocked_by"),
    ("confidence", "disambiguated_at", "alternatives"),
)
_STOP = ("enabled", "reason", "incident_url", "disabled_by", "disabled_at", "expected_resume")
_MACHINE = ("circuit_breaker", "budget")
# How far a batch has come; lines of one second stand in this order.
_PROGRESS = {state: number for number, state in enumerate(BatchState)}
_PUBLICATION = frozenset({BatchState.BUILT, BatchState.PUBLISHED})


class _Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of any line, of the journal as of the numbers."""

    at: str = ""
    batch_id: str | None = None
    stage: str = ""


def joined_lines(ours: bytes, theirs: bytes, published: Collection[str] = ()) -> bytes:
    """Return the lines of both, each once, by time; what stands in one alone stays byte for byte.

    Of the batches that others have `published`, our own conclusions and numbers are left out: they are another copy.
    """
    there = _lines(theirs)
    known = set(there)
    glance = decoder(_Glance)
    fresh = (line for line in dict.fromkeys(_lines(ours)) if line not in known)
    new = [line for line in fresh if not (published and _is_copy(_seen(glance, line), published))]
    if not new:
        return theirs
    if known.issubset(kept := _lines(ours)) and len(kept) == len(known) + len(new):
        return ours
    return _text(_by_time([*there, *new], [_seen(glance, line).at for line in [*there, *new]]))


def joined_ledger(ours: bytes, theirs: bytes) -> tuple[bytes, frozenset[str]]:
    """Return the lines of both ledgers, and the batches that are published there and need no publication of ours.

    Raises `PipelineError` when one id stands for two batches with other recipes.
    """
    reader = decoder(LedgerEntry)
    mine = [(line, _entry(reader, line)) for line in dict.fromkeys(_lines(ours))]
    others = [(line, _entry(reader, line)) for line in _lines(theirs)]
    known = {entry.batch_id: entry for _, entry in others if entry is not None}
    published = {batch_id for batch_id, entry in known.items() if entry.state is not BatchState.BUILT}
    there = {line for line, _ in others}
    events = {_event(entry) for _, entry in others if entry is not None}
    new: list[tuple[bytes, LedgerEntry | None]] = []
    for line, entry in mine:
        if line in there:
            continue
        if entry is not None and entry.batch_id in known:
            refuse_other(known[entry.batch_id], files=entry.files, excluded=entry.excluded)
            if entry.batch_id in published and (entry.state in _PUBLICATION or _event(entry) in events):
                continue
        new.append((line, entry))
    if not new:
        return theirs, frozenset(published)
    whole = [*others, *new]
    times = [f"{_utc(entry.at)} {_PROGRESS[entry.state]}" if entry else "" for _, entry in whole]
    return _text(_by_time([line for line, _ in whole], times)), frozenset(published)


def newest(ledger: bytes) -> list[LedgerEntry]:
    """Return what stands last of each batch."""
    reader = decoder(LedgerEntry)
    found = (_entry(reader, line) for line in _lines(ledger))
    return list({entry.batch_id: entry for entry in found if entry is not None}.values())


def refuse_other(
    known: LedgerEntry, *, files: Iterable[LedgerFile | PayloadFile], excluded: Iterable[Excluded]
) -> None:
    """Raise `PipelineError` when a batch of the same id holds other recipes, or has left out other packages."""
    if _content(known.files, known.excluded) != _content(files, excluded):
        raise PipelineError(
            f"the batch {known.batch_id} was made twice, with other recipes: one is {known.state} since {known.at}",
            remedy="remove build/batch.json and run `doit` again: these packages then come with an id of their own",
        )


def _content(
    files: Iterable[LedgerFile | PayloadFile], excluded: Iterable[Excluded]
) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
    return frozenset((file.path, file.sha256) for file in files), frozenset(each.source for each in excluded)


def joined_queue(before: bytes | None, ours: bytes, theirs: bytes, *, ours_count: bool) -> bytes:
    """Return one queue: entry by entry, what was changed on one side; where both did, `ours_count` decides.

    Entries that were added on one side are there, those that were removed on one side are not. The order is that of the
    side that counts, with what the other has added at the end.
    """
    first, second = (ours, theirs) if ours_count else (theirs, ours)
    if first == second or second == before:
        return first
    if first == before:
        return second
    known, counts, other = (_queue(each) for each in (before or b"{}", first, second))
    old, new, added = (_by_source(each["entries"]) for each in (known, counts, other))
    sources = [*new, *(source for source in added if source not in new)]
    gone = {source for source in old if source not in new or source not in added}
    entries: list[Json] = []
    for source in sources:
        if source not in gone:
            entries += _joined_entries(*(each.get(source, []) for each in (old, new, added)))
    if entries == counts["entries"]:
        return first
    updated = max(counts["updated_at"], other["updated_at"], key=_utc)
    return _written({**counts, "updated_at": updated, "entries": entries})


def joined_control(before: bytes | None, ours: bytes, theirs: bytes, *, edits_only: bool = False) -> bytes:
    """Return one control file. Where both have changed a switch, ours counts; breakers and budget are theirs then.

    With `edits_only`, ours is what people have committed to the base branch: breakers and budget are not read there.
    """
    if ours in {theirs, before}:
        return theirs
    old, mine, other = (_control(each) for each in (before or b"{}", ours, theirs))
    merged: Json = {}
    for keys in [_STOP, *((key,) for key in dict.fromkeys([*other, *mine]) if key not in {*_STOP, *_MACHINE})]:
        merged |= _chosen(keys, old, mine, other)
    if edits_only:
        merged |= {key: other[key] for key in _MACHINE if key in other}
    else:
        breakers = _breakers(*(each.get("circuit_breaker", {}) for each in (old, mine, other)))
        merged |= {"circuit_breaker": breakers} if breakers else {}
        merged |= _chosen(("budget",), old, other, mine)
    order = [*other, *(key for key in mine if key not in other)]
    found = {key: merged[key] for key in order if key in merged}
    return theirs if found == other else (json.dumps(found, indent=2, ensure_ascii=False) + "\n").encode()


# ------------------------------------------------------------------------------------ inside


def _breakers(old: Json, mine: Json, other: Json) -> Json:
    found: Json = {}
    for name in dict.fromkeys([*other, *mine]):
        found |= _chosen((name,), old, other, mine)
    return found


def _chosen(keys: Iterable[str], old: Mapping[str, Any], counts: Mapping[str, Any], other: Mapping[str, Any]) -> Json:
    """Return some keys that belong together, all of one side: the one that has changed them, else what counts."""
    was, first, second = ({key: each[key] for key in keys if key in each} for each in (old, counts, other))
    return second if first == was else first


def _joined_entries(old: list[Json], counts: list[Json], other: list[Json]) -> list[Json]:
    """Return the entries of one source: the first, which is worked on, and its repetitions as they are."""
    if not counts or not other:
        return counts or other
    repeated = counts[1:] if other[1:] == old[1:] or counts[1:] != old[1:] else other[1:]
    return [_joined_entry(old[0] if old else {}, counts[0], other[0]), *repeated]


def _joined_entry(old: Json, counts: Json, other: Json) -> Json:
    merged: Json = {}
    together = {key for keys in _DECISIONS for key in keys}
    for keys in [*_DECISIONS, *((key,) for key in QueueEntry.__struct_fields__ if key not in together)]:
        merged |= _chosen(keys, old, counts, other)
    return {key: merged[key] for key in QueueEntry.__struct_fields__ if key in merged}


def _by_source(entries: Iterable[Json]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for entry in entries:
        found.setdefault(entry["source"], []).append(entry)
    return found


def _queue(content: bytes) -> Json:
    found = decode_json(content, Json)
    return {**found, "entries": found.get("entries", [])}


def _control(content: bytes) -> Json:
    return decode_json(content, Json)


def _written(raw: Json) -> bytes:
    return msgspec.json.format(msgspec.json.encode(raw), indent=2) + b"\n"


def _lines(content: bytes) -> list[bytes]:
    return [line for line in content.split(b"\n") if line and not line.isspace()]


def _text(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _seen(reader: Any, line: bytes) -> _Glance:  # noqa: ANN401  # a decoder of glances
    try:
        found: _Glance = reader.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Glance()
    return found


def _entry(reader: Any, line: bytes) -> LedgerEntry | None:  # noqa: ANN401  # a decoder of entries
    try:
        found: LedgerEntry = reader.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found


def _event(entry: LedgerEntry) -> bytes:
    """Return a line without its times: two machines that saw one thing wrote the same of it."""
    return msgspec.json.encode(msgspec.structs.replace(entry, at="", published_at="", created_at=""))


def _is_copy(seen: _Glance, published: Collection[str]) -> bool:
    return seen.batch_id in published and seen.stage in {"", Stage.PAYLOAD}


def _by_time(lines: list[bytes], times: list[str]) -> list[bytes]:
    """Return lines by their times; one without keeps its place behind the line before it."""
    keys: list[str] = []
    for at in times:
        keys.append(_utc(at) if at else (keys[-1] if keys else ""))
    return [line for _, line in sorted(zip(keys, lines, strict=True), key=lambda pair: pair[0])]


def _utc(at: str) -> str:
    moment, _, rest = at.partition(" ")
    known = known_instant(moment)
    return f"{timestamp(known) if known else ''} {rest}"
