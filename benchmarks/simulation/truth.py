"""The truth table: what happens to each package whenever it is tried, and which of them can ever be made."""

from collections.abc import Iterable, Mapping, Set
from enum import StrEnum
from pathlib import Path
from typing import Literal

import msgspec

from pipeline.errors import PipelineError
from pipeline.model import EntryStatus, Queue, QueueEntry, Subcategory
from pipeline.selection.statuses import CANDIDATES
from pipeline.store import read_bytes
from pipeline.text import kebab


class Reason(StrEnum):
    """Why a package fails, in the words of the table."""

    UNSUPPORTED_IDENTIFIER = "unsupported_identifier"
    RECIPE_NOT_FOUND = "recipe_not_found"
    NO_BOTTLES = "no_bottles"
    COMPLEX_ARCHIVE = "complex_archive"
    INSTALL_FAILED = "install_failed"
    NO_EXECUTABLES = "no_executables"
    BAD_HOMEPAGE = "bad_homepage"
    CANNOT_BE_DETERMINISTIC = "cannot_be_deterministic"
    MISSING_DEP = "missing_dep"


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. A `missing_dep` succeeds once every name in `blocked_by` has a recipe."""

    source: str
    result: Literal["ok", "fails", "excluded"]
    reason: Reason | None = None
    blocked_by: list[str] = []
    evidence: str = ""

    @property
    def may_succeed(self) -> bool:
        """Whether it succeeds, at once or when others have."""
        return self.result == "ok" or self.reason is Reason.MISSING_DEP


# What the pipeline calls each reason. `install_failed` shows only when the recipe is run.
CAUSES: Mapping[Reason, Subcategory] = {
    Reason.UNSUPPORTED_IDENTIFIER: Subcategory.BAD_NAME,
    Reason.RECIPE_NOT_FOUND: Subcategory.NOT_FOUND,
    Reason.NO_BOTTLES: Subcategory.NO_PLATFORM_BUILD,
    Reason.COMPLEX_ARCHIVE: Subcategory.NEEDS_BUILD,
    Reason.INSTALL_FAILED: Subcategory.INSTALL_ERROR,
    Reason.NO_EXECUTABLES: Subcategory.NO_EXECUTABLES,
    Reason.BAD_HOMEPAGE: Subcategory.BAD_METADATA,
    Reason.CANNOT_BE_DETERMINISTIC: Subcategory.NEEDS_BUILD,
    Reason.MISSING_DEP: Subcategory.MISSING_RECIPE,
}


def read_truth(path: Path) -> dict[str, Truth]:
    """Return the table by source; raises `PipelineError` with file and line for what is no line of it.

    Where lines of one source disagree, `ok` counts: a queue may name a source twice, and it was made once.
    """
    table: dict[str, Truth] = {}
    decoder = msgspec.json.Decoder(Truth)
    for number, line in enumerate(read_bytes(path, purpose="truth table").splitlines(), start=1):
        try:
            truth = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PipelineError(f"{path}, line {number}: {error}", remedy="write one JSON object a line") from None
        if truth.source not in table or truth.result == "ok":
            table[truth.source] = truth
    return table


def check_covers(table: Mapping[str, Truth], queue: Queue, place: Path) -> None:
    """Raise `PipelineError` when the table says nothing of an entry of the queue."""
    missing = [entry.source for entry in queue.entries if entry.source not in table]
    if missing:
        rule = f"{place}: nothing is said of {missing[0]} and {len(missing) - 1} other entries of the queue"
        raise PipelineError(rule, remedy="give the table that belongs to the queue")


def reachable(entries: Iterable[QueueEntry], table: Mapping[str, Truth], never_merged: Set[str]) -> set[str]:
    """Return the sources that can be made: those that are ok, and those whose blockers can all be made and merged.

    Entries that have succeeded already need not be made. A recipe of `never_merged` (sources whose pull request stays
    open) is made, and sets nobody free.
    """
    entries = list(entries)
    merged = recipes_of(entries)
    waiting = {
        entry.source: entry for entry in entries if entry.status in CANDIDATES and table[entry.source].may_succeed
    }
    found: set[str] = set()
    grown = True
    while grown:
        ready = {source: entry for source, entry in waiting.items() if is_ready(table[source], merged)}
        found |= ready.keys()
        merged |= {kebab(entry.name) for source, entry in ready.items() if source not in never_merged}
        waiting = {source: entry for source, entry in waiting.items() if source not in ready}
        grown = bool(ready)
    return found


def recipes_of(entries: Iterable[QueueEntry]) -> set[str]:
    """Return the names of the recipes that there are before anything is made."""
    return {kebab(entry.name) for entry in entries if entry.status is EntryStatus.SUCCESS}


def is_ready(truth: Truth, merged: Set[str]) -> bool:
    """Return whether a package succeeds when it is tried now; `merged` are the names of the recipes that there are."""
    return truth.may_succeed and all(kebab(name) in merged for name in truth.blocked_by)
