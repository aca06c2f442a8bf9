"""What the operator and the breakers allow: one predicate for the plan and for each request."""

from datetime import datetime

import msgspec

from pipeline.instants import instant
from pipeline.model import Breaker, BreakerState, Control, Gate


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """A gate that is shut: the rule, the value that it saw, since when, until when (None: until changed).

    `remedy` says what would open it, in one sentence.
    """

    gate: Gate
    rule: str
    value: str
    since: str | None = None
    until: str | None = None
    remedy: str = ""


def stop_for(control: Control, ecosystem: str, now: datetime) -> Stop | None:
    """Return what keeps an ecosystem from being worked on now, or None."""
    if not control.enabled:
        return Stop(
            gate=Gate.PIPELINE_DISABLED,
            rule="`enabled` in batch-control.json is true",
            value=f"enabled: false ({control.reason or 'no reason given'})",
            until=control.expected_resume,
        )
    if ecosystem in control.disabled_ecosystems:
        return Stop(
            gate=Gate.ECOSYSTEM_DISABLED,
            rule="`disabled_ecosystems` in batch-control.json does not name the ecosystem",
            value=f"{ecosystem} is disabled ({control.reason or 'no reason given'})",
            until=control.expected_resume,
        )
    breaker = control.circuit_breaker.get(ecosystem)
    if breaker is not None and not may_try(breaker, now):
        return Stop(
            gate=Gate.BREAKER_OPEN,
            rule="the ecosystem's circuit breaker is not open",
            value=f"{ecosystem}: open after {breaker.failures} failures",
            until=breaker.opens_at,
        )
    return None


def may_try(breaker: Breaker, now: datetime) -> bool:
    """Return whether a breaker lets work through: not open, or open and due for its probe."""
    if breaker.state is not BreakerState.OPEN:
        return True
    return breaker.opens_at is not None and instant(breaker.opens_at) <= now


def is_probe(breaker: Breaker | None) -> bool:
    """Return whether only one entry, the probe, may be tried: the breaker is not closed."""
    return breaker is not None and breaker.state is not BreakerState.CLOSED
