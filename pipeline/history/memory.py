"""All lines of the journal, in order and each once, as one memory that more lines can be added to. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from pipeline.history.fold import DETAILS, NOTHING, PackageHistory, fold, is_in_vain
from pipeline.instants import known_instant
from pipeline.model import Attempt, AttemptOutcome, Stage

# What is told apart between lines: the same attempt, written twice, has it twice.
Identity = tuple[str, str | None, Stage, str, int, str]
_RANK = {stage: rank for rank, stage in enumerate(Stage)}


class Counts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How many packages were tried, and how many of them again though nothing was known to have changed."""

    attempts: int = 0
    again: int = 0


_NONE = Counts()


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """All that is derived from the journal: each package's history by source, counts by day (`2026-03-02`, UTC)."""

    packages: dict[str, PackageHistory] = {}
    days: dict[str, Counts] = {}

    def recent(self, now: datetime, days: int) -> Counts:
        """Return the counts of the last `days` days, today included."""
        today = now.astimezone(UTC).date()
        asked = [self.days.get((today - timedelta(days=back)).isoformat(), Counts()) for back in range(days)]
        return Counts(attempts=sum(day.attempts for day in asked), again=sum(day.again for day in asked))


def identity(attempt: Attempt) -> Identity:
    """Return what makes a line of the journal the line of one attempt."""
    return attempt.source, attempt.batch_id, attempt.stage, attempt.platform, attempt.attempt, attempt.at


@lru_cache(maxsize=4096)  # the lines of a batch share their times
def in_utc(at: str) -> str | None:
    """Return a timestamp in UTC and whole seconds, which sorts as text; None when no calendar has it (30 February)."""
    moment = known_instant(at)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def in_order(lines: Iterable[Attempt]) -> list[Attempt]:
    """Return lines by time (in UTC), each attempt once; those of one second in the order in which stages follow.

    A requeue comes last: what a script rolls back and asks for again within one second was asked for.

    Lines of two branches that were joined stand in no order. Lines with an impossible time are left out.
    """
    found: dict[Identity, Attempt] = {}
    for line in lines:
        at = in_utc(line.at)
        if at is not None:
            timed = line if at == line.at else msgspec.structs.replace(line, at=at)
            known = found.setdefault(identity(timed), timed)
            if known is not timed and known != timed:  # two branches disagree: whichever is joined into the other
                found[identity(timed)] = min(known, timed, key=msgspec.json.encode)
    return sorted(found.values(), key=_order)


def _order(line: Attempt) -> tuple[str, int, str, str, str, int]:
    return line.at, _RANK[line.stage], line.source, line.batch_id or "", line.platform, line.attempt


def goes_on(known: Memory, lines: Iterable[Attempt]) -> bool:
    """Return whether all lines are newer than what is known of their packages; else only all lines together tell."""
    return all(line.at > known.packages.get(line.source, NOTHING).at for line in lines)


def remember(known: Memory, lines: Iterable[Attempt]) -> Memory:
    """Return what is known after more lines of the journal, which come from `in_order`."""
    packages, days = dict(known.packages), dict(known.days)
    for line in lines:
        if line.stage in DETAILS:
            continue
        package = packages.get(line.source, NOTHING)
        day = days.get(line.at[:10], _NONE)
        counted = _counted(day, package, line)
        if counted is not day:
            days[line.at[:10]] = counted
        packages[line.source] = fold(package, line)
    return Memory(packages=packages, days=days)


def _counted(day: Counts, package: PackageHistory, line: Attempt) -> Counts:
    """Count the end of a package's way through a batch; what was put off was no attempt."""
    if line.stage is not Stage.PAYLOAD or line.outcome is AttemptOutcome.DEFERRED:
        return day
    return Counts(attempts=day.attempts + 1, again=day.again + is_in_vain(package, line))
