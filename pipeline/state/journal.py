"""The journal, `data/journal/YYYY-MM.jsonl`: appended to, read, and folded with the help of an index.

The index is a cache: what the lines up to some place of each month's file come to. Lines that were appended since are
folded in; when it does not fit the files any more (another branch, another revision of this code), it is made again.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from pathlib import Path

import msgspec

from pipeline.decoding import decoder
from pipeline.digests import digest_of, sha256
from pipeline.history import fold, memory
from pipeline.history.fold import DETAILS, History
from pipeline.history.memory import Identity, Memory, goes_on, identity, in_order, in_utc, remember
from pipeline.instants import timestamp
from pipeline.model import Attempt
from pipeline.model import journal as model
from pipeline.state.jsonl import append_lines, decode_line
from pipeline.store import Paths, is_there, read_bytes, read_result, stamp, write_bytes

# Bytes at the end of a folded part that must be the same for the part to be the same: over 200 lines.
PROOF = 64 * 1024
# A line that is further ahead of the clock was written by a clock that was wrong: it counts when its time has come.
AHEAD = timedelta(days=1)
_ALWAYS = "9999-12-31T23:59:59Z"
_MONTH = re.compile(r"\d{4}-\d{2}\.jsonl")
_DECODER = decoder(Attempt)
# How this project writes what tells that a line need not be decoded; one that is written otherwise is.
_GENERATE, _VALIDATE = (f'"stage":"{stage}"'.encode() for stage in sorted(DETAILS))
_AT = b'"at":"'
_AT_LAST = len('2026-03-02T12:00:00Z"}')


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """How far a month's file is folded: bytes, the digest of their end, and size and time of the file by then."""

    size: int
    proof: str
    stamp: list[int] | None


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal's files come to. `damaged` counts lines that could not be read.

    `newest` is the time of the newest line, `ahead` that of the first one that is left out as it lies in the future.
    """

    code: str
    months: dict[str, Month] = {}
    memory: Memory = Memory()
    damaged: int = 0
    newest: str = ""
    ahead: str | None = None


def append(paths: Paths, attempts: Iterable[Attempt]) -> int:
    """Append lines, each to the file of its month, and return how many were new: repeating it does no harm."""
    months: dict[Path, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        months[_file(paths, attempt.at)].append(attempt)
    new = 0
    for path, asked in sorted(months.items()):
        content = _content(path)
        needles = {attempt.batch_id or attempt.source for attempt in asked}
        known = {identity(line) for needle in needles for line in _lines_with(content, needle)}
        fresh: dict[Identity, Attempt] = {}
        for attempt in asked:
            if identity(attempt) not in known:
                fresh.setdefault(identity(attempt), attempt)
        append_lines(path, fresh.values())
        new += len(fresh)
    return new


def history(paths: Paths, now: datetime | None = None) -> History:
    """Return what is known of each package; see `load`."""
    return load(paths, now).memory.packages


def load(paths: Paths, now: datetime | None = None, known: Folded | None = None) -> Folded:
    """Return the folded journal, and keep it as the index for the next time.

    `known` is what an earlier call of this process returned, if it keeps that. Without `now`, lines of the future
    count, too.
    """
    files = _files(paths)
    if not files:
        return Folded(code=_code())
    until = timestamp(now + AHEAD) if now is not None else _ALWAYS
    before = known or read_result(paths.journal_index, Folded)
    try:
        folded = _more(_fitting(before, files, until), files, until)
    except _Unfit:
        folded = _more(Folded(code=_code()), files, until)
    if folded is not before:
        with suppress(OSError):  # a cache that cannot be kept costs time, not truth
            write_bytes(paths.journal_index, msgspec.json.encode(folded), lasting=False)
    return folded


def of_source(paths: Paths, source: str, last: int) -> list[Attempt]:
    """Return the last attempts with a package, newest last."""
    found: list[Attempt] = []
    for path in reversed(_files(paths).values()):
        if len(found) >= last:
            break
        found.extend(line for line in _lines_with(_content(path), source) if line.source == source)
    return in_order(found)[-last:] if last > 0 else []


def of_batch(paths: Paths, batch_id: str) -> list[Attempt]:
    """Return all lines of a batch, in the order of time."""
    lines = (line for path in _files(paths).values() for line in _lines_with(_content(path), batch_id))
    return in_order(line for line in lines if line.batch_id == batch_id)


def since(paths: Paths, moment: datetime) -> Iterator[Attempt]:
    """Yield the lines from a moment on, in the order of time; older months are not opened."""
    start = timestamp(moment)
    for name, path in _files(paths).items():
        if name >= start[:7]:
            lines = (line for line in _content(path).split(b"\n") if _may_be_since(line, start.encode()))
            decoded = (decode_line(_DECODER, line) for line in lines)
            yield from (line for line in in_order(filter(None, decoded)) if line.at >= start)


# ------------------------------------------------------------------------------------------------- files


def _file(paths: Paths, at: str) -> Path:
    """Return the file of a line's month."""
    month = in_utc(at)
    if month is None:
        raise ValueError(f"{at} is no date of the calendar")
    return paths.journal_folder / f"{month[:7]}.jsonl"


def _files(paths: Paths) -> dict[str, Path]:
    """Return the files by month (`2026-03`), oldest first."""
    if not is_there(paths.journal_folder):
        return {}
    found = (path for path in paths.journal_folder.iterdir() if _MONTH.fullmatch(path.name))
    return {path.stem: path for path in sorted(found)}


def _content(path: Path, start: int = 0) -> bytes:
    return read_bytes(path, purpose="journal", start=start) if is_there(path) else b""


def _lines_with(content: bytes, text: str) -> Iterator[Attempt]:
    """Yield the lines in which a JSON string occurs: one search through the bytes instead of decoding them all."""
    needle = msgspec.json.encode(text)
    at = content.find(needle)
    while at >= 0:
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        line = decode_line(_DECODER, content[content.rfind(b"\n", 0, at) + 1 : end])
        if line is not None:
            yield line
        at = content.find(needle, end)


# ------------------------------------------------------------------------------------------------- index


@cache
def _code() -> str:
    """Return the digest of the code that folds: what another revision has folded is not used."""
    return digest_of(
        [
            sha256(Path(str(module)).read_bytes())
            for module in (__file__, fold.__file__, memory.__file__, model.__file__)
        ]
    )


class _Unfit(Exception):
    """An index does not fit the files: it is made again."""


def _fitting(before: Folded | None, files: Mapping[str, Path], until: str) -> Folded:
    """Return an index that can be gone on from, as far as that can be told without opening the files."""
    if (
        before is None
        or before.code != _code()
        or not files.keys() >= before.months.keys()
        or before.newest > until
        or (before.ahead is not None and before.ahead <= until)
    ):
        raise _Unfit
    return before


def _more(before: Folded, files: Mapping[str, Path], until: str) -> Folded:
    """Return an index with the lines since folded in."""
    months: dict[str, Month] = {}
    lines: list[Attempt] = []
    damaged = before.damaged
    for name, path in files.items():
        known = before.months.get(name)
        now = stamp(str(path))
        if known is not None and known.stamp == now:
            months[name] = known
            continue
        size = known.size if known else 0
        kept = min(size, PROOF)
        content = _content(path, size - kept)
        if known is not None and sha256(content[:kept]) != known.proof:
            raise _Unfit
        end, bad = _read(content, kept, lines)
        damaged += bad
        months[name] = Month(size=size - kept + end, proof=sha256(content[max(0, end - PROOF) : end]), stamp=now)
    if months == before.months:
        return before
    past, ahead = _divided(in_order(lines), until)
    if not goes_on(before.memory, past):
        raise _Unfit
    return Folded(
        code=before.code,
        months=months,
        memory=remember(before.memory, past),
        damaged=damaged,
        newest=max(before.newest, past[-1].at if past else ""),
        ahead=min(filter(None, (before.ahead, ahead)), default=None),
    )


def _divided(lines: list[Attempt], until: str) -> tuple[list[Attempt], str | None]:
    """Return the lines up to a moment, and the time of the first one after it."""
    past = bisect_right(lines, until, key=attrgetter("at"))
    return lines[:past], lines[past].at if past < len(lines) else None


def _read(content: bytes, start: int, lines: list[Attempt]) -> tuple[int, int]:
    """Add the lines of whole packages from `start` on; return where the next one begins, and how many are damaged."""
    *whole, last = content[start:].split(b"\n")
    damaged = 0
    for line in whole:
        if _GENERATE in line or _VALIDATE in line or not line or line.isspace():
            continue
        attempt = decode_line(_DECODER, line)
        if attempt is None or in_utc(attempt.at) is None:
            damaged += 1
        else:
            lines.append(attempt)
    attempt = decode_line(_DECODER, last)
    if attempt is None:  # nothing, or a line that is being written
        return len(content) - len(last), damaged
    lines.append(attempt)
    return len(content), damaged


def _may_be_since(line: bytes, start: bytes) -> bool:
    """Return whether a line can be of a moment or later, without decoding it when its time stands where it should."""
    at = line[-_AT_LAST:]
    return line[-_AT_LAST - len(_AT) : -_AT_LAST] != _AT or at >= start
