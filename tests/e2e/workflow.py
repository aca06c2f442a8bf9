"""A workflow file carried out on this machine: its own `run:` lines, each job in clones of its own, artifacts copied.

What GitHub does is stood in for: `uses:` of the three actions that the workflow needs, expressions, outputs, matrices.
"""

import fnmatch
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from pipeline.store import SHIPPED
from tests.e2e.world import DOIT, PATIENCE, World
from tests.fake_forge import FakeForge

COMMIT = "0" * 40
COMMANDS = re.findall(r'^(\w+) = "pipeline\.', (SHIPPED / "pyproject.toml").read_text(), re.MULTILINE)
# Steps that this machine must not or cannot do: one changes its kernel.
LEFT_OUT = {"Let the sandbox make user namespaces"}
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_NAME = re.compile(r"'[^']*'|\b(?:inputs|needs|matrix|steps|github|runner|secrets)(?:\.[\w-]+)+")

Artifact = dict[str, bytes]


class Job:
    """One job that was run: how it ended, what it said, and what it asked of the registry itself."""

    def __init__(self, folder: Path, matrix: Mapping[str, Any]) -> None:
        self.folder = folder
        self.matrix = matrix
        self.steps: dict[str, dict[str, Any]] = {}
        self.result = "success"
        self.said = ""
        self.requests: list[str] = []
        self.outputs: dict[str, str] = {}


class Workflow:
    """A workflow, the repository that it runs in, and what its jobs have kept."""

    def __init__(self, file: Path, world: World, forge: FakeForge | None = None, **inputs: str) -> None:
        self.document: dict[str, Any] = yaml.safe_load(file.read_text())
        self.world = world
        self.forge = forge
        self.inputs = inputs
        self.artifacts: dict[str, Artifact] = {}
        self.jobs: dict[str, list[Job]] = {}
        self.secrets: dict[str, str] = {}
        # Called with the name of each job when all its runs have ended.
        self.after: Callable[[str], object] = lambda name: None

    def run(self) -> None:
        """Carry out the jobs in the order of the file, in which none needs a later one."""
        for name, job in self.document["jobs"].items():
            self.jobs[name] = []
            asked = job.get("if", "True")
            failed = {self.result(needed) for needed in job.get("needs", [])} - {"success"}
            if (not failed or "cancelled()" in asked) and self._decides(asked, self._context(None)):
                for matrix in self._matrix(job):
                    self.jobs[name].append(self._run_job(name, job, matrix))
            self.after(name)

    def result(self, name: str) -> str:
        """Return how a job ended in all its runs, as GitHub says it."""
        results = {job.result for job in self.jobs[name]}
        return "skipped" if not results else "failure" if "failure" in results else "success"

    # ------------------------------------------------------------------------------------ jobs and steps

    def _run_job(self, name: str, job: Mapping[str, Any], matrix: Mapping[str, Any]) -> Job:
        folder = self.world.folder / "jobs" / f"{name}-{len(self.jobs[name])}"
        folder.mkdir(parents=True)
        run = Job(folder, matrix)
        self.world.registry.forget()
        for step in job["steps"]:
            self._run_step(step, run)
        run.requests = self.world.own_requests()
        run.outputs = {key: str(self._filled(text, run)) for key, text in job.get("outputs", {}).items()}
        return run

    def _run_step(self, step: Mapping[str, Any], run: Job) -> None:
        asked = step.get("if", "True")
        context = self._context(run)
        if step["name"] in LEFT_OUT or (run.result == "failure" and "cancelled()" not in asked):
            return
        if not self._decides(asked, context) or not _can_be_done(step):
            return
        outputs: dict[str, str] = {}
        if "run" in step:
            good, outputs = self._run_lines(step, run)
            if not good and not step.get("continue-on-error"):
                run.result = "failure"
        else:
            given = {key: self._filled(value, run) for key, value in step.get("with", {}).items()}
            action = step["uses"].partition("@")[0]
            {
                "actions/checkout": self._check_out,
                "actions/upload-artifact": self._upload,
                "actions/download-artifact": self._download,
            }[action](given, run)
        if "id" in step:
            run.steps[step["id"]] = {"outputs": outputs}

    def _run_lines(self, step: Mapping[str, Any], run: Job) -> tuple[bool, dict[str, str]]:
        """Run a step's lines as GitHub does, with `bash -eo pipefail`; return whether it went well, and its outputs."""
        output = run.folder / "output.txt"
        output.write_text("")
        # Without a forge, each clone is published in itself.
        mode = {} if self.forge else {"PUBLISH_MODE": "local"}
        given = {**self.document.get("env", {}), **mode, **self._runner(), **step.get("env", {})}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=run.folder,
            env=self.world.environment(
                GITHUB_OUTPUT=str(output), **{key: str(self._filled(value, run)) for key, value in given.items()}
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        run.said += done.stdout
        lines = output.read_text().splitlines()
        return done.returncode == 0, dict(line.split("=", 1) for line in lines)

    # ------------------------------------------------------------------------------------ actions

    def _runner(self) -> dict[str, str]:
        """Return what a runner tells all steps of the forge."""
        if self.forge is None:
            return {}
        return {"GITHUB_API_URL": self.forge.api, "GITHUB_REPOSITORY": self.forge.repository}

    def _check_out(self, given: Mapping[str, Any], run: Job) -> None:
        """Clone the registry, or lay recipeline beside it: its `bin/run`, with this environment instead of its own."""
        assert given["persist-credentials"] is False
        target = run.folder / given["path"]
        if given["path"] == "registry":
            subprocess.run(["git", "clone", "-q", self.world.root, target], check=True, env=self.world.environment())
            if self.forge:
                subprocess.run(["git", "remote", "set-url", "origin", self.forge.remote], cwd=target, check=True)
            return
        assert (given["repository"], given["ref"]) == ("octo/recipes", COMMIT)
        (target / "bin").mkdir(parents=True)
        for each in SHIPPED.iterdir():
            if each.name not in {"bin", "build", ".git", ".venv"}:
                (target / each.name).symlink_to(each)
        program = target / "bin" / "run"
        program.write_text(f'#!/bin/sh\ncd "$(dirname "$0")/.." && exec {DOIT} "$@"\n')
        program.chmod(0o755)

    def _upload(self, given: Mapping[str, Any], run: Job) -> None:
        """Keep files, without hidden ones, relative to the folder that all paths share."""
        places = [run.folder / line for line in given["path"].split()]
        if len(places) > 1:
            top = Path(os.path.commonpath(places))
        else:
            top = places[0] if given["path"].endswith("/") else places[0].parent
        found = [path for place in places for path in ([place] if place.is_file() else place.rglob("*"))]
        kept = [path for path in found if path.is_file() and not path.name.startswith(".")]
        for path in kept:
            assert not set('":<>|*?\r\n') & set(path.name), "the action refuses such a name"
        if kept:
            self.artifacts[given["name"]] = {str(path.relative_to(top)): path.read_bytes() for path in kept}

    def _download(self, given: Mapping[str, Any], run: Job) -> None:
        if "name" in given:
            _unpack(self.artifacts[given["name"]], run.folder / given["path"])
            return
        for name in fnmatch.filter(self.artifacts, given["pattern"]):
            _unpack(self.artifacts[name], run.folder / given["path"] / name)

    # ------------------------------------------------------------------------------------ expressions

    def _matrix(self, job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        if "strategy" not in job:
            return [{}]
        found = self._filled(job["strategy"]["matrix"], None)
        assert isinstance(found, dict)
        assert found["include"], "GitHub refuses a matrix without jobs"
        return list(found["include"])

    def _context(self, run: Job | None) -> dict[str, Any]:
        needs = {
            name: {"result": self.result(name), "outputs": jobs[-1].outputs if jobs else {}}
            for name, jobs in self.jobs.items()
            if name in self.jobs
        }
        token = self.forge.token if self.forge else ""
        return {
            "inputs": self.inputs,
            "needs": needs,
            "matrix": run.matrix if run else {},
            "steps": run.steps if run else {},
            "github": {"repository": "octo/recipes", "sha": COMMIT, "token": token},
            "runner": {"os": "Linux"},
            "secrets": self.secrets,
        }

    def _filled(self, text: Any, run: Job | None) -> Any:
        """Return a value with its expressions worked out; one that is nothing else keeps its type."""
        if not isinstance(text, str):
            return text
        context = self._context(run)
        whole = _EXPRESSION.fullmatch(text)
        if whole and text.count("${{") == 1:
            return _worked_out(whole[1], context)
        return _EXPRESSION.sub(lambda found: str(_worked_out(found[1], context)), text)

    def _decides(self, text: str, context: Mapping[str, Any]) -> bool:
        return bool(_worked_out(text, context))


def _can_be_done(step: Mapping[str, Any]) -> bool:
    """Return whether a step's command of recipeline is there."""
    asked = re.match(r"recipeline/bin/run (sync|check)\b", step.get("run", ""))
    return asked is None or asked[1] in COMMANDS


def _unpack(artifact: Artifact, folder: Path) -> None:
    for name, content in artifact.items():
        path = folder / PurePosixPath(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _worked_out(expression: str, context: Mapping[str, Any]) -> Any:
    """Return the value of an expression of GitHub's, by Python: operators renamed, names looked up."""
    python = _NAME.sub(lambda found: found[0] if found[0].startswith("'") else f"value({found[0]!r})", expression)
    python = python.replace("&&", " and ").replace("||", " or ").replace("!cancelled()", "True")

    def value(dotted: str) -> Any:
        found: Any = context
        for part in dotted.split("."):
            found = found.get(part, "") if isinstance(found, Mapping) else ""
        return found

    names = {"__builtins__": {}, "value": value, "fromJSON": json.loads, "True": True}
    return eval(python, names)  # noqa: S307  # an expression of this repository's own workflow


def repository(world: World) -> None:
    """Make a world's root a git repository with all that is in it."""
    fields = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
    who = {f"GIT_{field}": "somebody@mail.invalid" for field in fields}
    shutil.rmtree(world.paths.build, ignore_errors=True)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "First"]):
        subprocess.run(["git", *command], cwd=world.root, check=True, env=world.environment(**who))
