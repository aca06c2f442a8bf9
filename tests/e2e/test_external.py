"""Recipes and verdicts by programs of the user's, in whole runs."""

import json
import re
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.instants import timestamp
from pipeline.model import AttemptOutcome, Failed, Generated, Held, Stage, Subcategory, Tier, VerdictStatus
from pipeline.platforms import BY_ID
from pipeline.state import journal
from pipeline.store import SHIPPED
from tests.builders_journal import line
from tests.e2e.world import World, finish
from tests.fakes_program import FakeProgram, recipe_text

MAC = "darwin-arm64"
GENERATOR = ["bin/generator/program", "{identifier}", "{output}"]
VALIDATOR = ["bin/validator/program", "{identifier}", "{recipe}", "{platform}"]
PAGE = (SHIPPED / "docs" / "external.md").read_text(encoding="utf-8")
# A program says nothing of the age of what it makes.
OWN_RELEASES = {"release_age": {"unknown": "report"}}
GOOD = '{"status": "ok", "version": "1.2.3", "license": "MIT"}\n'


class Shop:
    """A world in which one ecosystem is made and one platform validated by a program."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.generator = FakeProgram(world.root / "bin" / "generator")
        self.validator = FakeProgram(world.root / "bin" / "validator")
        self.configure()

    def configure(self, *more: str, **changes: Any) -> None:
        """Write a configuration with the generator's command, longer by some arguments."""
        own = {"generator": "command", "requests_per_second": 100, "command": [*GENERATOR, *more]}
        runners = {name: {"runner": "none"} for name in BY_ID}
        runners[MAC] = {"runner": "external", "command": VALIDATOR}  # type: ignore[dict-item]
        self.world.configure(**{"ecosystems": {"tools": own}, "platforms": runners, "gates": OWN_RELEASES, **changes})

    def recipe(self, name: str) -> str:
        """Return what the generator writes."""
        return recipe_text(name, "github_file").replace("package", "repo")

    def sells(self, name: str, **behaviour: Any) -> str:
        """Have the generator make a recipe, and the validator behave so when it is given it."""
        self.generator.on(name, recipe=self.recipe(name), output=GOOD)
        self.validator.on(name, **{"output": GOOD, **behaviour})
        return f"tools:{name}"

    def asked(self) -> tuple[int, int]:
        return len(self.generator.calls()), len(self.validator.calls())


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


def test_a_run_ends_in_a_payload_and_the_next_one_does_nothing(shop: Shop) -> None:
    """The recipe is the program's, byte for byte; each program is asked once for each package."""
    world = shop.world
    world.queue(shop.sells("good"), shop.sells("bad", exit=7, errors="prints nothing\n"), "tools:unknown")
    done = world.ran()
    assert "1 recipe" in done.out
    assert world.payload().included == ["tools:good"]
    assert world.recipe("recipes/g/good.toml") == shop.recipe("good")
    verdict = world.verdict("tools:good", MAC)
    assert (verdict.tier, verdict.status, verdict.observed_version) == (
        Tier.EXTERNAL,
        VerdictStatus.VALIDATED,
        "1.2.3",
    )
    assert (verdict.version, verdict.phases[0].command) == ("1.2.3", " ".join(VALIDATOR))
    reasons = world.excluded()
    assert reasons["tools:bad"] == f"verify_error: program ended with exit code 7: prints nothing ({MAC})"
    assert reasons["tools:unknown"] == "not_found: program ended with exit code 3, and said nothing"
    body = world.paths.body.read_text()
    assert "made by program, a program of your own" in body
    assert world.leftovers() == []
    assert shop.asked() == (3, 2)
    before = {path: path.stat().st_mtime_ns for path, _ in world.records()}
    world.ran()
    assert shop.asked() == (3, 2)
    assert {path: path.stat().st_mtime_ns for path, _ in world.records()} == before
    assert world.own_requests() == []


def test_a_package_that_lacks_a_recipe_is_blocked_by_its_name(shop: Shop) -> None:
    """Whoever misses it, the generator or the validator; `why` names what it waits for."""
    world = shop.world
    shop.generator.on("early", exit=8, errors="Error: recipe libfoo not found in registry\n")
    lacking = json.dumps({"status": "error", "message": "no libbar", "missing_recipes": ["libbar"]})
    world.queue("tools:early", shop.sells("late", exit=8, output=lacking), shop.sells("good"))
    world.ran()
    world.ran("publish")
    for source, name, stage in (("tools:early", "libfoo", Stage.GENERATE), ("tools:late", "libbar", Stage.VALIDATE)):
        told = world.ran("why", source).out
        assert "blocked" in told
        assert f"waits for {name}; nobody has asked for {name}" in told
        lines = [line for line in journal.of_source(world.paths, source, 9) if line.outcome is AttemptOutcome.BLOCKED]
        assert {line.stage for line in lines} == {stage, Stage.PAYLOAD}
        assert {(line.exit_code, tuple(line.blocked_by)) for line in lines} == {(8, (name,))}
    entries = json.loads((world.root / "data/queues/priority-queue.json").read_text())["entries"]
    assert [(entry["status"], entry.get("blocked_by", [])) for entry in entries] == [
        ("blocked", ["libfoo"]),
        ("blocked", ["libbar"]),
        ("success", []),
    ]


def test_another_command_makes_everything_again(shop: Shop) -> None:
    """Recipes and failures alike; the validator is asked again only for recipes that have changed."""
    world = shop.world
    world.queue(shop.sells("good"), "tools:unknown")
    world.ran()
    assert shop.asked() == (2, 1)
    shop.configure("--verbose")
    world.ran()
    assert shop.asked() == (4, 1)
    assert shop.generator.calls()[-1]["arguments"][-1] == "--verbose"


def test_what_passes_by_itself_is_tried_again_by_the_next_run(shop: Shop) -> None:
    """An outage of the generator's registry, and one of the validator's."""
    world = shop.world
    late = shop.sells("late", exit=5, output='{"subcategory": "dns_error"}')
    shop.generator.on("away", exit=5)
    world.queue("tools:away", late)
    world.ran()
    away = world.outcome("tools:away").outcome
    assert isinstance(away, Failed)
    assert (away.subcategory, away.transient, away.exit_code) == (Subcategory.CONNECTION_ERROR, True, 5)
    verdict = world.verdict(late, MAC)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.DNS_ERROR)
    shop.sells("away")
    shop.sells("late")
    world.ran()
    assert world.payload().included == ["tools:away", "tools:late"]
    assert [each.subcategory for each in world.outcome("tools:away").earlier] == [Subcategory.CONNECTION_ERROR]


def test_a_recipe_of_an_unknown_version_is_measured_by_nobody_but_a_command(shop: Shop) -> None:
    """The sandbox has nothing to hold a version against, and says so instead of guessing one."""
    world = shop.world
    own = {"generator": "command", "requests_per_second": 100, "command": GENERATOR}
    world.configure(ecosystems={"npm": own}, platforms=world.only_here(), gates=OWN_RELEASES)
    shop.generator.on("quiet", recipe=recipe_text("quiet"))
    world.queue("npm:quiet")
    world.ran()
    outcome = world.outcome("npm:quiet").outcome
    assert isinstance(outcome, Generated)
    assert outcome.evidence.version == ""
    verdict = world.verdict("npm:quiet")
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.NOT_RUN, Subcategory.NO_RUNNER)
    assert "nobody said which version" in world.excluded()["npm:quiet"]
    assert world.own_requests() == [], "npm's own module is not used"


def test_the_sandbox_measures_what_a_command_made_for_an_ecosystem_that_it_knows(shop: Shop) -> None:
    """The version that the program said is the one that is installed and held against the printed one."""
    world = shop.world
    own = {"generator": "command", "requests_per_second": 100, "command": GENERATOR}
    world.configure(ecosystems={"npm": own}, platforms=world.only_here(), gates=OWN_RELEASES)
    source = world.npm("prettify")
    shop.generator.on("prettify", recipe=recipe_text("prettify"), output=GOOD)
    world.queue(source)
    world.ran()
    assert world.verdict(source).status is VerdictStatus.VALIDATED
    assert world.payload().included == [source]
    assert world.recipe("recipes/p/prettify.toml").startswith(recipe_text("prettify").partition("[verify]")[0])


def test_a_shell_line_of_the_program_is_held_for_a_person(shop: Shop) -> None:
    world = shop.world
    source = shop.sells("good")
    step = '[[steps]]\naction = "run_command"\ncommand = "make"\n\n[verify]'
    shop.generator.on("good", recipe=shop.recipe("good").replace("[verify]", step), output=GOOD)
    world.queue(source)
    world.ran()
    payload = world.payload()
    assert payload.included == [source]
    assert "tools:good runs commands of its own (run_command)" in payload.auto_merge.reasons
    assert not payload.auto_merge.allowed


def test_a_recheck_asks_the_program_whether_anything_has_changed(shop: Shop) -> None:
    """There is no metadata to look at; what it says is not kept, and a failure that is the same changes nothing."""
    world = shop.world
    for name in ("same", "other"):
        shop.generator.on(name, exit=6, errors="no such file\n")
    sources = ("tools:same", "tools:other")
    world.queue(*sources)
    world.ran("generate")
    found = {source: world.outcome(source).outcome for source in sources}
    at = timestamp(datetime.now(UTC) - timedelta(days=9))
    journal.append(
        world.paths,
        [
            line(source=source, at=at, subcategory=failed.subcategory, upstream=failed.upstream, fingerprint=None)
            for source, failed in found.items()
            if isinstance(failed, Failed)
        ],
    )
    world.queue(*sources, status="failed")
    shop.generator.on("same", exit=6, errors="no such file, after 3 s\n")
    shop.sells("other")
    out = world.ran("recheck").out.splitlines()
    assert out == [
        "unchanged  tools:same  install_error: program ended with exit code 6: no such file, after 3 s",
        "changed    tools:other  version 1.2.3",
        "2 packages looked at: 1 changed, 1 unchanged",
    ]
    assert not Path(world.paths.draft("tools:other")).exists()
    assert shop.asked() == (4, 0)


def test_an_operators_switch_holds_before_the_program_starts(shop: Shop) -> None:
    """As it does before a request."""
    world = shop.world
    world.queue(shop.sells("good"))
    world.ran("snapshot")
    world.control(circuit_breaker={"tools": {"state": "open", "opens_at": "2099-01-01T00:00:00Z"}})
    world.ran()
    outcome = world.outcome("tools:good").outcome
    assert isinstance(outcome, Held)
    assert shop.asked() == (0, 0)


def test_a_killed_run_leaves_no_program_behind(shop: Shop) -> None:
    """Neither the program nor what it has started in a session of its own; the next run removes the folder."""
    world = shop.world
    shop.generator.on("slow", does="outlive and hang")
    world.queue("tools:slow")
    process = world.start()
    left = world.root / "bin" / "generator" / "left.pid"
    _wait(lambda: left.exists() and bool(left.read_text()))
    process.send_signal(signal.SIGKILL)
    finish(process)
    _wait(lambda: not shop.generator.left_running())
    shop.sells("slow")
    world.ran()
    assert world.leftovers() == []
    assert world.payload().included == ["tools:slow"]


def _wait(done) -> None:
    """Ask until it is so; a minute is more than any of it takes."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_worked_example_works(world: World) -> None:
    """docs/external.md: its scripts, its configuration, and what it says of the three packages."""
    for text in re.findall(r"```sh\n(#!/bin/sh\n# (bin/[\w-]+) .*?)```", PAGE, re.DOTALL):
        path = Path(world.root, text[1])
        path.parent.mkdir(exist_ok=True)
        path.write_text(text[0])
        path.chmod(0o755)
    (config,) = re.findall(r"```yaml\n# pipeline.yaml\n(.*?)```", PAGE, re.DOTALL)
    others = "".join(f"  {name}: {{runner: none}}\n" for name in BY_ID if name != "linux-debian-glibc-x86_64")
    world.paths.config.write_text(config + others)
    world.queue("tools:hello-cli", "tools:needs-lib", "tools:unknown")
    world.ran()
    assert world.payload().included == ["tools:hello-cli"]
    outcome = world.outcome("tools:hello-cli").outcome
    assert isinstance(outcome, Generated)
    assert outcome.evidence.version == "2.1.0"
    assert isinstance(world.outcome("tools:needs-lib").outcome, Generated)
    draft = Path(world.paths.draft("tools:hello-cli")).read_text()
    assert world.recipe("recipes/h/hello-cli.toml") == draft
    world.ran("publish")
    assert "waits for libfoo" in world.ran("why", "tools:needs-lib").out
    assert "not_found" in world.ran("why", "tools:unknown").out
