"""Packages that are frozen, because a version of theirs had other bytes than before. Pure."""

from collections.abc import Set

import msgspec

from pipeline.history.fold import History
from pipeline.source import ecosystem_of


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """One frozen package: since when, and what was seen."""

    source: str
    since: str
    message: str


def frozen_packages(history: History, excluded: Set[str], *, ecosystem: str | None = None) -> list[Frozen]:
    """Return what is frozen, the longest first; what a person has `excluded` from the queue is nobody's worry."""
    found = [
        Frozen(source=source, since=known.frozen_at, message=known.failure.message if known.failure else "")
        for source, known in history.items()
        if known.frozen_at is not None and source not in excluded and ecosystem in {None, ecosystem_of(source)}
    ]
    return sorted(found, key=lambda one: (one.since, one.source))
