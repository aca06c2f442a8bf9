"""`doit check` as its own process: exit code, lines, annotations, records, and the one call of the webhook."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pipeline.history.fold import PackageHistory
from pipeline.instants import timestamp
from pipeline.lock import alone
from pipeline.model import AlarmRecord, Attempt, AttemptOutcome, BatchState, Category, Stage, Subcategory
from pipeline.state import alarms, journal
from pipeline.state.ledger import Ledger
from tests.builders_ledger import ledger_entry
from tests.e2e.world import PATIENCE, World
from tests.fake_webhook import SECRET, FakeWebhook

NOW = datetime.now(UTC)
LONG_AGO = timestamp(NOW - timedelta(days=9))


@pytest.fixture
def webhook() -> Iterator[FakeWebhook]:
    with FakeWebhook() as server:
        yield server


@pytest.fixture
def ill(world: World) -> World:
    """A root whose npm has been ill for nine days."""
    world.queue("npm:aloft")
    world.control(circuit_breaker={"npm": {"state": "open", "failures": 5, "opened_at": LONG_AGO}})
    return world


def lines(world: World) -> list[tuple[str, bool, bool]]:
    return [(line.subject, line.cleared, line.told) for line in alarms.read(world.paths)]


def test_where_nothing_rings_it_ends_well_and_writes_nothing(world: World) -> None:
    """Also before the first batch, and without a queue."""
    assert world.ran("check").out == "✓ nothing rings\n"
    world.queue("npm:aloft")
    document = json.loads(world.ran("check", "--json").out)
    assert document == {"ringing": [], "cleared": [], "recorded": [], "delivered": [], "warnings": []}
    assert not world.paths.alarms.exists()


def test_an_alarm_is_an_exit_code_a_line_and_a_record(ill: World) -> None:
    """Written down once, shown each time, also by status, which ends well; with a line when it has ended."""
    first = ill.doit("check")
    assert (first.exit_code, first.err) == (8, "")
    said = " ".join(first.out.split())
    assert said.startswith(
        "✗ 1 alarm rings ✗ breaker_open the breaker of npm is open for 9.0 d; allowed: at most 24 h "
    )
    assert "\n      remedy: " in first.out
    second = json.loads(ill.doit("check", "--json").out)
    assert [one["subject"] for one in second["ringing"]] == ["npm"]
    assert second["recorded"] == []
    assert "✗ alarm              breaker_open: the breaker of npm is open for 9.0 d; " in ill.ran("status").out
    assert json.loads(ill.ran("status", "--json").out)["alarms"][0]["since"] == LONG_AGO
    assert lines(ill) == [("npm", False, False)]

    ill.control()
    assert ill.ran("check").out == "✓ nothing rings\n  ✓ ended              breaker open: npm\n"
    assert lines(ill) == [("npm", False, False), ("npm", True, False)]
    (cleared,) = json.loads(ill.ran("check", "--json").out)["cleared"]
    assert cleared["subject"] == "npm"


def test_the_webhook_is_called_once_for_what_is_new(ill: World, webhook: FakeWebhook) -> None:
    """One call for all that began, none for what goes on, one for what has ended."""
    Ledger(ill.paths).append(ledger_entry(state=BatchState.PUBLISHED, published_at=LONG_AGO))
    for _ in range(2):
        done = ill.doit("check", RECIPELINE_WEBHOOK=webhook.url)
        assert (done.exit_code, done.err) == (8, "")
    (body,) = webhook.bodies
    assert [each["kind"] for each in body["alarms"]] == ["breaker_open", "stale_review"]
    assert body["text"].startswith("recipeline\nALARM breaker open: npm: ")
    records = msgspec.json.decode(json.dumps(body["alarms"]), type=list[AlarmRecord])
    assert records == [one for one in alarms.read(ill.paths) if not one.told]

    ill.control()
    ill.doit("check", RECIPELINE_WEBHOOK=webhook.url)
    assert [(each["subject"], each["cleared"]) for each in webhook.bodies[1]["alarms"]] == [("npm", True)]
    assert len(webhook.bodies) == 2


def test_what_was_not_delivered_is_delivered_by_the_next_check(ill: World, webhook: FakeWebhook) -> None:
    """A warning, the record kept, the address nowhere; and again nothing twice."""
    webhook.statuses = [500] * 3
    done = ill.doit("check", RECIPELINE_WEBHOOK=webhook.url)
    assert done.exit_code == 8
    assert done.err == (
        "recipeline: warning: the webhook was not reached: it answered 500; the next check tries again\n"
    )
    assert lines(ill) == [("npm", False, False)]
    ill.doit("check", RECIPELINE_WEBHOOK=webhook.url)
    ill.doit("check", RECIPELINE_WEBHOOK=webhook.url)
    assert len(webhook.bodies) == 4
    assert lines(ill) == [("npm", False, False), ("npm", False, True)]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_address_is_nowhere(ill: World, options: tuple[str, ...]) -> None:
    """Neither in what is printed nor in any file, whether it is reached or not."""
    with FakeWebhook() as gone:
        url = gone.url
    done = ill.doit("check", *options, RECIPELINE_WEBHOOK=url)
    assert "the webhook was not reached: no connection" in done.err
    assert SECRET not in done.out + done.err
    assert [path for path in ill.root.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []


def test_a_check_killed_after_the_call_tells_it_again(ill: World, webhook: FakeWebhook) -> None:
    """At least once: a process that dies before it has noted the delivery leaves it to the next."""
    webhook.hanging = True
    process = ill.start("check", RECIPELINE_WEBHOOK=webhook.url)
    assert webhook.arrived.wait(PATIENCE)
    process.kill()
    process.communicate()
    assert lines(ill) == [("npm", False, False)]
    webhook.hanging = False
    assert ill.doit("check", RECIPELINE_WEBHOOK=webhook.url).exit_code == 8
    assert len(webhook.bodies) == 2
    assert lines(ill)[-1] == ("npm", False, True)


def test_while_another_process_works_it_still_rings(ill: World, webhook: FakeWebhook) -> None:
    """Nothing is written by two at once; the exit code does not wait."""
    ill.paths.build.mkdir(exist_ok=True)
    with alone(ill.paths, NOW):
        done = ill.doit("check", RECIPELINE_WEBHOOK=webhook.url)
    assert done.exit_code == 8
    assert "nothing was written down or sent: another run works on" in done.err
    assert (lines(ill), webhook.bodies) == ([], [])


def test_in_ci_hostile_words_stay_inside_their_annotation(ill: World) -> None:
    """What upstream wrote is shown in GitHub's annotation and table, and steers neither."""
    hostile = "1.2.3%0A\n::error title=x::owned,\r| <img src=x> `"
    line = Attempt(
        source="npm:aloft",
        stage=Stage.PAYLOAD,
        outcome=AttemptOutcome.FAILED,
        category=Category.RECIPE_NOT_FOUND,
        subcategory=Subcategory.CHANGED_BYTES,
        message=hostile,
        at=LONG_AGO,
    )
    journal.append(ill.paths, [line])
    assert journal.history(ill.paths, NOW)["npm:aloft"] != PackageHistory()
    summary = ill.folder / "summary.md"
    done = ill.doit("check", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert done.exit_code == 8
    breaker, frozen = done.err.splitlines()
    assert breaker.startswith("::error title=breaker open%3A npm::the breaker of npm is open")
    assert frozen.startswith("::error title=changed bytes%3A npm%3Aaloft::npm:aloft is frozen: 1.2.3%250A ::error ")
    assert not any(line.lstrip().startswith("::") for line in done.out.splitlines())
    table = summary.read_text()
    assert [line.count("|") for line in table.splitlines() if line.startswith("|")] == [6] * 4
    assert "<img" not in table


def test_a_summary_that_cannot_be_written_is_a_warning(ill: World) -> None:
    """The exit code is that of the alarms."""
    done = ill.doit("check", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(ill.root))
    assert done.exit_code == 8
    assert "::warning title=doit check::the summary was not written: " in done.err


def test_a_torn_last_line_costs_only_itself(ill: World) -> None:
    """A crash in the middle of a write, then a check."""
    ill.doit("check")
    with ill.paths.alarms.open("ab") as file:
        file.write(b'{"kind": "breaker_op')
    ill.control()
    ill.ran("check")
    assert lines(ill) == [("npm", False, False), ("npm", True, False)]


def test_publishing_writes_down_what_began_to_ring(world: World) -> None:
    """So that an alarm is known from the hour in which it began, also where nobody runs a check."""
    world.queue(world.npm("aloft"))
    world.control(circuit_breaker={"pypi": {"state": "open", "failures": 5, "opened_at": LONG_AGO}})
    world.ran()
    world.ran("publish")
    assert lines(world) == [("pypi", False, False)]
    world.ran("publish")
    assert len(lines(world)) == 1
