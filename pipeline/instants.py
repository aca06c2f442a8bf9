"""Moments as records write them and as code compares them. Pure."""

from datetime import UTC, datetime


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
