"""docs/quickstart-registry.md, followed to the letter: from an empty repository to the first merged batch.

One bash session in a fresh home types what the page shows. git's `insteadOf` puts a forge on loopback, and this work
tree, in the place of GitHub; variables name that forge's API and a registry on loopback. Only the environment of
recipeline's clone is this one's, as installing another takes a network: CI runs `bin/run` in a fresh clone anyway.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.store import SHIPPED
from tests.e2e.own_checkout import ADDRESS, upstream
from tests.e2e.world import HOST, PATIENCE, WatchedRegistry, World
from tests.fake_forge import FakeForge

PAGE = SHIPPED / "docs" / "quickstart-registry.md"
BUTTON = "**Squash and merge**"
PART = re.compile(rf"^```console\n(.*?)^```|({re.escape(BUTTON)})", re.MULTILINE | re.DOTALL)
BATCH_ID = re.compile(r"\d{4}-\d\d-\d\d-mixed-001")

pytestmark = pytest.mark.skipif(HOST is None or HOST.os != "linux", reason="a batch is measured on this machine")


class Typed(NamedTuple):
    """A command of the page with the lines that it shows, or the button that is to be pressed."""

    command: str
    shown: list[str]


def page() -> list[Typed]:
    """Return what is to be done, in order."""
    found: list[Typed] = []
    for block, button in PART.findall(PAGE.read_text()):
        if button:
            found.append(Typed(BUTTON, []))
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Typed(line.removeprefix("$ "), []))
            elif line != "…":
                found[-1].shown.append(line)
    return found


class Shell:
    """A bash that is typed into, as an interactive one: with aliases."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],  # the bash of the PATH that it is given
            cwd=home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._patience = threading.Timer(PATIENCE, os.killpg, (self._process.pid, signal.SIGKILL))
        self._patience.start()
        self._write("shopt -s expand_aliases")

    def close(self) -> None:
        self._patience.cancel()
        self._process.communicate()

    def type(self, command: str, answer: str = "") -> str:
        """Type a command, and what it asks for; return what came, which must be the end of a good one."""
        self._write(command)
        if answer:
            self._write(answer)
        self._write("echo; echo ended $?")
        assert self._process.stdout is not None
        came = ""
        for line in self._process.stdout:
            if line.startswith("ended "):
                assert line == "ended 0\n", f"{command}: {came}"
                return came
            came += line
        pytest.fail(f"{command} took too long, or ended the shell: {came}")

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[FakeForge]:
    """A forge with an empty repository: no branch at all."""
    with FakeForge(tmp_path / "forge", "YOU/recipes") as running:
        running.bare.git("update-ref", "-d", "refs/heads/main")
        yield running


@pytest.fixture
def home(tmp_path: Path, forge: FakeForge) -> Path:
    """The home of somebody who uses git, where GitHub is elsewhere."""
    folder = tmp_path / "you"
    folder.mkdir()
    source = upstream(tmp_path / "upstream")
    (folder / ".gitconfig").write_text(
        "[user]\n\tname = You\n\temail = you@mail.invalid\n"
        f'[url "{forge.url}/"]\n\tinsteadOf = https://github.com/\n'
        f'[url "{source}"]\n\tinsteadOf = {ADDRESS}\n'
    )
    return folder


@pytest.fixture
def shell(tmp_path: Path, home: Path, forge: FakeForge, registry: WatchedRegistry) -> Iterator[Shell]:
    world = World(tmp_path / "world", registry)
    for source in (world.npm("prettier"), world.npm("eslint"), world.pypi("black")):
        assert source in PAGE.read_text()
    askpass = tmp_path / "askpass"
    askpass.write_text(f"#!/bin/sh\necho {forge.token}\n")
    askpass.chmod(0o700)
    opened = Shell(
        home,
        {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(home / "recipeline"),
            "GIT_ASKPASS": str(askpass),
            "GITHUB_API_URL": forge.api,
            "npm_config_registry": registry.npm_url,
            "UV_DEFAULT_INDEX": registry.pypi_url,
        },
    )
    yield opened
    opened.close()


def furnish(clone: Path) -> None:
    """Put this environment in the place of the one that `bin/run` would set up."""
    (clone / ".venv").mkdir()
    (clone / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    shutil.copy(clone / "requirements-dev.lock", clone / ".venv" / ".requirements-dev.lock.installed")


def even(line: str) -> str:
    """Return a line without what differs from one run to another: ids, times, figures, the width of columns."""
    assert HOST is not None
    line = line.replace(HOST.id, "PLATFORM").replace("linux-debian-glibc-x86_64", "PLATFORM")
    line = re.sub(r"\([0-9a-f]{12}\)", "(COMMIT)", line)
    return re.sub(r"\s+", " ", re.sub(r"\d+", "N", re.sub(r"\d+(\.\d+)+", "N", line))).strip()


def test_from_an_empty_repository_to_the_first_merged_batch(shell: Shell, home: Path, forge: FakeForge) -> None:
    """What the page shows is what comes; the batch is merged by its squash, and nobody was told the token."""
    everything = ""
    for command, shown in page():
        if command == BUTTON:
            (pull,) = forge.pulls.open_ones()
            forge.pulls.merge(pull.number, method="squash")
            continue
        came = shell.type(command, forge.token if "GH_TOKEN" in command else "")
        if command.endswith("/recipeline"):
            furnish(home / "recipeline")
        everything += came
        local = came.replace(forge.url, "https://github.com").replace(str(home), "/home/you")
        lines = {even(line) for line in local.splitlines()}
        assert [line for line in shown if even(line) not in lines] == [], f"{command}\n{came}"

    ids = set(BATCH_ID.findall(forge.bare.git("log", "-1", "--format=%s", "main")))
    assert len(ids) == 1, "the squash's title names the batch"
    (batch_id,) = ids
    assert forge.bare.commits_between("main~1", "main") == 1
    assert {"recipes/b/black.toml", "recipes/e/eslint.toml", "recipes/p/prettier.toml"} <= set(forge.bare.files("main"))
    assert not [name for name in forge.bare.files("main") if name.startswith("data/") and "queues" not in name]
    queue = json.loads(forge.bare.show("recipeline-state", "data/queues/priority-queue.json"))
    assert {entry["status"] for entry in queue["entries"]} == {"success"}
    ledger = forge.bare.show("recipeline-state", "data/batches.jsonl").splitlines()
    last = json.loads(ledger[-1])
    assert (last["batch_id"], last["state"]) == (batch_id, "merged")
    assert forge.token not in everything
    assert places_of(forge.token, home) == []


def places_of(secret: str, folder: Path) -> list[Path]:
    """Return the files that hold a secret."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in found if secret.encode() in path.read_bytes()]


def test_the_page_is_found_by_its_parts() -> None:
    """Commands, their output, and the one button, after the publication and before it is read back."""
    typed = [each.command for each in page()]
    assert typed.count(BUTTON) == 1
    assert typed.index("doit publish") < typed.index(BUTTON) < typed.index("doit sync")
    assert sum(len(each.shown) for each in page()) > 20
