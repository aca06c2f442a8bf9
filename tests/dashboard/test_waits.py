"""A page says why a pull request is not open yet, by the limits that publishing keeps."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from pipeline.config import PublishMode
from pipeline.dashboard.facts import Facts
from pipeline.dashboard.links import Links
from pipeline.dashboard.reading import read_facts
from pipeline.dashboard.rendering import render
from pipeline.dashboard.views.batches import batch_page
from pipeline.dashboard.views.overview import overview
from pipeline.dashboard.views.waits import NO_LIMIT, waits
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.instants import timestamp
from pipeline.model import BatchState, LedgerEntry, PullRequestOrder
from pipeline.publishing.limits import HOUR_RULE, OPEN_RULE
from pipeline.store import Paths, encode, write_bytes
from tests.builders import NOW, config, queue
from tests.builders_ledger import ledger_entry

IDS = tuple(f"2026-03-01-npm-{number:03d}" for number in range(1, 4))


def published(batch_id: str, ago: timedelta, url: str = "") -> LedgerEntry:
    at = timestamp(NOW - ago)
    return ledger_entry(
        batch_id=batch_id, state=BatchState.PUBLISHED, at=at, branch=f"batch/{batch_id}", pull_request=url
    )


def ordered(batch_id: str) -> PullRequestOrder:
    return PullRequestOrder(
        batch_id=batch_id,
        branch=f"batch/{batch_id}",
        title="Add recipes",
        body="",
        labels=[],
        auto_merge=False,
        squash_title="Add recipes",
        squash_body="",
    )


@pytest.fixture
def facts(tmp_path) -> Facts:
    """One pull request is open since some hours, two batches wait for theirs, and one may be open at once."""
    paths, given = Paths(tmp_path), config()
    limits = msgspec.structs.replace(given.publish, mode=PublishMode.GITHUB, open_pull_requests=1)
    given = msgspec.structs.replace(given, publish=limits)
    write_bytes(paths.root / given.queue, encode(queue()))
    read = read_facts(paths, given, {name: module.REVISION for name, module in ECOSYSTEMS.items()}, NOW)
    first = published(IDS[0], timedelta(hours=9), "https://forge.example/tools/registry/pull/1")
    lines = [first, *(published(batch_id, timedelta(hours=2)) for batch_id in IDS[1:])]
    return replace(
        read,
        ledger={line.batch_id: [line] for line in lines},
        orders={batch_id: ordered(batch_id) for batch_id in IDS[1:]},
    )


def limited(facts: Facts, **fields) -> Facts:
    """Return the same with other settings of publishing."""
    given = facts.situation.config
    limits = msgspec.structs.replace(given.publish, **fields)
    return replace(facts, situation=replace(facts.situation, config=msgspec.structs.replace(given, publish=limits)))


def test_as_many_are_open_as_may_be(facts):
    """Both wait for the same; the page of the batch and the overview say so."""
    found = waits(facts)
    assert [(batch_id, wait.rule, wait.value) for batch_id, wait in found.items()] == [
        (batch_id, OPEN_RULE, "1 are open") for batch_id in IDS[1:]
    ]
    links = Links(facts=facts)
    page = batch_page(facts, links, IDS[1], found)
    assert page.wait == found[IDS[1]]
    assert "Why its pull request is not open" in render("batch.html", view=page, root="../")
    waiting = {each.batch.text: each.wait for each in overview(facts, links, []).reviews}
    assert waiting == {IDS[0]: None, **found}


def test_as_many_were_opened_in_an_hour_as_may_be(facts):
    """The time at which the next one may be opened is known."""
    at = NOW - timedelta(minutes=20)
    opened = published(IDS[0], timedelta(minutes=20), "https://forge.example/tools/registry/pull/1")
    facts = replace(facts, ledger={**facts.ledger, IDS[0]: [opened]})
    wait = waits(limited(facts, open_pull_requests=5, pull_requests_per_hour=1))[IDS[1]]
    assert (wait.rule, wait.value) == (HOUR_RULE, "1 in the last hour")
    assert wait.until == timestamp(at + timedelta(hours=1, seconds=1))


def test_without_a_limit_in_its_way_the_next_step_is_named(facts):
    """What the forge answers is not part of the state, so `doit sync` is what tells it."""
    found = waits(limited(facts, open_pull_requests=5, pull_requests_per_hour=9))
    assert {(batch_id, wait.rule) for batch_id, wait in found.items()} == {(batch_id, NO_LIMIT) for batch_id in IDS[1:]}


def test_without_a_forge_nothing_waits(facts):
    """A batch that is published to a folder or a branch has no pull request."""
    assert waits(limited(facts, mode=PublishMode.LOCAL)) == {}


def test_an_order_that_takes_recipes_back_is_not_its_batch_waiting(facts):
    """Its branch is another; and a batch without an order waits for nobody."""
    back = msgspec.structs.replace(ordered(IDS[1]), branch=f"rollback/{IDS[1]}")
    assert waits(replace(facts, orders={IDS[1]: back})) == {}
