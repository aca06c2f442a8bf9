"""What the headers of an answer ask for: patience, freshness, which part of a file it is. Pure functions."""

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime

import msgspec

# A reset above this is a time since 1970, below it a number of seconds from now (GitHub sends the former).
_EPOCH_FROM = 1_000_000_000.0

_SECONDS = re.compile(r"\s*(\d{1,12})(?:\.\d*)?\s*")
_LIFETIME = re.compile(r"(?:^|,)\s*(?:max-age\s*=|no-store|no-cache)", re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"\s*bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)\s*")
# The drafts of RateLimit as one field: `"policy";r=0;t=30`.
_REMAINING = re.compile(r";\s*r\s*=\s*(\d{1,12})")
_RESET = re.compile(r";\s*t\s*=\s*(\d{1,12})")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Which bytes of a file an answer holds, first and last inclusive; `total` is None when unknown."""

    first: int
    last: int
    total: int | None


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """Return the seconds that `Retry-After` names, as a number or as a date (RFC 9110, 10.2.3), or None."""
    value = headers.get("retry-after", "")
    if match := _SECONDS.fullmatch(value):
        return float(match[1])
    date = _http_date(value)
    return None if date is None else max(0.0, date - wall)


def exhausted_for(headers: Mapping[str, str], wall: float) -> float | None:
    """Return the seconds until the quota is renewed when an answer says that none is left, else None."""
    combined = headers.get("ratelimit", "")
    if (remaining := _REMAINING.search(combined)) and (reset := _RESET.search(combined)):
        return float(reset[1]) if int(remaining[1]) == 0 else None
    for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit"):
        left = _SECONDS.fullmatch(headers.get(f"{prefix}-remaining", ""))
        reset = _SECONDS.fullmatch(headers.get(f"{prefix}-reset", ""))
        if left and reset and int(left[1]) == 0:
            at = float(reset[1])
            return max(0.0, at - wall) if at >= _EPOCH_FROM else at
    return None


def lasting(headers: Mapping[str, str], unnamed: str, wall: float) -> dict[str, str]:
    """Return the headers to store: `unnamed` is added to `Cache-Control` when an answer names no lifetime.

    Registries behind a mirror often send neither `Cache-Control` nor `Date`, which a cache needs. A lifetime
    of ours begins now, by our own clock.
    """
    kept = dict(headers)
    control = kept.get("cache-control", "")
    named = _LIFETIME.search(control) is not None or "expires" in kept
    if unnamed and not named:
        kept["cache-control"] = f"{control}, {unnamed}" if control else unnamed
    if not named or _http_date(kept.get("date", "")) is None:
        kept["date"] = formatdate(wall, usegmt=True)
    return kept


def content_range(value: str) -> Part | None:
    """Return what a `Content-Range` header says, or None when it is missing or makes no sense."""
    match = _CONTENT_RANGE.fullmatch(value)
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if first > last or (total is not None and last >= total):
        return None
    return Part(first=first, last=last, total=total)


def _http_date(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return seconds if math.isfinite(seconds) else None
