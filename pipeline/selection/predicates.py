"""The gates' predicates: each answers for one entry with a `Stop` or None. Pure."""

from functools import cache

from pipeline.control.stops import Stop, stop_for
from pipeline.history.fold import NOTHING
from pipeline.instants import instant, later
from pipeline.model import AttemptOutcome, EntryStatus, Gate
from pipeline.selection.blockers import Waiting, waiting_for
from pipeline.selection.retry import QUARANTINE_RULE, Standing, next_try, quarantine, standing
from pipeline.selection.situation import Case, Situation
from pipeline.selection.statuses import CANDIDATES

BLOCKED_RULE = "all recipes that the package needs are there"
DUE_RULE = "the time of the next try has come"
DUPLICATE_RULE = "the source stands in the queue once; its first entry counts"
STATUS_RULE = f"the entry's status is {', '.join(sorted(CANDIDATES))}"
GENERATOR_RULE = "the ecosystem has a generator in this run"
RUNNER_RULE = "a platform of this run can try recipes of the ecosystem"
WANTED_RULE = "`batch.ecosystems` is empty or names the ecosystem"
_DUPLICATE = Stop(
    gate=Gate.DUPLICATE_SOURCE,
    rule=DUPLICATE_RULE,
    value="an earlier entry has it",
    remedy="remove one of the entries from the queue",
)
_STATUS_REMEDIES = {
    EntryStatus.SUCCESS: "nothing: its recipe is there; `doit requeue` with its source makes it anew",
    EntryStatus.IN_REVIEW: "the end of its pull request",
    EntryStatus.REQUIRES_MANUAL: "a person who looks at it, then `doit requeue`",
    EntryStatus.EXCLUDED: "a person who sets its status in the queue to pending",
}


def pipeline_disabled(case: Case, situation: Situation) -> Stop | None:
    """Ask the operator's main switch."""
    stop = stop_for(situation.control, case.ecosystem, situation.now)
    return stop if stop is not None and stop.gate is Gate.PIPELINE_DISABLED else None


def duplicate(case: Case, situation: Situation) -> Stop | None:
    """Ask whether an earlier entry has the source."""
    return None if situation.first[case.entry.source] == case.position else _DUPLICATE


def status(case: Case, situation: Situation) -> Stop | None:
    """Ask whether the entry is a candidate."""
    del situation
    status = case.entry.status
    return None if status in CANDIDATES else _status_stop(status)


def no_generator(case: Case, situation: Situation) -> Stop | None:
    """Ask whether this code can make recipes of the ecosystem."""
    return None if case.ecosystem in situation.generators else _no_generator_stop(case.ecosystem)


def no_runner(case: Case, situation: Situation) -> Stop | None:
    """Ask whether a recipe of the ecosystem could be tried at all: one that cannot is never merged."""
    return _no_runner_stop(case.ecosystem) if case.ecosystem in situation.untried else None


def not_in_batch_ecosystems(case: Case, situation: Situation) -> Stop | None:
    """Ask whether the configuration wants the ecosystem."""
    wanted = situation.config.batch.ecosystems
    return None if not wanted or case.ecosystem in wanted else _not_wanted_stop(case.ecosystem, tuple(wanted))


def ecosystem_disabled(case: Case, situation: Situation) -> Stop | None:
    """Ask the operator's switch of the ecosystem."""
    stop = stop_for(situation.control_if_enabled, case.ecosystem, situation.now)
    return stop if stop is not None and stop.gate is Gate.ECOSYSTEM_DISABLED else None


def blocked(case: Case, situation: Situation) -> Stop | None:
    """Ask whether the recipes that the package needs are there; for unknown ones it waits as long as in quarantine."""
    held = waiting(case, situation)
    if held is None:
        return None
    until = None
    if held.unknown:
        if case.known.blocked_at is None:
            return None
        until = later(case.known.blocked_at, 24 * situation.config.quarantine.days)
        if instant(until) <= situation.now:
            return None
    nobody = f"; nobody has asked for {', '.join(held.unknown)}" if held.unknown else ""
    return Stop(
        gate=Gate.BLOCKED,
        rule=BLOCKED_RULE,
        value=f"waits for {', '.join(held.missing)}{nobody}",
        since=case.known.blocked_at,
        until=until,
        remedy=f"recipes for {', '.join(held.missing)}; or `doit requeue {case.entry.source}`",
    )


def quarantined(case: Case, situation: Situation) -> Stop | None:
    """Ask whether a deterministic failure, or a rollback, stands."""
    known = case.known
    if known.rolled_back_at is not None:
        declined = known.last_outcome is AttemptOutcome.DECLINED
        return Stop(
            gate=Gate.QUARANTINED,
            rule=QUARANTINE_RULE,
            value="a reviewer did not want its recipe" if declined else "its recipe was rolled back",
            since=known.rolled_back_at,
            remedy=f"`doit requeue {case.entry.source}`",
        )
    if known.frozen_at is not None:
        return Stop(
            gate=Gate.QUARANTINED,
            rule=QUARANTINE_RULE,
            value="frozen: a version had other bytes than before",
            since=known.frozen_at,
            remedy=f"a person who finds out why; `doit requeue {case.entry.source}` accepts the new bytes",
        )
    if known.failure is None:
        return None
    return quarantine(known, case.entry.source, situation.fingerprint_of, situation.now, situation.config.quarantine)


def not_due(case: Case, situation: Situation) -> Stop | None:
    """Ask whether the backoff is over."""
    entry, known = case.entry, case.known
    if known.due_at is not None and instant(known.due_at) > situation.now:
        return Stop(
            gate=Gate.NOT_DUE,
            rule=DUE_RULE,
            value="its release is not old enough",
            since=known.held_since,
            until=known.due_at,
            remedy=f"time; or a lower `gates.release_age.min_hours`, then `doit requeue {entry.source}`",
        )
    from_queue = known is NOTHING  # the queue's copies count only where the journal knows nothing
    due = entry.next_retry_at if from_queue else next_try(known, entry.source, situation.config.retry)
    if due is None or instant(due) <= situation.now:
        return None
    failures = entry.failure_count if from_queue else max(known.streak, known.blocks)
    return Stop(
        gate=Gate.NOT_DUE,
        rule=DUE_RULE,
        value=f"after {failures} {'try' if failures == 1 else 'tries'} in a row that ended in what passes by itself",
        since=known.waits_since,
        until=due,
        remedy=f"time; or `doit requeue {entry.source}`",
    )


def breaker_open(case: Case, situation: Situation) -> Stop | None:
    """Ask the ecosystem's circuit breaker; which entry is its probe is not asked here."""
    return stop_for(situation.control_of_breakers, case.ecosystem, situation.now)


def waiting(case: Case, situation: Situation) -> Waiting | None:
    """Return the recipes that an entry waits for; None when it waits for none."""
    if case.entry.status is not EntryStatus.BLOCKED:
        return None
    found = waiting_for(case.entry, situation.available, situation.names)
    return found if found.missing else None


def is_aged(case: Case, situation: Situation) -> bool:
    """Return whether only time has opened an entry's quarantine, or its wait for a recipe that nobody knows."""
    days = situation.config.quarantine
    failure = case.known.failure
    if failure is not None:
        now = situation.fingerprint_of(case.entry.source, failure.upstream)
        changed = case.known.upstream_changed
        if standing(failure, now, days, situation.now, upstream_changed=changed) is Standing.AGED:
            return True
    held = waiting(case, situation)
    return held is not None and bool(held.unknown) and case.known.blocked_at is not None


@cache
def _status_stop(status: EntryStatus) -> Stop:
    return Stop(gate=Gate.STATUS, rule=STATUS_RULE, value=status.value, remedy=_STATUS_REMEDIES[status])


@cache
def _no_generator_stop(ecosystem: str) -> Stop:
    return Stop(
        gate=Gate.NO_GENERATOR,
        rule=GENERATOR_RULE,
        value=f"{ecosystem} has none",
        remedy=f"`ecosystems.{ecosystem}.generator` in pipeline.yaml, once there is a module for it",
    )


@cache
def _no_runner_stop(ecosystem: str) -> Stop:
    return Stop(
        gate=Gate.NO_RUNNER,
        rule=RUNNER_RULE,
        value=f"no sandbox here installs packages of {ecosystem}",
        remedy="`platforms.<id>.runner: external` in pipeline.yaml, with a command or with another machine's results",
    )


@cache
def _not_wanted_stop(ecosystem: str, wanted: tuple[str, ...]) -> Stop:
    return Stop(
        gate=Gate.NOT_IN_BATCH_ECOSYSTEMS,
        rule=WANTED_RULE,
        value=f"{ecosystem} is not among {', '.join(wanted)}",
        remedy="`batch.ecosystems` in pipeline.yaml",
    )
