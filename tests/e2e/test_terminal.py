"""Every command in JSON, its errors too, and completion in a real shell."""

import json
import shutil
import subprocess
import tomllib

import pytest

from pipeline.cli import COMMANDS
from pipeline.commands.completion import SCRIPTS
from pipeline.store import SHIPPED
from tests.e2e.world import DOIT, PATIENCE, World

# What doit itself has, beside what is registered.
REGISTERED = tomllib.loads((SHIPPED / "pyproject.toml").read_text())["tool"]["doit"]["plugins"]["command"]


@pytest.fixture
def stocked(world: World) -> World:
    """Two packages, and this machine as the only platform."""
    world.configure(platforms=world.only_here())
    world.queue(world.npm("prettify"), world.npm("peek"))
    return world


def test_every_command_has_json(world: World) -> None:
    """Whoever adds a command adds it to the list of names, and it has `--json` once."""
    assert sorted(COMMANDS) == sorted(REGISTERED)
    told = json.loads(world.ran("help", "--json").out)["commands"]
    assert {one["name"] for one in told} == set(REGISTERED)
    for one in told:
        assert [option["long"] for option in one["options"]].count("--json") == 1, one["name"]


def test_help_is_of_the_pipeline_and_not_of_doit(stocked: World) -> None:
    """Files, reporters and loaders of doit are set, and no business of a user's."""
    why = stocked.ran("help", "why").out.splitlines()
    assert why[:2] == ["doit why", "  tell why a package is tried next, or why it is not"]
    assert why[-1] == "    --json  print one JSON document"
    assert stocked.ran("why", "--help").out.splitlines() == why
    for one in json.loads(stocked.ran("help", "--json").out)["commands"]:
        told = json.dumps(one)
        assert not [word for word in ("db-file", "backend", "dodo", "reporter", "ARG") if word in told], one
        assert one["purpose"]
    assert stocked.ran("--help").out == stocked.ran("help").out
    assert "make a recipe of each package" in stocked.ran("help", "generate").out
    for name, close in (("sttus", "status"), ("task", "status"), ("genrate", "generate")):
        done = stocked.doit("help", name)
        assert (done.exit_code, done.out) == (5, "")
        assert f"there is no command or task {name}; remedy: did you mean `doit help {close}`?" in done.err


@pytest.mark.parametrize("name", sorted(REGISTERED))
def test_every_error_is_a_json_document(stocked: World, name: str) -> None:
    """One line on the error stream, with the exit code of the process; nothing on the standard output."""
    done = stocked.doit(name, "--json", PIPELINE_ROOT=str(stocked.folder / "nowhere"))
    if name == "help":
        assert done.exit_code == 0
        return
    assert (done.out, done.err.count("\n")) == ("", 1)
    error = json.loads(done.err)["error"]
    assert set(error) == {"message", "remedy", "exit_code"}
    assert error["exit_code"] == done.exit_code == 3


def test_a_run_is_one_document(stocked: World) -> None:
    """The numbers on the standard output, what people read on the other stream; the second run has nothing to do."""
    done = stocked.doit("--json")
    document = json.loads(done.out)
    assert document["batch"]["included"] == 2
    assert document["failures"] == []
    assert "recipe     npm:prettify" in done.err
    again = json.loads(stocked.doit("--json").out)
    assert (again["tasks_run"], again["requests"]) == (0, 0)


def test_switches_and_tasks_answer_in_json(stocked: World) -> None:
    """Also with `--json` behind a name."""
    assert json.loads(stocked.ran("stop", "--reason", "why", "--json").out)["enabled"] is False
    assert json.loads(stocked.ran("resume", "--json").out)["enabled"] is True
    assert json.loads(stocked.ran("disable", "npm", "--json").out)["disabled_ecosystems"] == ["npm"]
    assert json.loads(stocked.ran("enable", "npm", "--json").out)["disabled_ecosystems"] == []
    assert json.loads(stocked.doit("info", "generate:npm:peek", "--json").out)["name"] == "generate:npm:peek"
    assert json.loads(stocked.ran("forget", "generate:npm:peek", "--json").out) == {"tasks": ["generate:npm:peek"]}


def test_an_empty_argument_is_one_line(stocked: World) -> None:
    """doit itself would end in a traceback."""
    done = stocked.doit("stop", "--reason", "")
    assert (done.exit_code, done.out, done.err.count("\n")) == (4, "", 1)
    assert "an argument is empty" in done.err


def completed(world: World, line: str) -> list[str]:
    """Return what bash offers for a line."""
    script = (
        'eval "$(doit completion bash)"; COMP_LINE="$1"; COMP_POINT=${#1}; _recipeline_doit; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = world.environment(PATH=f"{DOIT.rpartition('/')[0]}:/usr/bin:/bin")
    done = subprocess.run(
        ["bash", "-c", script, "bash", line],
        cwd=SHIPPED,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_names(stocked: World) -> None:
    """Of a name with colons only what follows the last one, as bash parts words there."""
    stocked.ran("snapshot")
    assert {"status", "stop"} <= set(completed(stocked, "doit st"))
    assert completed(stocked, "doit metrics --l") == ["--last"]
    assert completed(stocked, "doit why npm:pr") == ["prettify"]
    assert completed(stocked, "doit generate:npm:pe") == ["peek"]
    assert completed(stocked, "doit constrain:npm:pe") == ["peek"]
    assert completed(stocked, "doit validate:darwin-arm64:npm.pe") == ["npm.peek"]
    assert set(completed(stocked, "doit help ")) == set(COMMANDS)
    assert completed(stocked, "doit disable pyp") == ["pypi"]
    assert completed(stocked, "doit metrics --platform darwin-a") == ["darwin-arm64"]
    assert completed(stocked, "doit nothing-like-it") == []


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_a_shell_can_read_its_script(world: World, shell: str) -> None:
    """Where the shell is there."""
    program = shutil.which(shell)
    script = world.ran("completion", shell).out
    assert "completion --line=" in script
    if program is None:
        pytest.skip(f"{shell} is not on this machine")
    subprocess.run([program, "-n"], input=script, text=True, check=True, timeout=PATIENCE)
