"""The gates on what is generated, as a person meets them: whole runs with `doit`, publication and `doit why`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.model import AdmissionGate, Decision, Generated, Skipped, Subcategory
from pipeline.store import SHIPPED
from pipeline.terminal import moments
from tests.e2e.world import Done, World

CLOCK = Path(__file__).with_name("clock")


def ahead(world: World, hours: float, *arguments: str) -> Done:
    """Run `doit` as if so many hours had passed."""
    return world.doit(*arguments, PYTHONPATH=f"{CLOCK}:{SHIPPED}", HOURS_AHEAD=str(hours))


def an_hour_ago() -> str:
    return (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def until_of(world: World, source: str) -> datetime:
    """Return when a package that is too young is tried again."""
    outcome = world.outcome(source).outcome
    assert isinstance(outcome, Skipped), outcome
    assert (outcome.subcategory, outcome.needs_person) == (Subcategory.TOO_YOUNG, False)
    assert outcome.until is not None
    return datetime.fromisoformat(outcome.until)


def test_a_young_release_waits_in_its_batch_and_is_made_when_it_is_old_enough(world: World) -> None:
    """Until then nothing is asked of the registry; from then on the same batch goes on with it."""
    world.configure(platforms=world.only_here())
    young = world.npm("aloft", released=an_hour_ago())
    world.queue(young)
    world.ran()
    wait = until_of(world, young) - datetime.now(UTC)
    assert timedelta(hours=70.9) < wait <= timedelta(hours=71)
    assert world.excluded()[young].startswith("too_young: released ")
    asked = world.own_requests()
    assert ahead(world, 70, "generate").exit_code == 0
    until_of(world, young)
    assert world.own_requests() == asked
    assert ahead(world, 71.1).exit_code == 0
    assert isinstance(world.outcome(young).outcome, Generated)
    assert world.payload().included == [young]


def test_a_young_release_is_not_tried_before_its_time_once_it_is_published(world: World) -> None:
    """It costs no attempt, is no failure, and `why` and the queue name the moment."""
    world.configure(platforms=world.only_here())
    young = world.npm("aloft", released=an_hour_ago())
    world.queue(young)
    world.ran()
    until = world.outcome(young).outcome.until
    world.ran("publish")
    queue = json.loads((world.root / "data" / "queues" / "priority-queue.json").read_text())
    assert [(entry["status"], entry["next_retry_at"]) for entry in queue["entries"]] == [("pending", until)]
    screen = world.ran("why", young).out
    assert f"Held back until {moments(until)} by not_due: its release is not old enough." in " ".join(screen.split())
    assert "✗ release_age" in screen
    assert "✓ changed_bytes" in screen
    assert len(screen.splitlines()) <= 45
    assert ahead(world, 70).exit_code == 6
    assert ahead(world, 71.1).exit_code == 0
    assert world.payload().included == [young]


def test_of_two_packages_with_one_executable_the_first_gets_it(world: World) -> None:
    """The other is not in the pull request, says whose the command is, and waits for a person."""
    world.configure(platforms=world.only_here())
    first, second = world.npm("aloft", bin={"glide": "cli.js"}), world.npm("bright", bin={"glide": "cli.js"})
    world.queue(first, second)
    world.ran()
    assert world.payload().included == [first]
    assert world.excluded() == {second: f"taken_executable: glide is provided by {first}"}
    world.ran("publish")
    queue = json.loads((world.root / "data" / "queues" / "priority-queue.json").read_text())
    assert [entry["status"] for entry in queue["entries"]] == ["success", "requires_manual"]
    world.ran("requeue", second)
    world.ran("generate")
    outcome = world.outcome(second).outcome
    assert isinstance(outcome, Skipped)
    assert (outcome.subcategory, outcome.needs_person) == (Subcategory.TAKEN_EXECUTABLE, True)
    assert "glide is provided by recipes/a/aloft.toml" in world.ran("why", second).out


def test_a_person_lets_a_common_command_through(world: World) -> None:
    """Approved, what the gate found is a risk in the pull request."""
    world.configure(platforms=world.only_here())
    source = world.npm("aloft", bin={"aloft": "cli.js", "ls": "cli.js"})
    world.queue(source)
    world.ran()
    assert world.excluded()[source].startswith("common_command: takes the place of a common command: ls")
    world.configure(platforms=world.only_here(), gates={"approved": {source: ["common_command"]}})
    world.ran()
    assert world.payload().included == [source]
    assert "takes the place of a common command: ls; approved in pipeline.yaml" in world.paths.body.read_text()


def test_a_release_with_other_bytes_is_frozen_with_an_alarm(world: World) -> None:
    """`status`, `metrics` and `why` say so, time does not lift it, and a requeue by name accepts the new bytes."""
    world.configure(platforms=world.only_here(), network={"attempts": 1, "freshness_seconds": 0})
    source = world.npm("aloft", program="process.exit(3)")
    world.queue(source)
    # Hours apart: of what a journal holds of one second, a requeue comes last.
    assert ahead(world, -4).exit_code == 0
    assert ahead(world, -3, "publish").exit_code == 0
    assert ahead(world, -2, "requeue", source).exit_code == 0
    world.npm("aloft")
    assert ahead(world, -1).exit_code == 0
    assert world.outcome(source).outcome.subcategory is Subcategory.CHANGED_BYTES
    assert ahead(world, -1, "publish").exit_code == 0
    assert f"frozen {source} since " in " ".join(world.ran("status").out.split())
    alarm = world.doit("metrics")
    assert alarm.exit_code == 8
    assert f"{source} is frozen: 1.2.3: " in alarm.err
    assert "✗ changed_bytes" in world.ran("why", source).out
    assert ahead(world, 40 * 24).exit_code == 6
    assert world.doit("requeue", "--ecosystem", "npm").exit_code == 6
    world.ran("requeue", source)
    world.ran()  # npm has the first file in its cache, and must not install it again
    assert world.payload().included == [source]
    assert world.doit("metrics").exit_code == 0
    verdicts = {verdict.gate: verdict.decision for verdict in world.outcome(source).gates}
    assert list(verdicts) == list(AdmissionGate)
    assert verdicts[AdmissionGate.CHANGED_BYTES] is Decision.PASS
