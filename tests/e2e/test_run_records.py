"""What a run asked of the registries is kept for the metrics, however the run ends."""

import re
import signal
import threading

import pytest

from pipeline.instants import instant
from pipeline.model import Batch, RunRecord
from pipeline.source import ecosystem_of
from pipeline.state.metrics import read_runs
from tests.e2e.world import World, finish, load
from tests.fake_registry import Reply


@pytest.fixture
def stocked(world: World) -> World:
    """Two npm packages and one of PyPI; only this machine's platform."""
    world.configure(platforms=world.only_here())
    world.queue(world.npm("aloft"), world.npm("bright"), world.pypi("calm"))
    return world


def runs(world: World) -> list[RunRecord]:
    """Return the records of the batch's runs."""
    return read_runs(world.paths, load(world.paths.batch, Batch).id)


def test_a_run_leaves_what_it_asked_by_ecosystem(stocked: World) -> None:
    """As many requests as the registry has seen, each counted for its own ecosystem."""
    stocked.ran("generate")
    (record,) = runs(stocked)
    seen = [path.split("/")[1] for path in stocked.own_requests()]
    asked = {name: traffic.requests for name, traffic in record.traffic.items()}
    assert sum(asked.values()) == len(seen)
    assert asked["npm"] == seen.count("npm") == 2
    assert all(traffic.bytes > 0 for traffic in record.traffic.values())
    assert {ecosystem_of(entry.source) for entry in load(stocked.paths.batch, Batch).selected} == set(asked)
    assert record.seconds > 0
    (path,) = stocked.paths.runs_folder.iterdir()
    assert re.fullmatch(r"\d{8}T\d{6}Z-\d+\.json", path.name)
    assert path.name.startswith(re.sub("[-:]", "", record.started_at))
    assert instant(record.started_at).tzinfo is not None


def test_a_run_that_asks_nothing_leaves_nothing(stocked: World) -> None:
    """An hourly run with nothing to do must not fill the folder; nor does `doit list`."""
    stocked.ran("generate")
    kept = {path: path.read_bytes() for path in stocked.paths.runs_folder.iterdir()}
    stocked.ran("generate")
    stocked.ran("list")
    assert {path: path.read_bytes() for path in stocked.paths.runs_folder.iterdir()} == kept


def test_stored_answers_are_counted_too(stocked: World) -> None:
    """Made again within their freshness, recipes cost no request, and the record says so."""
    stocked.ran("generate")
    stocked.ran("clean", "generate")
    for path in stocked.paths.build.glob("generate/*/*"):
        path.unlink()
    stocked.ran("generate")
    again = runs(stocked)[-1]
    assert (again.traffic["npm"].requests, again.traffic["npm"].cache_hits) == (0, 2)


@pytest.mark.parametrize(
    ("how", "records"),
    [(signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGKILL, 0)],
    ids=lambda v: getattr(v, "name", ""),
)
def test_a_run_that_is_stopped_leaves_its_record(stocked: World, how: signal.Signals, records: int) -> None:
    """Asked to stop, it writes down what it asked; killed, it loses only its own. The next run adds to it."""
    stocked.ran("snapshot")
    stocked.registry.script("/npm/bright", Reply(delay=60))
    arrived = threading.Event()
    stocked.registry.at_request("/npm/bright", 1, arrived.set)
    process = stocked.start("generate:npm")
    assert arrived.wait(60)
    process.send_signal(how)
    finish(process)
    assert len(runs(stocked)) == records
    assert all(record.traffic["npm"].requests >= 1 for record in runs(stocked))

    stocked.ran("generate")

    assert len(runs(stocked)) == records + 1


def test_records_of_other_batches_are_dropped(stocked: World) -> None:
    """They are published or given up: the folder holds one batch's runs, whatever the years."""
    stocked.ran("generate")
    first = load(stocked.paths.batch, Batch).id
    stocked.queue(stocked.npm("dusk"))
    (stocked.paths.runs_folder / "20260101T000000Z-1.json").write_text("{")
    stocked.ran("generate")
    assert load(stocked.paths.batch, Batch).id != first
    assert len(runs(stocked)) == len(list(stocked.paths.runs_folder.iterdir())) == 1
