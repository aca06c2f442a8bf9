"""Whose metadata is looked at again: packages in quarantine, the one longest not looked at first. Pure."""

from pipeline.instants import later, timestamp
from pipeline.model import EntryStatus
from pipeline.selection.retry import quarantine
from pipeline.selection.situation import Case, Situation


def due_looks(situation: Situation) -> list[Case]:
    """Return the packages that only a change upstream could bring back today, longest not looked at first.

    A try is a look, too. Those whose quarantine is over for another reason are tried anyway.
    """
    now = timestamp(situation.now)
    hours = situation.config.quarantine.recheck_hours
    due = [case for case in situation.cases() if _is_held(case, situation) and later(last_look(case), hours) <= now]
    return sorted(due, key=lambda case: (last_look(case), case.position))


def last_look(case: Case) -> str:
    """Return when a package's metadata was last read; "" for one that has not failed."""
    failed = case.known.failure.at if case.known.failure else ""
    return max(failed, case.known.rechecked_at or "")


def _is_held(case: Case, situation: Situation) -> bool:
    source = case.entry.source
    return (
        case.entry.status is EntryStatus.FAILED
        and case.ecosystem in situation.generators
        and situation.first[source] == case.position
        and quarantine(case.known, source, situation.fingerprint_of, situation.now, situation.config.quarantine)
        is not None
    )
