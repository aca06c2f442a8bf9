"""`doit metrics` as a person and as a CI job call it."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pipeline.model import BatchState
from pipeline.state.ledger import Ledger
from pipeline.state.metrics import append
from tests.builders_ledger import ledger_entry
from tests.builders_metrics import counts, metrics
from tests.e2e.world import World

NOW = datetime.now(UTC)


@pytest.fixture
def known(world: World) -> World:
    """Three published batches; the last recipe, of PyPI, was included an hour ago, the last of npm three days ago."""
    world.queue("npm:aloft", added_at=(NOW - timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    for number, hours, ecosystem, included in ((1, 72, "npm", 1), (2, 48, "npm", 0), (3, 1, "pypi", 1)):
        at = NOW - timedelta(hours=hours)
        append(world.paths, metrics(number, at, ecosystems={ecosystem: counts(included, excluded=1)}))
    return world


def test_a_pipeline_that_never_ran_has_no_numbers_and_no_alarm(world: World) -> None:
    """It says so, ends well, and leaves no trace."""
    world.queue("npm:aloft")
    before = sorted(world.root.rglob("*"))
    assert world.ran("metrics").out.startswith("No batch yet: ")
    assert json.loads(world.ran("metrics", "--json").out)["known_batches"] == 0
    assert sorted(world.root.rglob("*")) == before


def test_the_numbers_are_plain_on_a_pipe(known: World) -> None:
    """Without colours and within 100 columns, also where the environment says nothing of a width."""
    out = known.ran("metrics").out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 100
    assert out.startswith("3 batches, published ")
    assert "success            40.0 % (2 of 5 attempted): npm 33.3 %, pypi 50.0 %" in out


def test_options_narrow_the_numbers(known: World) -> None:
    """Time, number and platform; the JSON document has what the tables have."""
    assert json.loads(known.ran("metrics", "--since", "24h", "--json").out)["batches"] == 1
    assert json.loads(known.ran("metrics", "--last", "2", "--json").out)["batches"] == 2
    document = json.loads(known.ran("metrics", "--platform", "darwin-arm64", "--json").out)
    assert document["query"]["platform"] == "darwin-arm64"
    levels = document["service_levels"]
    assert levels["success_of_all"] == {"part": 2, "whole": 5, "rate": 0.4}
    assert levels["queue_age"]["days"]["p50"] == pytest.approx(9, abs=0.01)
    assert levels["last_success"]["alarm"] is False


@pytest.mark.parametrize("json_too", [(), ("--json",)], ids=["tables", "json"])
def test_the_absence_of_success_is_an_alarm(known: World, json_too: tuple[str, ...]) -> None:
    """Exit code 8 and one line, after the numbers: of the ecosystem asked for, else of any."""
    done = known.doit("metrics", "--ecosystem", "npm", *json_too)
    assert (done.exit_code, done.err.count("\n")) == (8, 1)
    assert "no recipe of npm was included for 3.0 d; the last was in " in done.err
    assert "at most 48 h (alarms.no_success_hours)" in done.err
    if json_too:
        assert json.loads(done.err)["error"]["remedy"]
        assert json.loads(done.out)["service_levels"]["last_success"]["alarm"] is True
    else:
        assert "remedy: " in done.err
        assert "✗ alarm              no recipe of npm was included for 3.0 d; " in done.out
    known.ran("metrics", "--ecosystem", "pypi")
    known.ran("metrics", "--ecosystem", "npm", "alarms.no_success_hours=100")


def test_a_batch_that_nobody_merges_is_an_alarm(world: World) -> None:
    """Listed by status and marked there; metrics shows it and ends with exit code 8."""
    world.queue("npm:aloft")
    entry = ledger_entry(state=BatchState.PUBLISHED, published_at="2026-01-01T00:00:00Z")
    Ledger(world.paths).append(entry)
    shown = " ".join(world.ran("status").out.split())
    assert f"review {entry.batch_id}: 2 recipes, not merged for " in shown
    assert "longer than 7 d (alarms.review_days)" in shown
    (review,) = json.loads(world.ran("status", "--json").out)["reviews"]
    assert (review["batch_id"], review["since"], review["alarm"]) == (entry.batch_id, entry.published_at, True)
    done = world.doit("metrics")
    assert done.exit_code == 8
    assert f"{entry.batch_id} was not merged for " in done.out
    assert f"doit rollback --batch {entry.batch_id}" in done.err
    Ledger(world.paths).append(msgspec.structs.replace(entry, state=BatchState.MERGED))
    assert "review" not in world.ran("status").out
    assert "no batch waits for its merge" in world.ran("metrics").out


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("--ecosystem", "nmp"), 5, "did you mean `doit metrics --ecosystem npm`?"),
        (("--ecosystem", "zzz"), 5, "use one of npm, pypi"),
        (("--platform", "darwin-arm46"), 5, "did you mean `doit metrics --platform darwin-arm64`?"),
        (("--since", "2026-02-30"), 4, "24h, 7d or 4w"),
        (("--since", "yesterday"), 4, "24h, 7d or 4w"),
        (("--since", "\x1b[31m"), 4, "24h, 7d or 4w"),
        (("--last", "0"), 4, "write 1 or more"),
        (("--last", "many"), 4, "write 1 or more"),
        (("npm",), 4, "doit help metrics"),
    ],
    ids=str,
)
def test_what_does_not_exist_is_refused_in_one_line(
    world: World, arguments: tuple[str, ...], exit_code: int, said: str
) -> None:
    """With the nearest name or the right form, and without a number."""
    world.queue("npm:aloft")
    done = world.doit("metrics", *arguments)
    assert (done.exit_code, done.out, done.err.count("\n")) == (exit_code, "", 1)
    assert said in done.err
    assert "\x1b" not in done.err


def test_a_damaged_queue_is_named(known: World) -> None:
    """The file, the place and the rule, as for every other command."""
    (known.root / "data" / "queues" / "priority-queue.json").write_text("{")
    done = known.doit("metrics")
    assert (done.exit_code, done.err.count("\n")) == (4, 1)
    assert "priority-queue.json" in done.err
