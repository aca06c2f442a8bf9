"""Moments as records write them and as code compares them. Pure."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_LATEST = datetime.max.replace(tzinfo=UTC, microsecond=0)


def timestamp(now: datetime) -> str:
    """Return a moment as records write it: UTC, whole seconds."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(timestamp: str) -> datetime:
    """Return the moment that a record's timestamp names; digits beyond microseconds are dropped."""
    return datetime.fromisoformat(timestamp)


def known_instant(text: str) -> datetime | None:
    """Return the moment that a date, or a date with a time, names; None for one that no calendar has.

    Without an offset it is UTC.
    """
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=65_536)  # one batch gives many packages the same moment
def later(since: str, hours: float) -> str:
    """Return the moment so many hours after a timestamp, at the latest the end of the calendar."""
    try:
        return timestamp(instant(since) + timedelta(hours=hours))
    except OverflowError:
        return timestamp(_LATEST)
