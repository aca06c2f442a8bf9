"""The operator's switches, the circuit breakers and the budget."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from pipeline.model.base import Count, EcosystemId, SourceId, Timestamp
from pipeline.model.journal import Stage


class BreakerState(StrEnum):
    """State of an ecosystem's circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """The one entry that a half-open breaker lets through. Its lease ends at `until`, should its process die."""

    source: SourceId
    until: Timestamp


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """One ecosystem's circuit breaker. `opens_at` is when an open breaker may be probed.

    `failures` counts infrastructure failures in a row, `stages` names where they happened: it closes when each of
    these stages has had an answer. `failed_probes` sets how long it stays open. What happened up to `fed_until` has
    been counted.
    """

    state: BreakerState = BreakerState.CLOSED
    failures: Count = 0
    last_failure: Timestamp | None = None
    opens_at: Timestamp | None = None
    opened_at: Timestamp | None = None
    stages: list[Stage] = []
    failed_probes: Count = 0
    probe: Probe | None = None
    fed_until: Timestamp | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes of CI time used in the ISO week that began at `week_start`."""

    macos_minutes_used: Annotated[float, Meta(ge=0)] = 0
    linux_minutes_used: Annotated[float, Meta(ge=0)] = 0
    week_start: str | None = None
    sampling_active: bool = False


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """`batch-control.json`: the operator's switches, breakers and budget. Whoever writes it keeps unknown keys."""

    enabled: bool = True
    disabled_ecosystems: list[EcosystemId] = []
    reason: str | None = None
    incident_url: str | None = None
    disabled_by: str | None = None
    disabled_at: Timestamp | None = None
    expected_resume: Timestamp | None = None
    circuit_breaker: dict[EcosystemId, Breaker] = {}
    budget: Budget = Budget()
