"""What the operator and the breakers allow: one predicate for the plan and for each request."""

from datetime import datetime

import msgspec

from pipeline.instants import instant
from pipeline.model import Breaker, BreakerState, Control, Gate, Probe
from pipeline.source import ecosystem_of


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
    return pipeline_stop(control) or ecosystem_stop(control, ecosystem) or breaker_stop(control, ecosystem, now)


def pipeline_stop(control: Control) -> Stop | None:
    """Return what the operator's main switch says."""
    if control.enabled:
        return None
    return Stop(
        gate=Gate.PIPELINE_DISABLED,
        rule="`enabled` in batch-control.json is true",
        value=f"enabled: false ({control.reason or 'no reason given'})",
        since=control.disabled_at,
        until=control.expected_resume,
        remedy="`doit resume`",
    )


def ecosystem_stop(control: Control, ecosystem: str) -> Stop | None:
    """Return what the operator's switch of one ecosystem says."""
    if ecosystem not in control.disabled_ecosystems:
        return None
    return Stop(
        gate=Gate.ECOSYSTEM_DISABLED,
        rule="`disabled_ecosystems` in batch-control.json does not name the ecosystem",
        value=f"{ecosystem} is disabled ({control.reason or 'no reason given'})",
        since=control.disabled_at,
        until=control.expected_resume,
        remedy=f"`doit enable {ecosystem}`",
    )


def breaker_stop(control: Control, ecosystem: str, now: datetime) -> Stop | None:
    """Return what the ecosystem's circuit breaker says; which entry is its probe is not asked here."""
    breaker = control.circuit_breaker.get(ecosystem)
    if breaker is None or may_try(breaker, now):
        return None
    return open_stop(breaker, ecosystem)


def open_stop(breaker: Breaker, ecosystem: str) -> Stop:
    """Return the stop of a breaker that is open and not due."""
    return Stop(
        gate=Gate.BREAKER_OPEN,
        rule="the ecosystem's circuit breaker is not open",
        value=f"{ecosystem}: open after {breaker.failures} failures in a row",
        since=breaker.opened_at or breaker.last_failure,
        until=breaker.opens_at,
        remedy="the answer of a probe, once it may be sent",
    )


def probe_stop(breaker: Breaker, probe: Probe) -> Stop:
    """Return the stop of a breaker that is due, for all packages but its probe."""
    return Stop(
        gate=Gate.BREAKER_OPEN,
        rule="a breaker that is not closed lets one probe through",
        value=f"{ecosystem_of(probe.source)}: half-open after {breaker.failures} failures, {probe.source} is the probe",
        since=breaker.opened_at or breaker.last_failure,
        until=probe.until,
        remedy="the answer of the probe; its lease ends by itself",
    )


def may_try(breaker: Breaker, now: datetime) -> bool:
    """Return whether a breaker lets work through: not open, or open and due for its probe.

    One that names no time (a file written by hand) is due: one probe does no harm, and for ever is too long.
    """
    return breaker.state is not BreakerState.OPEN or breaker.opens_at is None or instant(breaker.opens_at) <= now


def is_probe(breaker: Breaker | None) -> bool:
    """Return whether only one entry, the probe, may be tried: the breaker is not closed."""
    return breaker is not None and breaker.state is not BreakerState.CLOSED
