"""Whether an answer is a rate limit, and how long its host asks for patience. Pure functions.

GitHub's primary limit is a quota in the headers, answered with 403 or 429. Its secondary limits come as the same
statuses with quota left over; they are told by `Retry-After`, by `gh-limited-by`, or by the message alone.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from pipeline.http_headers import exhausted_for, retry_after

# How much of a refusal is read for its message; GitHub's are a few hundred bytes.
MESSAGE_BYTES: Final = 8 * 1024
# How long everybody waits after a limit that names no time. Any value is a guess; backoff adds to it.
_UNNAMED_PATIENCE: Final = 5.0
# "At least one minute" is what GitHub's documentation asks for after a secondary limit.
_SECONDARY_PATIENCE: Final = 60.0
_SECONDARY = re.compile(rb"(?i)secondary rate limit|abuse detection mechanism")


class Limited(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer asks for: `patience` in seconds, 0 for none; `limited` when it is a rate limit."""

    limited: bool
    patience: float


def limits_of(status: int, headers: Mapping[str, str], wall: float, message: Callable[[], bytes]) -> Limited:
    """Return what a host asks for; `message` gives the beginning of the body, and is called for a refusal alone."""
    exhausted = exhausted_for(headers, wall)
    named = retry_after(headers, wall)
    refused = status in {403, 429}
    secondary = refused and exhausted is None and named is None and "gh-limited-by" in headers
    if status == 403 and exhausted is None and named is None and not secondary:
        secondary = _SECONDARY.search(message()) is not None
    limited = status == 429 or (status == 403 and (exhausted is not None or named is not None or secondary))
    if (limited or status == 503) and named is not None:
        return Limited(limited=limited, patience=named)
    if exhausted is not None:
        return Limited(limited=limited, patience=exhausted)
    unnamed = _SECONDARY_PATIENCE if secondary else _UNNAMED_PATIENCE
    return Limited(limited=limited, patience=unnamed if limited else 0.0)
