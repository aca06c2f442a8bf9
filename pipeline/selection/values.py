"""What a gate sees in an entry that it lets through, in words. Pure."""

from pipeline.history.fold import NOTHING
from pipeline.model import EntryStatus
from pipeline.selection.predicates import is_aged, waiting
from pipeline.selection.retry import next_try
from pipeline.selection.situation import Case, Situation


def blocked_value(case: Case, situation: Situation) -> str:
    """Say what a package waited for."""
    if case.entry.status is not EntryStatus.BLOCKED:
        return "it waits for none"
    held = waiting(case, situation)
    if held is None:
        names = ", ".join(case.entry.blocked_by)
        return f"there now: {names}" if names else "blocked, but by nothing that is named"
    if case.known.blocked_at is None:
        return f"nobody has asked for {', '.join(held.unknown)}, and nobody knows since when it waits"
    return f"waited long enough for {', '.join(held.unknown)}, which nobody has asked for"


def quarantined_value(case: Case, situation: Situation) -> str:
    """Say why a failure does not hold a package any more."""
    failure = case.known.failure
    if failure is None:
        return "no failure of its own stands"
    cause = failure.subcategory.value if failure.subcategory else "a failure without a cause"
    if case.known.upstream_changed:
        return f"upstream has changed since it failed ({cause})"
    if is_aged(case, situation):
        return f"{cause}, but {situation.config.quarantine.days} days have passed since {failure.at}"
    return f"the generator or the policy has changed since it failed ({cause})"


def due_value(case: Case, situation: Situation) -> str:
    """Say since when a package is due."""
    entry, known = case.entry, case.known
    if known.due_at is not None:
        return f"due since {known.due_at}, when its release was old enough"
    due = entry.next_retry_at if known is NOTHING else next_try(known, entry.source, situation.config.retry)
    return f"due since {due}" if due else "it waits for no time"


def breaker_value(case: Case, situation: Situation) -> str:
    """Say how the ecosystem's breaker stands."""
    breaker = situation.control.circuit_breaker.get(case.ecosystem)
    return breaker.state.value if breaker else "closed"


def first_value(case: Case, situation: Situation) -> str:
    """Say how often the source stands in the queue."""
    count = situation.times[case.entry.source]
    return "it stands there once" if count == 1 else f"it is the first of {count}"
