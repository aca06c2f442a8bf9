"""Every command that the documentation shows works as it is shown."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.store import SHIPPED
from tests.e2e.world import HOST, WatchedRegistry, World
from tests.kept import Kept

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


class Stages:
    """A root whose queue has the packages that the documentation names, kept before and after it was worked on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._kept = Kept(world.folder)
        for limit in (20, 100):
            query = f"text=keywords:cli&popularity=1.0&quality=0.0&maintenance=0.0&size={limit}&from=0"
            world.registry.add(f"/npm/-/v1/search?{query}", b'{"objects": [{"package": {"name": "prettier"}}]}')
        world.queue(world.npm("prettier"), world.npm("pretty-quick"), world.pypi("black"))
        self._kept.keep("fresh")
        world.ran()
        self._kept.keep("batch")
        world.ran("publish")
        self._kept.keep("publication")

    def at(self, stage: str) -> World:
        """Return the world as it was then."""
        self._kept.restore(stage)
        return self.world


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with WatchedRegistry() as registry:
        yield Stages(World(tmp_path_factory.mktemp("documented"), registry))


def test_the_documentation_shows_commands():
    """The pattern still finds them."""
    shown = [command for command, _ in COMMANDS]
    for expected in ("bin/run", "bin/test", "doit", "doit list", "doit generate:npm:prettier", "doit clean"):
        assert expected in shown


def prepared(stages: Stages, command: str) -> tuple[World, list[str]]:
    """Return a world with what a command needs, and its arguments; a page's batch is an example of an id."""
    arguments = shlex.split(command)[1:]
    verb = arguments[0] if arguments else ""
    if verb in NEED_A_PUBLICATION:
        world = stages.at("publication")
        return world, [BATCH_ID.sub(world.batch().id, argument) for argument in arguments]
    return stages.at("batch" if verb in NEED_A_BATCH else "fresh"), arguments


@pytest.mark.parametrize(("command", "page"), [pair for pair in COMMANDS if pair[0].startswith("doit")])
def test_a_doit_command_works(stages: Stages, command: str, page: str):
    """It ends well and writes nothing to the standard error stream."""
    if HOST is None or ("validate:" in command and HOST.id not in command):
        pytest.skip(f"{page} shows the platform of another machine")
    world, arguments = prepared(stages, command)
    done = world.doit(*arguments)
    told = 1 if command.startswith("doit info") else 0  # doit's way to say that a task is not up to date
    assert (done.exit_code, done.err) == (told, "")
    assert done.out


@pytest.mark.parametrize(("command", "page"), [pair for pair in COMMANDS if pair[0].startswith(("bin/", "python "))])
def test_a_script_works(world: World, command: str, page: str):
    """`bin/run` ends in doit, `bin/test` in pytest; benchmarks have their own test."""
    program, *arguments = shlex.split(command)
    if program == "python":
        assert (SHIPPED / (arguments[1].replace(".", "/") + ".py")).exists(), page
        return
    if not Path(sys.executable).is_relative_to(SHIPPED / ".venv"):
        pytest.skip("this checkout has no environment of its own")
    world.queue("npm:prettify")
    harmless = ["--version"] if program == "bin/test" else ["list"]
    done = subprocess.run(
        [SHIPPED / program, *([] if program == "bin/run" else arguments), *harmless],
        env=world.environment(),
        cwd=SHIPPED,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ("pytest" if program == "bin/test" else "snapshot") in done.stdout + done.stderr
