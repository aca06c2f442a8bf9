"""`doit recheck`: looks at metadata of packages in quarantine as a run does, and tries nothing."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.instants import timestamp
from pipeline.model import Attempt, AttemptOutcome, Skipped, Stage
from pipeline.state import journal
from tests.builders_journal import line
from tests.e2e.world import VERSION, World, finish
from tests.fake_registry import Reply

NOW = datetime.now(UTC)
NAMES = ("aloft", "bright", "calm")
SOURCES = [f"npm:{name}" for name in NAMES]


@pytest.fixture
def quarantined(world: World) -> World:
    """Three deprecated npm packages that failed 10, 9 and 8 days ago, as generation found them."""
    world.configure(network={"attempts": 1, "freshness_seconds": 0}, platforms=world.only_here())
    world.queue(*(world.npm(name, deprecated="use another") for name in NAMES))
    world.ran("generate")
    failures = []
    for days, source in zip((10, 9, 8), SOURCES, strict=True):
        outcome = world.outcome(source).outcome
        assert isinstance(outcome, Skipped)
        at = timestamp(NOW - timedelta(days=days))
        what = {"subcategory": outcome.subcategory, "upstream": outcome.upstream, "fingerprint": None}
        failures.append(line(source=source, at=at, **what))
    journal.append(world.paths, failures)
    world.queue(*SOURCES, status="failed")
    world.registry.forget()
    return world


def looks(world: World) -> list[Attempt]:
    """Return the journal's lines of looks, oldest first."""
    return [each for each in journal.since(world.paths, NOW - timedelta(minutes=5)) if each.stage is Stage.RECHECK]


def test_a_package_that_changed_upstream_may_be_tried_again(quarantined: World) -> None:
    """Metadata is asked for, nothing else; what was looked at is not looked at again for a week."""
    quarantined.npm("bright")

    out = quarantined.ran("recheck").out

    assert out.splitlines() == [
        "unchanged  npm:aloft  deprecated: version 1.2.3 is deprecated: use another",
        f"changed    npm:bright  version {VERSION}",
        "unchanged  npm:calm  deprecated: version 1.2.3 is deprecated: use another",
        "3 packages looked at: 1 changed, 2 unchanged",
    ]
    assert [one.path for one in quarantined.registry.seen()] == ["/npm/aloft", "/npm/bright", "/npm/calm"]
    history = journal.history(quarantined.paths)
    assert {source: history[source].upstream_changed for source in SOURCES} == {
        "npm:aloft": False,
        "npm:bright": True,
        "npm:calm": False,
    }
    assert not quarantined.paths.sandbox.exists()

    quarantined.registry.forget()
    assert quarantined.ran("recheck").out == "· nothing to recheck: no package in quarantine is due for a look\n"
    assert quarantined.registry.seen() == []
    quarantined.ran("generate")
    assert [one.path for one in quarantined.registry.seen()] == ["/npm/bright"]


def test_the_longest_not_looked_at_come_first(quarantined: World) -> None:
    """A limit takes those whose metadata is oldest, and the JSON document says how many are left."""
    done = json.loads(quarantined.ran("recheck", "--limit", "2", "--json").out)
    assert [look["source"] for look in done["looks"]] == ["npm:aloft", "npm:bright"]
    assert (done["left"], done["held"]) == (1, {})
    assert [look.source for look in looks(quarantined)] == ["npm:aloft", "npm:bright"]
    assert "1 package looked at" in quarantined.ran("recheck", "--limit", "2").out


def test_a_registry_that_does_not_answer_changes_nothing(quarantined: World) -> None:
    """The look is noted, so that another's turn comes; a later answer counts."""
    quarantined.registry.reply("/npm/aloft", Reply(status=503))
    out = quarantined.ran("recheck", "--limit", "1").out
    assert out.startswith("no answer  npm:aloft  upstream_unavailable: ")
    (look,) = looks(quarantined)
    assert (look.outcome, look.upstream) == (AttemptOutcome.TRANSIENT, None)
    assert not journal.history(quarantined.paths)["npm:aloft"].upstream_changed
    assert [each["source"] for each in json.loads(quarantined.ran("recheck", "--json").out)["looks"]] == SOURCES[1:]


def test_the_operator_and_the_breaker_are_heeded(quarantined: World) -> None:
    """Nothing is asked of an ecosystem that is disabled, or whose breaker is not closed: probes are for others."""
    quarantined.ran("disable", "npm", "--reason", "an incident")
    out = quarantined.ran("recheck").out
    assert re.search(r"! npm +left alone: npm is disabled \(an incident\)$", out, re.MULTILINE)
    quarantined.ran("enable", "npm")
    due = {"state": "open", "failures": 5, "opens_at": "2020-01-01T00:00:00Z"}
    quarantined.control(circuit_breaker={"npm": due})
    assert "left alone: the circuit breaker of npm is not closed\n" in quarantined.ran("recheck").out
    assert quarantined.registry.seen() == []
    assert looks(quarantined) == []
    assert json.loads(quarantined.paths.control.read_text())["circuit_breaker"]["npm"] == due


def test_looks_that_fail_open_the_breaker(quarantined: World) -> None:
    """A registry that is down is asked as often as a run would ask it, and no more."""
    quarantined.configure(network={"attempts": 1}, breaker={"failures": 2}, platforms=quarantined.only_here())
    for name in NAMES:
        quarantined.registry.reply(f"/npm/{name}", Reply(status=503))
    out = quarantined.ran("recheck").out
    assert len(quarantined.registry.seen()) == 2
    assert "left alone: npm: open after 2 failures in a row" in out
    assert "2 packages looked at: 2 no answer; 1 more are due" in out
    assert json.loads(quarantined.paths.control.read_text())["circuit_breaker"]["npm"]["state"] == "open"


def test_it_works_alone_on_its_root(quarantined: World) -> None:
    """While a run asks the registry, a recheck says who holds the root."""
    quarantined.configure(rate=0.5, platforms=quarantined.only_here())
    quarantined.queue(*map(quarantined.npm, ("dawn", "ember", "frost")))
    refused = []
    quarantined.registry.at_request("/npm/", 1, lambda: refused.append(quarantined.doit("recheck")))
    finish(quarantined.start("generate"))
    assert refused[0].exit_code == 7
    assert "another run works on" in refused[0].err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--limit", "0"], "--limit must be at least 1"),
        (["npm:aloft"], "takes no arguments"),
        (["--limit", "x"], "doit recheck: --limit must be a whole number; remedy: see `doit help recheck`"),
    ],
)
def test_a_wrong_call_is_one_line(quarantined: World, arguments: list[str], said: str) -> None:
    """With a remedy, and nothing is asked."""
    done = quarantined.doit("recheck", *arguments)
    assert done.exit_code == 4
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert quarantined.registry.seen() == []


def test_an_empty_root_has_nothing_to_look_at(world: World) -> None:
    """It says so and ends well."""
    world.queue("npm:aloft")
    assert world.ran("recheck").out == "· nothing to recheck: no package in quarantine is due for a look\n"
    assert json.loads(world.ran("recheck", "--json").out) == {"looks": [], "held": {}, "left": 0}
