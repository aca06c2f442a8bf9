"""The arithmetic of the rate limit: when the next request to a host may go. Values in, values out.

A slot is claimed when it is there, never ahead of time: so a process that dies takes no slot with it,
and a host that asks for patience is heard by those who already wait. Each requester brings its own rate;
the distance to the last request of anybody is what counts.
"""

import math

import msgspec

from pipeline.decoding import decode_json

# What counts for a registry is when requests arrive. One interval in a hundred is given away, so that
# requests which travel faster than the one before do not add up to more than the limit in any second.
MARGIN = 1.01

# From a claimed slot to the first byte on the wire is about a millisecond on an open connection, in seconds.
# To open one first may take several slots; without a word, those let go meanwhile would arrive all at once.
PUNCTUAL = 0.002

# No registry is waited for longer than a day, whatever it asks for.
LONGEST_PENALTY = 86_400.0


class Slots(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all processes of a machine share about one host, in seconds of its monotonic clock."""

    # When anybody's last request went out.
    last: float | None = None
    # The host asked for no request before this time.
    not_before: float = 0.0
    # A time in the future means that the machine was started anew since.
    written_at: float = 0.0


def due(slots: Slots, rate: float) -> float:
    """Return the time from which on the next request may go, at `rate` requests a second."""
    spaced = -math.inf if slots.last is None else slots.last + MARGIN / rate
    return max(spaced, slots.not_before)


def claim(slots: Slots, now: float, rate: float) -> tuple[Slots, float]:
    """Return the state and 0.0 when the request may go now, else the same state and the seconds left."""
    wait = due(slots, rate) - now
    if wait > 0.0:
        return slots, wait
    return Slots(last=now, not_before=slots.not_before, written_at=now), 0.0


def is_late(claimed: float, now: float) -> bool:
    """Say whether a request goes out so long after its slot was claimed that the next one must be told."""
    return now - claimed > PUNCTUAL


def delay(slots: Slots, now: float) -> Slots:
    """Return the state after a request went out late: the distance to the next one counts from there."""
    sent = now - PUNCTUAL
    last = sent if slots.last is None else max(slots.last, sent)
    return Slots(last=last, not_before=slots.not_before, written_at=now)


def push_back(slots: Slots, now: float, seconds: float) -> Slots:
    """Return the state after the host asked for patience; it never shortens an earlier wish."""
    until = now + min(max(seconds, 0.0), LONGEST_PENALTY)
    return Slots(last=slots.last, not_before=max(slots.not_before, until), written_at=now)


def to_bytes(slots: Slots) -> bytes:
    """Return the state as it stands in its file."""
    return msgspec.json.encode(slots)


def from_bytes(raw: bytes, now: float) -> Slots | None:
    """Return the state in a file's bytes, or None when they make no sense.

    No bytes at all mean that nobody has asked yet. What was written before the machine was started anew
    counts for nothing.
    """
    if not raw:
        return Slots()
    try:
        slots = decode_json(raw, Slots)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if slots.written_at > now:
        return Slots()
    consistent = slots.last is None or slots.last <= slots.written_at
    return slots if consistent and slots.not_before <= slots.written_at + LONGEST_PENALTY else None


def unknown(now: float) -> Slots:
    """Return the state after damage: as if a request went out just now, so that the limit holds."""
    return Slots(last=now, written_at=now)
