"""Small valid alarms and facts for tests; each keyword overrides one field."""

from typing import Any

from pipeline.alarms.facts import Facts
from pipeline.instants import timestamp
from pipeline.model import AlarmKind, AlarmRecord, Budget
from tests.builders import NOW, config


def alarm(kind: AlarmKind = AlarmKind.BREAKER_OPEN, subject: str = "npm", **fields: Any) -> AlarmRecord:
    """Return an alarm that rings now, since the first of March."""
    given: dict[str, Any] = {
        "kind": kind,
        "subject": subject,
        "since": "2026-03-01T00:00:00Z",
        "value": "the breaker of npm is open for 36.0 h",
        "limit": "at most 24 h (alarms.breaker_open_hours)",
        "remedy": "see whether its registry answers",
        "at": timestamp(NOW),
    }
    return AlarmRecord(**{**given, **fields})


def facts(**fields: Any) -> Facts:
    """Return a pipeline in which nothing has happened yet, with the shipped limits."""
    shipped = config()
    given: dict[str, Any] = {
        "now": NOW,
        "limits": shipped.alarms,
        "budget_limits": shipped.budget,
        "batches": [],
        "at_work": frozenset(),
        "reviews": [],
        "frozen": [],
        "breakers": {},
        "budget": Budget(),
    }
    return Facts(**{**given, **fields})
