"""An ecosystem's circuit breaker: what opens it, who may probe it, what closes it. Pure.

    closed --`failures` in a row--> open --`opens_at`, one lease--> half-open --each failing stage answers--> closed
                                     ^------------ a failure, `growth` times longer ------------'

Events reach it twice: at once from the process that made the attempt (`count`), and from the records of a batch when
it is published (`catch_up`), as attempts are also made elsewhere. Records write whole seconds, and several
attempts end in one. So a live event bears the very time that its record bears and is counted whatever was counted
before; it moves `fed_until` to that time at least. An event of a record is counted only when it is later than
`fed_until`. Thus no live event is lost, and none is counted again from its record.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from pipeline.config import BreakerConfig
from pipeline.control.stops import Stop, may_try, open_stop, probe_stop
from pipeline.instants import instant, timestamp
from pipeline.model import Attempt, AttemptOutcome, Breaker, BreakerState, Probe, Stage, Subcategory
from pipeline.source import ecosystem_of

# What says that a registry, the network or this machine is ill. All else is the package's own, or nobody's.
INFRASTRUCTURE = frozenset(
    {
        Subcategory.TIMEOUT,
        Subcategory.DNS_ERROR,
        Subcategory.TLS_ERROR,
        Subcategory.CONNECTION_ERROR,
        Subcategory.RATE_LIMITED,
        Subcategory.UPSTREAM_UNAVAILABLE,
        Subcategory.SANDBOX_UNAVAILABLE,
    }
)
# After so many of the longest waits without a failure, any answer closes it: a stage that is not tried any more
# (no minutes left, no runner any more) must not keep its ecosystem half-open for ever.
_FORGOTTEN_AFTER = 2
# More failed probes than this change nothing; a float holds it.
_MANY = 10**9


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt says of the infrastructure: it answered (also when the package failed), or it did not."""

    at: str
    source: str
    stage: Stage
    answered: bool


def events_of(attempts: Iterable[Attempt]) -> list[Event]:
    """Return what some lines of the journal say of the infrastructure, by time.

    Only `generate` and `validate` meet it. What was deferred or blocked says nothing, nor does a transient failure of
    another cause; a line whose time no calendar has cannot be placed.
    """
    events: list[tuple[datetime, Event]] = []
    for attempt in attempts:
        at = _moment(attempt.at)
        answered = _says(attempt)
        if at is not None and answered is not None:
            event = Event(at=attempt.at, source=attempt.source, stage=attempt.stage, answered=answered)
            events.append((at, event))
    return [event for _, event in sorted(events, key=_time_of)]


def catch_up(
    breakers: Mapping[str, Breaker], events: Iterable[Event], config: BreakerConfig, now: datetime
) -> dict[str, Breaker]:
    """Return the breakers of all ecosystems after the events of a batch (see `events_of`); repeating changes nothing.

    Those of one second all count, as what was fed before is decided once. A clock elsewhere that is ahead must not
    blind a breaker for what comes: what happened later than `now` happened now.
    """
    caught_up = dict(breakers)
    for event in events:
        ecosystem = ecosystem_of(event.source)
        known = breakers.get(ecosystem, Breaker()).fed_until
        placed = msgspec.structs.replace(event, at=timestamp(now)) if instant(event.at) > now else event
        if known is None or instant(placed.at) > instant(known):
            before = caught_up.get(ecosystem, Breaker())
            after = count(before, placed, config)
            if after != before:
                caught_up[ecosystem] = after
    return caught_up


def count(breaker: Breaker, event: Event, config: BreakerConfig) -> Breaker:
    """Return the breaker after an event that this process has just seen, whatever was counted before.

    An answer that changes nothing leaves a closed breaker as it is. One that is open or half-open notes it all the
    same: leases come and go without events, so the same answer might decide when its record is read.
    """
    counted = _answered(breaker, event, config) if event.answered else _failed(breaker, event, config)
    if counted == breaker and breaker.state is BreakerState.CLOSED:
        return breaker
    return msgspec.structs.replace(counted, fed_until=_later(breaker.fed_until, event.at))


def admit(
    breaker: Breaker, source: str, now: datetime, config: BreakerConfig, held: Probe | None = None
) -> tuple[Breaker, Stop | None]:
    """Return the breaker after a package asked to be tried, and what refuses it.

    A closed breaker admits all. One that is due admits one probe, which gets the lease; `held` is the lease that the
    asking process holds for this package, which it renews. The same package in another process has no lease.
    """
    if breaker.state is BreakerState.CLOSED:
        return breaker, None
    if not may_try(breaker, now):
        return breaker, open_stop(breaker, ecosystem_of(source))
    probe = breaker.probe
    if probe is not None and probe != held and instant(probe.until) > now:
        return breaker, probe_stop(breaker, probe)
    lease = Probe(source=source, until=timestamp(now + timedelta(minutes=config.probe_lease_minutes)))
    return msgspec.structs.replace(breaker, state=BreakerState.HALF_OPEN, probe=lease), None


def release(breaker: Breaker, held: Probe) -> Breaker:
    """Return the breaker after a probe ended without an answer: its lease goes back, and another may try at once."""
    return msgspec.structs.replace(breaker, probe=None) if breaker.probe == held else breaker


def open_minutes(failed_probes: int, config: BreakerConfig) -> float:
    """Return for how many minutes a breaker stays open after so many failed probes; any number is bounded."""
    growth = math.log(config.growth) * min(failed_probes, _MANY)
    if growth >= math.log(config.longest_open_minutes / config.open_minutes):
        return config.longest_open_minutes
    return config.open_minutes * math.exp(growth)


def _answered(breaker: Breaker, event: Event, config: BreakerConfig) -> Breaker:
    if not _decides(breaker, event):
        return breaker
    waiting = [stage for stage in breaker.stages if stage is not event.stage]
    if waiting and not _long_ago(breaker.last_failure, event, config):
        return msgspec.structs.replace(breaker, stages=waiting)
    return Breaker(last_failure=breaker.last_failure, fed_until=breaker.fed_until)


def _failed(breaker: Breaker, event: Event, config: BreakerConfig) -> Breaker:
    known = event.stage in breaker.stages
    noted = msgspec.structs.replace(
        breaker,
        failures=breaker.failures + 1,
        last_failure=_later(breaker.last_failure, event.at),
        stages=breaker.stages if known else [*breaker.stages, event.stage],
    )
    if breaker.state is BreakerState.CLOSED:
        return _opened(noted, event, config) if noted.failures >= config.failures else noted
    if _decides(breaker, event):
        return _opened(msgspec.structs.replace(noted, failed_probes=noted.failed_probes + 1), event, config)
    return noted


def _opened(breaker: Breaker, event: Event, config: BreakerConfig) -> Breaker:
    until = instant(event.at) + timedelta(minutes=open_minutes(breaker.failed_probes, config))
    return msgspec.structs.replace(
        breaker,
        state=BreakerState.OPEN,
        opened_at=breaker.opened_at or event.at,
        opens_at=timestamp(until),
        probe=None,
    )


def _decides(breaker: Breaker, event: Event) -> bool:
    """Return whether an event moves the breaker.

    Once it has opened, what was under way before cannot: only what happened when it was due, and while a probe is out,
    only that probe. Without a lease any event decides, as it comes from another machine.
    """
    if breaker.state is BreakerState.CLOSED:
        return True
    at = instant(event.at)
    if breaker.opens_at is not None and at < instant(breaker.opens_at):
        return False
    probe = breaker.probe
    return probe is None or probe.source == event.source or instant(probe.until) <= at


def _long_ago(last_failure: str | None, event: Event, config: BreakerConfig) -> bool:
    longest = timedelta(minutes=_FORGOTTEN_AFTER * config.longest_open_minutes)
    return last_failure is not None and instant(event.at) - instant(last_failure) > longest


def _says(attempt: Attempt) -> bool | None:
    """Return whether the infrastructure answered an attempt, None when it says nothing."""
    if attempt.stage not in {Stage.GENERATE, Stage.VALIDATE}:
        return None
    infrastructure = attempt.subcategory in INFRASTRUCTURE
    match attempt.outcome:
        case AttemptOutcome.SUCCEEDED:
            return not infrastructure  # a recipe from a stored answer: the registry did not answer
        case AttemptOutcome.FAILED:
            return True
        case AttemptOutcome.DEFERRED if attempt.until is not None:  # there was an answer, and it says to wait
            return True
        case AttemptOutcome.TRANSIENT if infrastructure:
            return False
        case _:
            return None


def _moment(at: str) -> datetime | None:
    try:
        return instant(at).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _time_of(placed: tuple[datetime, Event]) -> datetime:
    return placed[0]


def _later(known: str | None, at: str) -> str:
    return at if known is None or instant(known) < instant(at) else known
