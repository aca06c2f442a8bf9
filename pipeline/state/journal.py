"""The journal, read whole: stands in until the one with an index is merged."""

from datetime import datetime, timedelta

import msgspec

from pipeline.history.fold import NOTHING, PackageHistory, fold
from pipeline.instants import timestamp
from pipeline.model import Attempt, AttemptOutcome, Stage
from pipeline.store import Paths, write_bytes


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many packages were tried, and how many of them again though nothing was known to have changed."""

    attempts: int = 0
    again: int = 0


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal says."""

    packages: dict[str, PackageHistory]
    lines: list[Attempt]

    def recent(self, now: datetime, days: int) -> Counts:
        """Return the counts of the last days."""
        since = timestamp(now - timedelta(days=days))
        tried = [one for one in self.lines if one.stage is Stage.PAYLOAD and one.at >= since]
        repeats = sum((known.repeated_at or "") >= since for known in self.packages.values())
        return Counts(attempts=sum(one.outcome is not AttemptOutcome.DEFERRED for one in tried), again=repeats)


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal's files come to."""

    memory: Memory


def load(paths: Paths, now: datetime | None = None) -> Folded:
    """Return the folded journal."""
    del now
    lines: list[Attempt] = []
    for path in sorted(paths.journal_folder.glob("*.jsonl")):
        lines += [msgspec.json.decode(line, type=Attempt) for line in path.read_bytes().splitlines()]
    packages: dict[str, PackageHistory] = {}
    for line in lines:
        packages[line.source] = fold(packages.get(line.source, NOTHING), line)
    return Folded(memory=Memory(packages=packages, lines=lines))


def of_source(paths: Paths, source: str, last: int) -> list[Attempt]:
    """Return the last attempts with a package, newest last."""
    return [line for line in load(paths).memory.lines if line.source == source][-last:]


def append(paths: Paths, attempts: list[Attempt]) -> int:
    """Append lines, each to the file of its month."""
    for attempt in attempts:
        path = paths.journal_folder / f"{attempt.at[:7]}.jsonl"
        before = path.read_bytes() if path.exists() else b""
        write_bytes(path, before + msgspec.json.encode(attempt) + b"\n")
    return len(attempts)
