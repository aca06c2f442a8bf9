"""Changing the queue on disk: nothing but what changes."""

import json

import msgspec
import pytest

from pipeline.errors import BadInput
from pipeline.model import EntryStatus
from pipeline.state.queue_file import change, extend
from pipeline.store import SHIPPED, Paths
from tests.builders import config, entry

LATER = "2027-01-01T00:00:00Z"


@pytest.fixture
def paths(tmp_path):
    """A root with the queue that comes with the project."""
    found = Paths(tmp_path)
    (tmp_path / "data/queues").mkdir(parents=True)
    (tmp_path / config().queue).write_bytes((SHIPPED / config().queue).read_bytes())
    return found


def failed(*sources, **fields):
    """Return a change that fails some entries."""

    def wanted(queue):
        entries = [
            msgspec.structs.replace(entry, status=EntryStatus.FAILED, **fields) if entry.source in sources else entry
            for entry in queue.entries
        ]
        return msgspec.structs.replace(queue, entries=entries, updated_at=LATER)

    return wanted


def lines(paths):
    return (paths.root / config().queue).read_text().splitlines()


def test_only_what_changes_is_written(paths):
    """A diff of the file shows the statuses and nothing else."""
    before = lines(paths)
    change(paths, config(), failed("pypi:ruff", failure_count=2))
    after = lines(paths)
    differ = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new.strip() for _, new in differ] == [
        f'"updated_at": "{LATER}",',
        '"status": "failed",',
        '"failure_count": 2,',
    ]


def test_a_change_that_changes_nothing_does_not_touch_the_file(paths):
    """Not even its time."""
    path = paths.root / config().queue
    before = path.stat().st_mtime_ns, path.stat().st_ino
    change(paths, config(), lambda queue: queue)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_a_key_that_was_left_out_stands_where_the_record_has_it(paths):
    """Others that were left out stay so."""
    path = paths.root / config().queue
    raw = json.loads(path.read_text())
    short = {key: value for key, value in raw["entries"][0].items() if key not in {"failure_count", "next_retry_at"}}
    path.write_text(json.dumps({**raw, "entries": [short]}))
    change(paths, config(), failed(short["source"], failure_count=1))
    entry = json.loads(path.read_text())["entries"][0]
    assert entry == {**short, "status": "failed", "failure_count": 1}
    assert list(entry)[-1] == "failure_count"


def test_entries_stay_where_they_are(paths):
    """The order is the rank, and people's."""
    with pytest.raises(ValueError, match="move entries"):
        change(paths, config(), lambda queue: msgspec.structs.replace(queue, entries=queue.entries[1:]))


def test_new_entries_stand_at_the_end_and_say_only_what_is_so(paths):
    """What is there keeps its bytes; a new entry has no lines that say nothing."""
    before = (paths.root / config().queue).read_bytes()
    new = entry("npm:new", rank=3, added_at=LATER, alternatives=["pypi:new"])

    def wanted(queue):
        return msgspec.structs.replace(queue, entries=[*queue.entries, new], updated_at=LATER)

    extend(paths, config(), wanted)
    after = (paths.root / config().queue).read_bytes()
    head = before.split(b'"entries"')[1].rpartition(b"\n  ]")[0]
    assert head in after
    assert json.loads(after)["entries"][-1] == {
        "name": "new",
        "source": "npm:new",
        "priority": 2,
        "status": "pending",
        "confidence": "curated",
        "disambiguated_at": None,
        "failure_count": 0,
        "next_retry_at": None,
        "added_at": LATER,
        "rank": 3,
        "alternatives": ["pypi:new"],
    }


@pytest.mark.parametrize("kept", [slice(1, None), slice(None, None, -1), slice(0, 1)])
def test_an_addition_may_not_remove_or_move_entries(paths, kept):
    """It only adds."""
    with pytest.raises(ValueError, match="may not remove or move entries"):
        extend(paths, config(), lambda queue: msgspec.structs.replace(queue, entries=queue.entries[kept]))


def test_a_queue_that_cannot_be_read_is_never_overwritten(paths):
    """It may be in somebody's editor."""
    path = paths.root / config().queue
    path.write_text("{")
    with pytest.raises(BadInput, match="is not JSON"):
        change(paths, config(), failed("pypi:ruff"))
    assert path.read_text() == "{"
