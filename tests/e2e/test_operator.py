"""The operator's commands: what each writes, what it says, and that a run that is under way heeds it."""

import json
from datetime import UTC, datetime

import pytest

from pipeline.control.budget import week_start
from pipeline.model import Control, Held
from tests.e2e.world import World, load


def switches(world: World) -> Control:
    return load(world.paths.control, Control)


def test_stop_notes_why_by_whom_and_until_when(world: World) -> None:
    """An address and a reason may hold `=`, which doit would take away."""
    until, url = "2027-01-01T00:00:00Z", "https://tools.example/?id=3"
    said = world.ran("stop", "--reason", "rate=0 for all", "--incident", url, "--until", until, LOGNAME="jo")
    control = switches(world)
    assert (control.enabled, control.reason, control.incident_url) == (False, "rate=0 for all", url)
    assert (control.disabled_by, control.expected_resume) == ("jo", until)
    assert control.disabled_at is not None
    assert "rate=0 for all" in said.out
    assert "`doit resume`" in said.out

    world.ran("resume")

    assert switches(world) == Control()


def test_ecosystems_are_switched_one_by_one(world: World) -> None:
    """The options may stand behind the name; the note goes with the last switch."""
    world.ran("disable", "npm", "--reason", "old data")
    world.ran("disable", "pypi")
    assert (switches(world).disabled_ecosystems, switches(world).reason) == (["npm", "pypi"], "old data")
    assert "npm, pypi" in world.ran("resume").out
    world.ran("enable", "npm")
    assert (switches(world).disabled_ecosystems, switches(world).reason) == (["pypi"], "old data")
    world.ran("enable", "pypi")
    assert switches(world) == Control()


def test_stop_holds_from_the_next_request_of_a_run(world: World) -> None:
    """Typed while the second request is answered, nothing is asked from the third on; it needs no lock of the run."""
    names = ("aloft", "bright", "calm")
    world.configure(rate=0.5, platforms=world.only_here())  # two seconds to type in
    world.queue(*map(world.npm, names))
    world.registry.at_request("/npm/", 2, lambda: world.ran("stop", "--reason", "an incident"))
    world.ran("generate")
    assert len(world.registry.seen()) == 2
    kinds = [type(world.outcome(f"npm:{name}").outcome) for name in names]
    assert kinds.count(Held) == 1

    world.ran("resume")
    world.configure(platforms=world.only_here())
    world.ran("generate")

    assert Held not in [type(world.outcome(f"npm:{name}").outcome) for name in names]


def test_status_shows_switches_breakers_and_minutes(world: World) -> None:
    """In words and as one JSON document; it writes nothing."""
    this_week = week_start(datetime.now(UTC)).date().isoformat()
    npm = {"state": "half-open", "failures": 6, "failed_probes": 1, "stages": ["generate"]}
    probe = {"source": "npm:a", "until": "2026-03-01T00:30:00Z"}
    shut = {"state": "open", "failures": 5, "opens_at": "2999-01-01T00:00:00Z"}
    world.control(
        enabled=False,
        reason="an incident",
        disabled_ecosystems=["pypi"],
        circuit_breaker={"npm": {**npm, "probe": probe}, "pypi": shut},
        budget={"linux_minutes_used": 1250, "macos_minutes_used": 0, "week_start": this_week},
    )
    before = world.paths.control.read_bytes()
    shown = " ".join(world.ran("status").out.split())
    for words in (
        "✗ pipeline stopped",
        "! disabled pypi",
        "an incident",
        "npm: half-open, 6 failures in a row in generate, 1 failed probe, probed by npm:a until 2026-03-01 00:30 UTC",
        "pypi: open, 5 failures in a row, may be probed from 2999-01-01 00:00 UTC",
        "linux: 1250.0 of 5000 minutes used (25 %)",
    ):
        assert words in shown
    told = json.loads(world.ran("status", "--json").out)
    assert told["circuit_breaker"]["npm"]["probe"] == probe
    linux = told["minutes"][0]
    assert (linux["runner"], linux["used"], linux["limit"], linux["state"]) == ("linux", 1250.0, 5000, "free")
    assert [stop["gate"] for stop in told["stops"]] == ["pipeline_disabled", "ecosystem_disabled", "breaker_open"]
    assert world.paths.control.read_bytes() == before


def test_status_of_a_root_without_a_control_file(world: World) -> None:
    """Everything is on, and nothing is made."""
    assert "✓ pipeline enabled" in world.ran("status").out
    assert not world.paths.control.exists()
    assert not world.paths.build.exists()


def test_status_tells_of_lines_of_the_journal_that_cannot_be_read(world: World) -> None:
    """They cost only themselves, but somebody should know."""
    assert "journal" not in world.ran("status").out
    world.paths.journal_folder.mkdir(parents=True)
    (world.paths.journal_folder / "2026-03.jsonl").write_text("<<<<<<< HEAD\n=======\n")
    assert "journal 2 lines cannot be read" in " ".join(world.ran("status").out.split())
    assert json.loads(world.ran("status", "--json").out)["damaged_lines"] == 2


@pytest.mark.parametrize(
    ("arguments", "exit_code", "named"),
    [
        (("disable", "nmp"), 5, "`doit disable npm`"),
        (("enable", "nmp"), 5, "`doit enable npm`"),
        (("disable",), 4, "takes one ecosystem"),
        (("stop",), 4, "needs a reason"),
        (("stop", "--reason", "two\nlines"), 4, "one line"),
        (("stop", "an", "incident", "--reason", "x"), 4, "takes no arguments"),
        (("stop", "--reason", "x", "--until", "tomorrow"), 4, "RFC 3339"),
        (("stop", "--reason", "x", "--until", "2026-02-30T00:00:00Z"), 4, "RFC 3339"),
        (("stop", "--reasn", "x"), 4, "`doit help stop`"),
        (("status", "batch.siez=1"), 4, "size"),
        (("list", "--nope"), 4, "doit list: option --nope not recognized; remedy: see `doit help list`"),
        (("-n", "x"), 4, "doit run: --process must be a whole number"),
        (("list", "--sort", "x"), 4, "doit list: --sort must be one of name, definition"),
        (("stauts",), 5, "status"),
    ],
)
def test_a_mistake_is_told_in_one_line(world: World, arguments: tuple[str, ...], exit_code: int, named: str) -> None:
    """Nothing is written, and the line says what was probably meant."""
    world.queue(world.npm("aloft"))
    done = world.doit(*arguments)
    assert (done.exit_code, done.err.count("\n")) == (exit_code, 1), done
    assert done.err.startswith("recipeline: error: ")
    assert named in done.err
    assert not world.paths.control.exists()


def test_a_damaged_control_file_is_not_written_over(world: World) -> None:
    """The line names the place; who mends it loses nothing."""
    world.control('{"enabled": true,')
    for arguments in (("stop", "--reason", "x"), ("disable", "npm"), ("status",)):
        done = world.doit(*arguments)
        assert (done.exit_code, done.err.count("\n")) == (4, 1)
    assert world.paths.control.read_text() == '{"enabled": true,'
