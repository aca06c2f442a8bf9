"""The journal's lines folded into what is known of each package. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache

import msgspec

from pipeline.instants import instant
from pipeline.model import Attempt, AttemptOutcome, Stage, Subcategory

# What is told apart between lines: the same attempt, written twice, has it twice.
Identity = tuple[str, str | None, Stage, str, int, str]
# Lines of these stages say nothing of the package as a whole.
DETAILS = frozenset({Stage.GENERATE, Stage.VALIDATE})
_RANK = {stage: rank for rank, stage in enumerate(Stage)}
_UTC = "2026-03-02T12:00:00Z"  # the form that this project writes


# `gc=False`, here and in `Attempt`: they are in no cycles, and the collector would look through 100,000 of them.
class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The deterministic failure that a package is in quarantine for; `since` is when it was first seen like this."""

    subcategory: Subcategory | None
    fingerprint: str | None
    upstream: str | None
    message: str
    since: str
    at: str
    repeats: int = 1


class PackageHistory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the journal says of one source.

    `tries` counts batches that tried it, `streak` the transient failures in a row, `causes` the different
    deterministic failures since the last success or requeue. `blocked_by` names the recipes that it waited for when it
    was last tried. `at` is the time of the newest line that was folded.
    """

    tries: int = 0
    last_tried: str | None = None
    streak: int = 0
    failure: Failure | None = None
    causes: tuple[Subcategory | None, ...] = ()
    blocked_at: str | None = None
    blocked_by: tuple[str, ...] = ()
    succeeded_at: str | None = None
    rolled_back_at: str | None = None
    rechecked_at: str | None = None
    upstream_changed: bool = False
    last_outcome: AttemptOutcome | None = None
    last_message: str = ""
    at: str = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How many packages were tried, and how many of them again though nothing was known to have changed."""

    attempts: int = 0
    again: int = 0


History = Mapping[str, PackageHistory]
NOTHING = PackageHistory()
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


def in_utc(at: str) -> str | None:
    """Return a timestamp in UTC and whole seconds, which sorts as text; None when no calendar has it (30 February)."""
    if len(at) == len(_UTC) and at.endswith("Z"):
        return at if _is_day(at[:10]) else None
    try:
        return instant(at).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return None


@cache
def _is_day(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def in_order(lines: Iterable[Attempt]) -> list[Attempt]:
    """Return lines by time (in UTC), each attempt once; those of one second in the order in which stages follow.

    Lines of two branches that were joined stand in no order. Lines with an impossible time are left out.
    """
    found: dict[Identity, Attempt] = {}
    for line in lines:
        at = in_utc(line.at)
        if at is not None:
            timed = line if at == line.at else msgspec.structs.replace(line, at=at)
            found.setdefault(identity(timed), timed)
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
    return Counts(attempts=day.attempts + 1, again=day.again + _again(package, line))


def _again(package: PackageHistory, line: Attempt) -> bool:
    """Return whether a package was tried though nothing was known to have changed since it failed or was blocked."""
    if package.failure is not None:
        unchanged = line.fingerprint is None or line.fingerprint == package.failure.fingerprint
        return unchanged and not package.upstream_changed
    return line.outcome is AttemptOutcome.BLOCKED and package.blocked_by == tuple(sorted(line.blocked_by)) != ()


def fold(known: PackageHistory, attempt: Attempt) -> PackageHistory:
    """Return what is known of a package after one more line of the journal."""
    if attempt.stage in DETAILS:
        return known
    known = msgspec.structs.replace(known, at=attempt.at)
    match attempt.stage:
        case Stage.PAYLOAD:
            return _tried(known, attempt)
        case Stage.RECHECK:
            return _rechecked(known, attempt)
        case Stage.REQUEUE:
            kept = PackageHistory(tries=known.tries, last_tried=known.last_tried, succeeded_at=known.succeeded_at)
            return msgspec.structs.replace(
                kept, last_outcome=attempt.outcome, last_message=attempt.message, at=attempt.at
            )
        case Stage.ROLLBACK:
            return msgspec.structs.replace(
                known, rolled_back_at=attempt.at, last_outcome=attempt.outcome, last_message=attempt.message
            )
        case Stage.GENERATE | Stage.VALIDATE:
            return known


def _rechecked(known: PackageHistory, attempt: Attempt) -> PackageHistory:
    """Fold a look at the metadata of a package in quarantine; one that got no answer changes nothing but its turn."""
    answered = attempt.outcome in {AttemptOutcome.CHANGED, AttemptOutcome.UNCHANGED}
    changed = attempt.outcome is AttemptOutcome.CHANGED if answered else known.upstream_changed
    return msgspec.structs.replace(
        known, rechecked_at=attempt.at, upstream_changed=changed and known.failure is not None
    )


def _tried(known: PackageHistory, attempt: Attempt) -> PackageHistory:
    """Fold the end of a package's way through a batch."""
    known = msgspec.structs.replace(
        known, last_tried=attempt.at, last_outcome=attempt.outcome, last_message=attempt.message
    )
    if attempt.outcome is AttemptOutcome.DEFERRED:
        return known
    known = msgspec.structs.replace(known, tries=known.tries + 1)
    match attempt.outcome:
        case AttemptOutcome.TRANSIENT:
            return msgspec.structs.replace(known, streak=known.streak + 1)
        case AttemptOutcome.FAILED:
            causes = known.causes if attempt.subcategory in known.causes else (*known.causes, attempt.subcategory)
            failure = _failure(known.failure, attempt)
            return _standing(known, attempt, causes=causes, failure=failure)
        case AttemptOutcome.BLOCKED:
            return _standing(known, attempt, causes=known.causes, failure=None)
        case _:
            return PackageHistory(
                tries=known.tries,
                last_tried=attempt.at,
                succeeded_at=attempt.at,
                last_outcome=attempt.outcome,
                last_message=attempt.message,
                at=attempt.at,
            )


def _standing(
    known: PackageHistory, attempt: Attempt, *, causes: tuple[Subcategory | None, ...], failure: Failure | None
) -> PackageHistory:
    """Return a history with an answer that stands, a failure of its own or recipes that it waits for."""
    return msgspec.structs.replace(
        known,
        streak=0,
        causes=causes,
        failure=failure,
        blocked_at=None if failure else attempt.at,
        blocked_by=() if failure else tuple(sorted(attempt.blocked_by)),
        upstream_changed=False,
    )


def _failure(before: Failure | None, attempt: Attempt) -> Failure:
    same = before is not None and (before.subcategory, before.fingerprint) == (attempt.subcategory, attempt.fingerprint)
    return Failure(
        subcategory=attempt.subcategory,
        fingerprint=attempt.fingerprint,
        upstream=attempt.upstream,
        message=attempt.message,
        since=before.since if same and before is not None else attempt.at,
        at=attempt.at,
        repeats=before.repeats + 1 if same and before is not None else 1,
    )
