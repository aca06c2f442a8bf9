"""When a package is tried again: backoff after transient failures, quarantine after deterministic ones. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from pipeline.config import QuarantineConfig, RetryConfig
from pipeline.control.stops import Stop
from pipeline.digests import digest_of
from pipeline.history.fold import Failure, PackageHistory
from pipeline.instants import later, timestamp
from pipeline.model import Gate, Subcategory

QUARANTINE_RULE = "a package that failed for its own reasons waits until something that matters changes"
# Doublings after which any delay that is configured has passed the longest.
MOST_DOUBLINGS = 64
_JITTER_STEPS = 2**32


class Standing(StrEnum):
    """How a package stands to its last deterministic failure, or to the unknown recipe that it waits for."""

    CHANGED = "changed"
    HELD = "held"
    AGED = "aged"


def delay_hours(streak: int, source: str, config: RetryConfig) -> float:
    """Return how long a package waits after so many transient failures in a row; 0 for none.

    The delay is spread by source and streak, the same at each call, and is never longer than `longest_hours`.
    """
    if streak <= 0:
        return 0.0
    known = config.delays_hours
    doublings = min(max(streak - len(known), 0), MOST_DOUBLINGS)
    base = min(known[min(streak, len(known)) - 1] * 2.0**doublings, config.longest_hours)
    spread = base * (1 + config.jitter * _spread(source, streak))
    # What the jitter adds beyond the longest delay is taken off it instead, so that those are spread as well.
    return min(spread, 2 * config.longest_hours - spread)


@lru_cache(maxsize=65_536)
def _spread(source: str, streak: int) -> float:
    """Return a number from -1 to 1 that looks drawn and is not."""
    return int(digest_of("jitter", source, streak)[:8], 16) / (_JITTER_STEPS - 1) * 2 - 1


def next_try(history: PackageHistory, source: str, config: RetryConfig) -> str | None:
    """Return when a package is due after what passes by itself, None when it is not waiting for that.

    A package that was blocked, set free and blocked again at once waits like one that failed: its blockers' names are
    not what it lacks.
    """
    failures = max(history.streak, history.blocks - 1)
    if failures <= 0 or history.waits_since is None:
        return None
    return later(history.waits_since, delay_hours(failures, source, config))


def standing(
    failure: Failure, current_fingerprint: str, config: QuarantineConfig, now: datetime, *, upstream_changed: bool
) -> Standing:
    """Return whether a failure still stands; `current_fingerprint` is made from the metadata that was recorded."""
    if upstream_changed or (failure.fingerprint is not None and failure.fingerprint != current_fingerprint):
        return Standing.CHANGED
    return Standing.AGED if failure.at <= _left_alone_since(now, config.days) else Standing.HELD


@lru_cache(maxsize=16)
def _left_alone_since(now: datetime, days: int) -> str:
    """Return the last moment that is so many days ago, as text: the journal's times are in UTC and sort as such."""
    return timestamp(now - timedelta(days=days))


def quarantine(
    history: PackageHistory,
    source: str,
    current_fingerprint_of: Callable[[str, str | None], str],
    now: datetime,
    config: QuarantineConfig,
) -> Stop | None:
    """Return what holds a package that failed for its own reasons, or None; called with source and upstream digest."""
    failure = history.failure
    if failure is None:
        return None
    current = current_fingerprint_of(source, failure.upstream)
    if standing(failure, current, config, now, upstream_changed=history.upstream_changed) is not Standing.HELD:
        return None
    return Stop(
        gate=Gate.QUARANTINED,
        rule=QUARANTINE_RULE,
        value=failure.subcategory.value if failure.subcategory else "a failure without a cause",
        since=failure.since,
        until=later(failure.at, 24 * config.days),
        remedy="a change upstream (`doit recheck` looks), of the generator or of the policy; or `doit requeue`",
    )


def needs_person(history: PackageHistory, config: QuarantineConfig) -> str:
    """Return why only a person can help a package, "" while it is tried by itself."""
    if history.failure is None:
        return ""
    if history.gate_asks:
        return f"a gate asks for one: {history.failure.message}"
    if Subcategory.NO_EXECUTABLES in history.causes:
        return "it has no executables"
    if len(history.causes) >= config.causes:
        names = ", ".join(cause.value if cause else "unknown" for cause in history.causes)
        return f"it failed for {len(history.causes)} different reasons: {names}"
    return ""
