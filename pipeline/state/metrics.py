"""Numbers on disk: one record for each run below `build/runs`, one line for each batch below `data/metrics`."""

from pathlib import Path

from pipeline.instants import instant, timestamp
from pipeline.model import RunRecord
from pipeline.store import Paths, read_result, write


def keep_run(paths: Paths, record: RunRecord, pid: int) -> None:
    """Write what one process asked, and drop the records of other batches: those are published, or given up."""
    for path, known in _runs(paths):
        if known is None or known.batch_id != record.batch_id:
            path.unlink(missing_ok=True)
    started = timestamp(instant(record.started_at)).replace("-", "").replace(":", "")
    write(paths.runs_folder / f"{started}-{pid}.json", record)


def read_runs(paths: Paths, batch_id: str) -> list[RunRecord]:
    """Return the records of a batch's runs, in the order in which they began."""
    return [record for _, record in _runs(paths) if record is not None and record.batch_id == batch_id]


def _runs(paths: Paths) -> list[tuple[Path, RunRecord | None]]:
    """Return each file of the folder with its record, None for one that is damaged."""
    return [(path, read_result(path, RunRecord)) for path in sorted(paths.runs_folder.glob("*.json"))]
