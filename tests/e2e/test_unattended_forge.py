"""Hours and weeks on a forge where nobody looks, by the real commands: two at once, no review, no forge."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.operator import Operator
from tests.e2e.world import HOST, WatchedRegistry, finish
from tests.fake_forge import FakeForge, out_of_order

pytestmark = pytest.mark.skipif(HOST is None or HOST.os != "linux", reason="recipes are tried on Linux")


@pytest.fixture
def operator(registry: WatchedRegistry, tmp_path: Path) -> Iterator[Operator]:
    with FakeForge(tmp_path / "forge") as forge:
        yield Operator(tmp_path, registry, forge, update=False)


def statuses(operator: Operator) -> dict[str, str]:
    """Return how the entries stand, by name, as the next hour reads it."""
    document = json.loads((operator.root / "data" / "queues" / "priority-queue.json").read_text())
    return {entry["name"]: entry["status"] for entry in document["entries"]}


def ledger(operator: Operator) -> dict[str, str]:
    """Return the state of each batch, as the state branch of the forge has it."""
    lines = operator.forge.bare.show("recipeline-state", "data/batches.jsonl").splitlines()
    return {entry["batch_id"]: entry["state"] for entry in map(json.loads, lines)}


def test_two_publishers_at_once_open_one_pull_request(operator: Operator) -> None:
    """Two clones hold the same batch and publish it at the same time; both end well, and know the same address."""
    operator.configure()
    operator.queue(operator.npm("aloft"))
    operator.open_for_business()
    operator.ran()
    other = operator.root.with_name("other")
    shutil.copytree(operator.root, other, symlinks=True)
    both = [operator.start("publish"), operator.start("publish", PIPELINE_ROOT=str(other))]
    ended = [finish(process) for process in both]
    assert [done.exit_code for done in ended] == [0, 0], ended
    assert [pull.number for pull in operator.forge.pulls.open_ones()] == [1]
    assert list(ledger(operator).values()) == ["published"]
    for root in (operator.root, other):
        last = json.loads((root / "data" / "batches.jsonl").read_text().splitlines()[-1])
        assert last["pull_request"] == f"{operator.forge.url}/{operator.forge.repository}/pull/1"


@pytest.mark.long
def test_weeks_without_a_review_stop_nothing(operator: Operator) -> None:
    """Two pull requests may be open: each week's is opened all the same, and all of them count once they are merged."""
    names = ["aloft", "bright", "clear", "deft", "eager"]
    operator.configure(publish={**operator.publish, "open_pull_requests": 2})
    operator.queue()
    operator.open_for_business()
    for number, name in enumerate(names, 1):
        operator.more(name)
        operator.hour()
        assert len(operator.forge.pulls.open_ones()) == number
        assert set(statuses(operator).values()) == {"in_review"}
        operator.later(days=8)
    rings = operator.doit("check", "--json")
    assert rings.exit_code == 8
    stale = [alarm for alarm in json.loads(rings.out)["ringing"] if alarm["kind"] == "stale_review"]
    assert len(stale) == len(names)
    for pull in operator.forge.pulls.open_ones():
        operator.forge.pulls.merge(pull.number)
    operator.ran("sync")
    assert statuses(operator) == dict.fromkeys(names, "success")
    assert set(ledger(operator).values()) == {"merged"}
    rings = operator.doit("check", "--json")
    assert "stale_review" not in {alarm["kind"] for alarm in json.loads(rings.out)["ringing"]}


@pytest.mark.long
def test_a_day_without_the_forge_loses_nothing(operator: Operator) -> None:
    """The branches wait with their state; once the forge answers, their pull requests are opened, the oldest first."""
    names = ["aloft", "bright", "clear"]
    operator.configure()
    operator.queue()
    operator.open_for_business()
    operator.forge.fail(out_of_order(path="/repos"), times=1000)
    for name in names:
        operator.more(name)
        operator.ran()
        told = operator.doit("publish")
        assert (told.exit_code, "the forge" in told.out) == (0, True), told
        operator.later(hours=8)
    assert operator.forge.pulls.known == {}
    assert list(ledger(operator).values()) == ["published"] * 3
    operator.forge.heal()
    operator.ran("sync")
    opened = operator.forge.pulls.open_ones()
    batches = [pull.branch.removeprefix("batch/") for pull in opened]
    assert batches == sorted(ledger(operator))
    assert set(statuses(operator).values()) == {"in_review"}
