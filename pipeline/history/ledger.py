"""The ledger's lines folded into what is known of each batch. Pure."""

from collections.abc import Iterable

from pipeline.model import BatchState, LedgerEntry, LedgerFile

# Batches whose recipes may still arrive; also those that were left half published, as their branch may be there.
WAITING = frozenset({BatchState.BUILT, BatchState.PUBLISHED})


def standing_files(entry: LedgerEntry) -> list[LedgerFile]:
    """Return the recipes of a batch that were not taken out of it; of one that was declined as a whole, none."""
    if entry.state in {BatchState.ROLLED_BACK, BatchState.CLOSED}:
        return []
    return [file for file in entry.files if file.source not in entry.rolled_back]


def holders(entries: Iterable[LedgerEntry]) -> dict[str, str]:
    """Return which of some batches holds a recipe of a source, by source; the last one of several."""
    return {file.source: entry.batch_id for entry in entries for file in standing_files(entry)}


def held_paths(waiting: Iterable[LedgerEntry], batch_id: str) -> dict[str, str]:
    """Return which of the batches that wait for their merge, beside one itself, holds a path: the first of several.

    Two of them would change the same file, and the second could not be merged.
    """
    held: dict[str, str] = {}
    for entry in waiting:
        if entry.batch_id != batch_id:
            for file in standing_files(entry):
                held.setdefault(file.path, entry.batch_id)
    return held


def held_executables(waiting: Iterable[LedgerEntry], batch_id: str) -> dict[str, list[str]]:
    """Return what the recipes install that wait for their merge with other batches than one, by their path."""
    files = (file for entry in waiting if entry.batch_id != batch_id for file in standing_files(entry))
    return {file.path: list(file.executables) for file in files}


def taken_out(entry: LedgerEntry) -> list[LedgerFile]:
    """Return the recipes of a batch that were rolled back: all of it unless it names some."""
    if entry.state is BatchState.ROLLED_BACK and not entry.rolled_back:
        return entry.files
    return [file for file in entry.files if file.source in entry.rolled_back]


def given_back(entry: LedgerEntry) -> list[LedgerFile]:
    """Return the recipes that nobody rolled back, but whose batch is not to be merged any more."""
    if entry.state is not BatchState.ROLLED_BACK or not entry.rolled_back:
        return []
    return [file for file in entry.files if file.source not in entry.rolled_back]


def given_back_at(lines: Iterable[LedgerEntry]) -> str | None:
    """Return when the recipes that nobody rolled back lost their batch, from its lines; None while they have one."""
    return next((line.at for line in lines if given_back(line)), None)


def taken_out_at(lines: Iterable[LedgerEntry], batch_id: str) -> dict[str, str]:
    """Return when each source of a batch was rolled back: the time of the first line that says so."""
    times: dict[str, str] = {}
    for line in lines:
        if line.batch_id == batch_id:
            for file in taken_out(line):
                times.setdefault(file.source, line.at)
    return times


def later_batch(entries: Iterable[LedgerEntry], path: str, sha256: str) -> str | None:
    """Return the newest batch that put exactly these bytes at a path, or None."""
    found = [entry.batch_id for entry in entries for file in entry.files if (file.path, file.sha256) == (path, sha256)]
    return found[-1] if found else None


def owner(entries: Iterable[LedgerEntry], file: LedgerFile, batch_id: str) -> str:
    """Return whose the recipe of a batch is now, by its path and bytes: a later batch's that made the same anew.

    Batches that were rolled back meanwhile own nothing, but for the one that is asked about.
    """
    found = batch_id
    for entry in entries:
        if entry.batch_id == batch_id:
            found = batch_id
        elif any((each.path, each.sha256) == (file.path, file.sha256) for each in standing_files(entry)):
            found = entry.batch_id
    return found
