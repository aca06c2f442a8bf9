"""Every command that the documentation shows works as it is shown."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.store import SHIPPED
from tests.e2e.world import HOST, World

# Pages whose commands need a world of their own, with the test that runs them.
OWN_TESTS = {"operations.md": "tests/e2e/test_operations.py"}
PAGES = [
    SHIPPED / "README.md",
    SHIPPED / "CONTRIBUTING.md",
    *(page for page in sorted((SHIPPED / "docs").glob("*.md")) if page.name not in OWN_TESTS),
]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAMS = ("bin/run", "bin/test", "doit", "python", "ruff", "mypy", ". ")
NEED_A_PUBLICATION = frozenset({"metrics", "recheck", "replay", "requeue", "rollback", "why"})
NEED_A_BATCH = NEED_A_PUBLICATION | {"collect", "matrix", "payload", "publish"}
BATCH_ID = re.compile(r"\d{4}-\d\d-\d\d-[a-z]+-\d{3}")
# Run by tests/test_code.py on every change, or part of every run of the suite.
CHECKED_ELSEWHERE = ("ruff ", "mypy", ". .venv")


def commands():
    """Return (page, command) for each command line in a fenced block; three blanks begin an explanation."""
    found = {}
    for page in PAGES:
        for block in BLOCK.findall(page.read_text()):
            for line in block.splitlines():
                command = re.split(r"\s{3,}|\s+#\s", line.removeprefix("$ ").rstrip())[0]
                if command.startswith(PROGRAMS) and not command.startswith(CHECKED_ELSEWHERE):
                    found.setdefault(command, page.name)
    return sorted(found.items())


COMMANDS = commands()


@pytest.fixture
def furnished(world: World) -> World:
    """A root whose queue has the packages that the documentation names, and a registry with a search."""
    for limit in (20, 100):
        query = f"text=keywords:cli&popularity=1.0&quality=0.0&maintenance=0.0&size={limit}&from=0"
        world.registry.add(f"/npm/-/v1/search?{query}", b'{"objects": [{"package": {"name": "prettier"}}]}')
    world.queue(world.npm("prettier"), world.npm("pretty-quick"), world.pypi("black"))
    return world


def test_the_documentation_shows_commands():
    """The pattern still finds them."""
    shown = [command for command, _ in COMMANDS]
    for expected in ("bin/run", "bin/test", "doit", "doit list", "doit generate:npm:prettier", "doit clean"):
        assert expected in shown


def arguments_of(command: str, world: World) -> list[str]:
    """Return a command's arguments after what it needs has been done; a page's batch is an example of an id."""
    arguments = shlex.split(command)[1:]
    if arguments and arguments[0] in NEED_A_BATCH:
        world.ran()
    if arguments and arguments[0] in NEED_A_PUBLICATION:
        world.ran("publish")
        arguments = [BATCH_ID.sub(world.batch().id, argument) for argument in arguments]
    return arguments


@pytest.mark.parametrize(("command", "page"), [pair for pair in COMMANDS if pair[0].startswith("doit")])
def test_a_doit_command_works(furnished: World, command: str, page: str):
    """It ends well and writes nothing to the standard error stream."""
    if HOST is None or ("validate:" in command and HOST.id not in command):
        pytest.skip(f"{page} shows the platform of another machine")
    done = furnished.doit(*arguments_of(command, furnished))
    told = 1 if command.startswith("doit info") else 0  # doit's way to say that a task is not up to date
    assert (done.exit_code, done.err) == (told, "")
    assert done.out


@pytest.mark.parametrize(("command", "page"), [pair for pair in COMMANDS if pair[0].startswith(("bin/", "python "))])
def test_a_script_works(furnished: World, command: str, page: str):
    """`bin/run` ends in doit, `bin/test` in pytest; benchmarks have their own test."""
    program, *arguments = shlex.split(command)
    if program == "python":
        assert (SHIPPED / (arguments[1].replace(".", "/") + ".py")).exists(), page
        return
    if not Path(sys.executable).is_relative_to(SHIPPED / ".venv"):
        pytest.skip("this checkout has no environment of its own")
    harmless = ["--version"] if program == "bin/test" else ["list"]
    done = subprocess.run(
        [SHIPPED / program, *([] if program == "bin/run" else arguments), *harmless],
        env=furnished.environment(),
        cwd=SHIPPED,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ("pytest" if program == "bin/test" else "snapshot") in done.stdout + done.stderr
