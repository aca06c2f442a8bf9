"""Numbers on disk: one line a batch, one record a run."""

from datetime import datetime, timedelta, timezone

import pytest

from pipeline.instants import instant
from pipeline.model import RunRecord, Traffic
from pipeline.state.metrics import append, drop_rechecks, keep_recheck, keep_run, read, read_rechecks, read_runs
from pipeline.store import Paths
from tests.builders import NOW
from tests.builders_metrics import metrics


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths(tmp_path)


def test_a_batch_has_one_line_however_often_it_is_published(paths):
    """The second time, nothing is written."""
    assert append(paths, metrics(1))
    assert not append(paths, metrics(1))
    assert append(paths, metrics(2))
    assert [line.batch_id for line in read(paths)] == ["2026-03-02-mixed-001", "2026-03-02-mixed-002"]
    assert [path.name for path in paths.metrics_folder.iterdir()] == ["2026-03.jsonl"]


def test_the_month_is_that_of_the_publication_in_utc(paths):
    """A batch of the month's first minute east of Greenwich belongs to the month before."""
    append(paths, metrics(1, at=datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))))
    append(paths, metrics(2))
    assert sorted(path.name for path in paths.metrics_folder.iterdir()) == ["2026-02.jsonl", "2026-03.jsonl"]


def test_reading_gives_the_order_of_publication_each_batch_once(paths):
    """Two branches that were merged repeat lines and mix them."""
    first, second = metrics(1, at=NOW - timedelta(hours=1)), metrics(2)
    append(paths, second)
    append(paths, first)
    (path,) = paths.metrics_folder.iterdir()
    path.write_bytes(path.read_bytes() * 2)
    assert read(paths) == [first, second]


def test_reading_begins_at_a_moment(paths):
    """Older months are not even opened."""
    old, new = metrics(1, at=NOW - timedelta(days=40)), metrics(2)
    append(paths, old)
    append(paths, new)
    assert read(paths, NOW) == [new]
    assert read(paths, NOW + timedelta(seconds=1)) == []
    (paths.metrics_folder / "2026-01.jsonl").unlink()
    (paths.metrics_folder / "2026-01.jsonl").mkdir()  # opening it would fail
    assert read(paths, NOW - timedelta(days=2)) == [new]


@pytest.mark.parametrize("spoiled", [b'{"batch_id": "2026-03', b"\xff\n", b"[]\n", b"\n\n"])
def test_a_line_that_cannot_be_read_costs_only_itself(paths, spoiled):
    """A crash in the middle of a write leaves half a line: it is ended, and the rest goes on."""
    append(paths, metrics(1))
    (path,) = paths.metrics_folder.iterdir()
    path.write_bytes(path.read_bytes() + spoiled)
    assert append(paths, metrics(2))
    assert [line.batch_id[-3:] for line in read(paths)] == ["001", "002"]


def test_without_a_folder_there_is_nothing(paths):
    """A new root has no numbers, and reading makes no folder."""
    assert (read(paths), read_runs(paths, "x")) == ([], [])
    assert not paths.data.exists()


# ------------------------------------------------------------------------------------ runs


def run(batch_id: str = "2026-03-02-npm-001", started_at: str = "2026-03-02T12:00:00Z") -> RunRecord:
    return RunRecord(batch_id=batch_id, started_at=started_at, seconds=1, traffic={"npm": Traffic(requests=1)})


def test_each_run_has_its_own_file(paths):
    """Named by its beginning and its process, in the order of time."""
    later = run(started_at="2026-03-02T15:00:00+02:00")
    keep_run(paths, later, 7)
    keep_run(paths, run(), 8)
    names = sorted(path.name for path in paths.runs_folder.iterdir())
    assert names == ["20260302T120000Z-8.json", "20260302T130000Z-7.json"]
    assert read_runs(paths, run().batch_id) == [run(), later]


def test_only_one_batchs_runs_are_kept(paths):
    """Those of another batch, and what is no record, go when the next run ends; until then they are not counted."""
    keep_run(paths, run("2026-03-01-npm-001"), 1)
    (paths.runs_folder / "x.json").write_text("{")
    assert read_runs(paths, run().batch_id) == []
    keep_run(paths, run(), 2)
    assert [path.name for path in paths.runs_folder.iterdir()] == ["20260302T120000Z-2.json"]


def test_rechecks_count_until_the_publication_that_holds_them(paths):
    """Those that began up to its time are read, then dropped; a later one waits for the next, a batch's runs stay."""
    noon, evening = run(), run(started_at="2026-03-02T18:00:00Z")
    keep_run(paths, run(), 1)
    keep_recheck(paths, noon, 2)
    keep_recheck(paths, evening, 3)
    (paths.rechecks_folder / "x.json").write_text("{")
    at = instant("2026-03-02T12:00:00Z")
    assert read_rechecks(paths, at) == [noon]
    drop_rechecks(paths, at)
    assert [path.name for path in paths.rechecks_folder.iterdir()] == ["20260302T180000Z-3.json"]
    assert read_runs(paths, run().batch_id) == [run()]
