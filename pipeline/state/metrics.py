"""Numbers on disk: one record for each run below `build/runs`, one line for each batch below `data/metrics`."""

from datetime import UTC, datetime
from pathlib import Path

from pipeline.instants import instant, known_instant, timestamp
from pipeline.model import BatchMetrics, RunRecord
from pipeline.state.jsonl import append_lines, read_lines
from pipeline.store import Paths, read_result, write

# Before any batch: read everything.
BEGINNING = datetime.min.replace(tzinfo=UTC)


def append(paths: Paths, metrics: BatchMetrics) -> bool:
    """Add the line of a batch to its month, unless the batch has one there; return whether it was added.

    A batch that is published again has the same time of publication (the ledger fixes it), so the same month.
    """
    path = paths.metrics_folder / f"{_month(instant(metrics.at))}.jsonl"
    if any(line.batch_id == metrics.batch_id for line in read_lines(path, BatchMetrics)):
        return False
    append_lines(path, [metrics])
    return True


def read(paths: Paths, since: datetime = BEGINNING) -> list[BatchMetrics]:
    """Return the batches published since a moment, oldest first, each once; older months are not opened.

    A merge of two branches may repeat lines and change their order. A line that cannot be read is left out.
    """
    found: dict[str, tuple[datetime, BatchMetrics]] = {}
    for path in sorted(paths.metrics_folder.glob("*.jsonl")):
        if path.stem >= _month(since):
            for line in read_lines(path, BatchMetrics):
                at = known_instant(line.at)
                if at is not None and at >= since:
                    found.setdefault(line.batch_id, (at, line))
    return [line for _, line in sorted(found.values(), key=_order)]


def keep_run(paths: Paths, record: RunRecord, pid: int) -> None:
    """Write what one process asked, and drop the records of other batches: those are published, or given up."""
    for path, known in _runs(paths.runs_folder):
        if known is None or known.batch_id != record.batch_id:
            path.unlink(missing_ok=True)
    write(paths.runs_folder / _run_name(record, pid), record)


def keep_recheck(paths: Paths, record: RunRecord, pid: int) -> None:
    """Write what one recheck asked: it belongs to no batch, and counts with the next one that is published."""
    write(paths.rechecks_folder / _run_name(record, pid), record)


def read_runs(paths: Paths, batch_id: str) -> list[RunRecord]:
    """Return the records of a batch's runs, in the order in which they began."""
    return [record for _, record in _runs(paths.runs_folder) if record is not None and record.batch_id == batch_id]


def read_rechecks(paths: Paths, until: datetime) -> list[RunRecord]:
    """Return the records of rechecks that began up to a moment and were not dropped yet, in that order."""
    return [record for _, record in _runs(paths.rechecks_folder) if record is not None and _began(record, until)]


def drop_rechecks(paths: Paths, until: datetime) -> None:
    """Remove the records of rechecks that began up to a moment, and those that are damaged."""
    for path, record in _runs(paths.rechecks_folder):
        if record is None or _began(record, until):
            path.unlink(missing_ok=True)


def _began(record: RunRecord, until: datetime) -> bool:
    at = known_instant(record.started_at)
    return at is None or at <= until


def _run_name(record: RunRecord, pid: int) -> str:
    started = timestamp(instant(record.started_at)).replace("-", "").replace(":", "")
    return f"{started}-{pid}.json"


def _runs(folder: Path) -> list[tuple[Path, RunRecord | None]]:
    """Return each file of a folder with its record, None for one that is damaged."""
    return [(path, read_result(path, RunRecord)) for path in sorted(folder.glob("*.json"))]


def _month(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return f"{moment.year:04d}-{moment.month:02d}"


def _order(item: tuple[datetime, BatchMetrics]) -> tuple[datetime, str]:
    at, line = item
    return at, line.batch_id
