"""The jobs of the workflow, carried out line by line in clones of their own, end as one bare `doit` does."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.instants import timestamp
from pipeline.model import Payload, Tier, VerdictStatus
from pipeline.store import SHIPPED, Paths
from tests.e2e.workflow import Workflow, repository
from tests.e2e.world import HOST, World, load
from tests.fake_forge import FakeForge
from tests.fake_webhook import FakeWebhook

FILE = SHIPPED / ".github" / "workflows" / "batch.yml"
MACOS = "darwin-arm64"
SOURCES = ["npm:prettify", "npm:@acme/scoped", "pypi:blacken"]

pytestmark = pytest.mark.skipif(
    HOST is None or HOST.os != "linux", reason="the workflow's Linux jobs measure this machine's platform"
)


@pytest.fixture
def registry_of_recipes(world: World) -> World:
    """A registry with three packages; Linux is measured by the sandbox, macOS by a command, two packages a job."""
    world.configure(
        platforms={**world.only_here(), MACOS: {"runner": "external", "command": ["bin/try", "{recipe}"]}},
        ci={"shard_size": 2, "jobs": {HOST.id: {"runs_on": "ubuntu-24.04"}, MACOS: {"runs_on": "macos-15"}}},
    )
    program = world.root / "bin" / "try"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\ngrep -q \'^name = \' "$1" || exit 6\necho \'{"version": "1.2.3"}\'\n')
    program.chmod(0o755)
    (world.root / ".gitignore").write_text("build/\n")
    world.queue(world.npm("prettify"), world.npm("@acme/scoped"), world.pypi("blacken"))
    repository(world)
    return world


def batch(world: World, **inputs: str) -> Workflow:
    return Workflow(FILE, world, **inputs)


def merged(workflow: Workflow) -> Paths:
    """Return the paths of the job that put the batch together."""
    return Paths(workflow.jobs["merge"][0].folder / "registry")


def pull_request(paths: Paths) -> dict[str, object]:
    """Return the pull request with its texts; the statements beside the recipes say when each was made."""
    payload = json.loads(paths.payload.read_bytes())
    for file in payload["files"]:
        file.pop("statements_sha256")
    files = {
        str(path.relative_to(paths.payload_files)): path.read_bytes() for path in paths.payload_files.rglob("*.toml")
    }
    return {"payload": payload, "body": paths.body.read_bytes(), "message": paths.commit_message.read_bytes(), **files}


def test_the_jobs_end_with_the_payload_of_one_bare_doit(registry_of_recipes: World) -> None:
    """The same bytes; each job but the first asks the registry nothing itself, and what it was given stands."""
    workflow = batch(registry_of_recipes)
    workflow.run()

    said = {name: [job.said for job in jobs if job.result != "success"] for name, jobs in workflow.jobs.items()}
    assert not any(said.values()), said
    assert {name: len(jobs) for name, jobs in workflow.jobs.items()} == {
        "sync": 1,
        "generate": 1,
        "validate": 2,
        "select-macos": 1,
        "validate-macos": 2,
        "merge": 1,
    }
    assert workflow.jobs["generate"][0].requests
    later = [job.requests for name, jobs in workflow.jobs.items() if name not in {"sync", "generate"} for job in jobs]
    assert later == [[]] * len(later)

    registry_of_recipes.ran()
    assert registry_of_recipes.payload().platforms[MACOS] == {VerdictStatus.VALIDATED: 3}
    assert pull_request(merged(workflow)) == pull_request(registry_of_recipes.paths)
    assert "published" in workflow.jobs["merge"][0].said
    assert load(merged(workflow).batch, type(registry_of_recipes.batch())).id == registry_of_recipes.batch().id


def test_a_missing_artifact_is_told_and_stops_nothing(registry_of_recipes: World) -> None:
    """A shard whose artifact is gone is not run, with the job's name as the reason; the rest is published."""
    workflow = batch(registry_of_recipes)
    lost = f"{HOST.id}-1-of-2"
    workflow.after = lambda name: name == "validate" and workflow.artifacts.pop(f"validate-{lost}")
    workflow.run()

    assert f"{lost}: its artifact is missing, 1 package not run" in workflow.jobs["merge"][0].said
    assert workflow.result("merge") == "success", workflow.jobs["merge"][0].said
    paths = merged(workflow)
    (source,) = jobs_of(paths)[0]["sources"]
    payload = load(paths.payload, Payload)
    assert {each.source: each.reason for each in payload.excluded} == {
        source: f"no_result: no result came from the CI job {lost} ({HOST.id})"
    }
    assert sorted(payload.included) == sorted(set(SOURCES) - {source})
    assert payload.platforms[HOST.id] == {VerdictStatus.NOT_RUN: 1, VerdictStatus.VALIDATED: 2}
    assert payload.platforms[MACOS] == {VerdictStatus.NOT_RUN: 1, VerdictStatus.VALIDATED: 2}
    unsent = json.loads(Path(paths.verdict(MACOS, source)).read_bytes())
    assert unsent["reason"] == "not sent to macOS: it passed on no Linux platform"


def jobs_of(paths: Paths) -> list[dict[str, list[str]]]:
    """Return the jobs that were planned for Linux."""
    return list(json.loads((paths.matrix_folder / "linux.json").read_bytes())["jobs"])


def test_a_job_cannot_speak_for_others(registry_of_recipes: World) -> None:
    """What a job puts into its artifact beside the verdicts on its own packages goes nowhere."""
    workflow = batch(registry_of_recipes)

    def tamper(name: str) -> None:
        if name == "validate":
            (honest,) = workflow.artifacts[f"validate-{HOST.id}-1-of-2"].items()
            forged = json.loads(honest[1]) | {"status": "failed", "subcategory": "verify_error"}
            attacker = workflow.artifacts[f"validate-{HOST.id}-2-of-2"]
            attacker[honest[0]] = json.dumps(forged).encode()
            attacker["generate/npm/prettify.toml"] = b"evil"

    workflow.after = tamper
    workflow.run()

    registry_of_recipes.ran()
    assert pull_request(merged(workflow)) == pull_request(registry_of_recipes.paths)


def test_a_prediction_only_run_publishes_nothing(registry_of_recipes: World) -> None:
    """With the tier `predict`, recipes are made and predicted, and no job follows."""
    workflow = batch(registry_of_recipes, tier="predict")
    workflow.run()
    assert workflow.result("generate") == "success", workflow.jobs["generate"][0].said
    assert {name for name, jobs in workflow.jobs.items() if jobs} == {"sync", "generate"}
    assert "generate/npm/prettify.toml" in workflow.artifacts["generate"]


def test_inputs_choose_the_batch(registry_of_recipes: World) -> None:
    """An ecosystem and a size reach the batch, and later jobs work on it although they are not told."""
    workflow = batch(registry_of_recipes, ecosystem="npm", batch_size="1")
    workflow.run()
    assert workflow.result("merge") == "success", workflow.jobs["merge"][0].said
    payload = load(merged(workflow).payload, Payload)
    assert (len(payload.included), payload.excluded) == (1, [])
    assert payload.included[0].startswith("npm:")


@pytest.mark.parametrize(
    "inputs",
    [
        {"ecosystem": "npm]; rm -rf /"},
        {"ecosystem": "npm\nX=1"},
        {"batch_size": "1,2"},
        {"batch_size": "$(id)"},
        {"tier": "all"},
        {"recipeline_commit": "main"},
    ],
    ids=lambda inputs: next(iter(inputs)),
)
def test_inputs_that_are_none_stop_the_first_step(registry_of_recipes: World, inputs: dict[str, str]) -> None:
    """What could be read as something else never reaches a command."""
    workflow = batch(registry_of_recipes, **inputs)
    workflow.run()
    (first,) = workflow.jobs["sync"]
    assert first.result == "failure"
    assert "::error::" in first.said
    assert [(path.name, path.read_text()) for path in first.folder.iterdir()] == [("output.txt", "")]
    assert [name for name, jobs in workflow.jobs.items() if jobs] == ["sync"]


def test_an_hour_without_work_is_no_failure(registry_of_recipes: World) -> None:
    """A queue whose entries all wait gives no jobs, no payload, and a run that ends well."""
    registry_of_recipes.queue(*SOURCES, status="requires_manual")
    repository(registry_of_recipes)
    workflow = batch(registry_of_recipes)
    workflow.run()
    assert {name: workflow.result(name) for name in workflow.jobs} == {
        "sync": "success",
        "generate": "success",
        "validate": "skipped",
        "select-macos": "skipped",
        "validate-macos": "skipped",
        "merge": "success",
    }, workflow.jobs["generate"][0].said
    assert not merged(workflow).payload.exists()


def test_a_job_on_another_machine_than_its_platform_does_not_pass_off_a_prediction(registry_of_recipes: World) -> None:
    """A runner's label that leads to another platform gives predictions there; they are not taken for its result."""
    other = "linux-alpine-musl-x86_64"
    registry_of_recipes.configure(
        platforms={**registry_of_recipes.only_here(), other: {"runner": "native"}},
        ci={"jobs": {HOST.id: {"runs_on": "ubuntu-24.04"}, other: {"runs_on": "mislabelled"}}},
    )
    repository(registry_of_recipes)
    workflow = batch(registry_of_recipes)
    workflow.run()
    assert workflow.result("merge") == "success", workflow.jobs["merge"][0].said
    assert all(
        json.loads(text)["tier"] == Tier.STATIC for text in workflow.artifacts[f"validate-{other}-1-of-1"].values()
    )
    assert load(merged(workflow).payload, Payload).platforms[other] == {VerdictStatus.NOT_RUN: 3}
    assert f"{other}-1-of-1: 0 of 3 packages have a result" in workflow.jobs["merge"][0].said


def test_on_a_forge_it_ends_in_a_pull_request(registry_of_recipes: World, tmp_path: Path) -> None:
    """As on GitHub: branch and state are pushed, one pull request is opened, and no job tells the token."""
    with FakeForge(tmp_path / "forge") as forge:
        push = ["git", "push", "-q", "--force", str(forge.bare.path), "main"]
        subprocess.run(push, cwd=registry_of_recipes.root, check=True)
        workflow = Workflow(FILE, registry_of_recipes, forge)
        workflow.run()
        said = "".join(job.said for jobs in workflow.jobs.values() for job in jobs)
        assert {name: workflow.result(name) for name in workflow.jobs} == dict.fromkeys(workflow.jobs, "success"), said
        opened = [seen for seen in forge.writes() if seen.path.endswith("/pulls")]
        assert [seen.status for seen in opened] == [201]
        assert forge.token not in said
        told = b"".join(content for artifact in workflow.artifacts.values() for content in artifact.values())
        assert forge.token.encode() not in told


def test_the_webhook_is_called_once_however_many_hours_an_alarm_rings(
    registry_of_recipes: World, tmp_path: Path
) -> None:
    """What was told is kept on the state branch, as each hour begins with a fresh clone."""
    since = timestamp(datetime.now(UTC) - timedelta(days=9))
    registry_of_recipes.control(circuit_breaker={"cargo": {"state": "open", "failures": 5, "opened_at": since}})
    registry_of_recipes.queue(SOURCES[0])
    repository(registry_of_recipes)
    with FakeForge(tmp_path / "forge") as forge, FakeWebhook() as webhook:
        push = ["git", "push", "-q", "--force", str(forge.bare.path), "main"]
        subprocess.run(push, cwd=registry_of_recipes.root, check=True)
        for hour in range(2):
            registry_of_recipes.folder = tmp_path / f"hour-{hour}"
            workflow = Workflow(FILE, registry_of_recipes, forge)
            workflow.secrets["RECIPELINE_WEBHOOK"] = webhook.url
            workflow.run()
            (merge,) = workflow.jobs["merge"]
            assert "breaker_open the breaker of cargo" in " ".join(merge.said.split())
            assert webhook.url not in merge.said
        (body,) = webhook.bodies
        assert [alarm["subject"] for alarm in body["alarms"]] == ["cargo"]


def test_alarms_ring_also_where_nothing_can_be_generated(registry_of_recipes: World) -> None:
    """A step that fails stops the batch; the job that tells of it runs all the same, and publishes nothing."""
    registry_of_recipes.control(
        circuit_breaker={"pypi": {"state": "open", "failures": 5, "opened_at": "2024-01-01T00:00:00Z"}}
    )
    repository(registry_of_recipes)
    workflow = batch(registry_of_recipes)
    (generate,) = [step for step in workflow.document["jobs"]["generate"]["steps"] if step["name"] == "Generate"]
    generate["run"] = "exit 3"
    workflow.run()
    assert workflow.result("generate") == "failure"
    (merge,) = workflow.jobs["merge"]
    assert "breaker_open" in merge.said
    assert not merged(workflow).payload.exists()
    assert not merged(workflow).ledger.exists()
