"""What surrounds the state commands is hostile: outputs that are closed, odd repositories, damaged state."""

import subprocess

import pytest

from tests.hostile.lab import DOIT


@pytest.fixture
def done(lab):
    """A lab after a whole run of two packages."""
    for name in ("a", "b"):
        lab.npm(name)
    lab.queue("npm:a", "npm:b")
    assert lab.doit().returncode == 0
    return lab


def in_shell(lab, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `doit` is this checkout's; its exit code is that of the first command."""
    text = f'doit() {{ {DOIT} "$@"; }}; {line}; exit ${{PIPESTATUS[0]}}'
    return lab.shell(text, **variables)


COMMANDS = [
    "status",
    "why npm:a",
    "why npm:a --json",
    "metrics",
    "list",
    "info payload",
    "help",
    "publish --dry-run",
    "",
]


@pytest.mark.parametrize("buffered", ["unset", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_has_read_enough_ends_a_command_quietly(done, command, buffered):
    """`doit why ... | head -1`: nothing is said, and the exit code is that of any tool that wrote to a closed pipe."""
    run = in_shell(done, f"doit {command} | true", PYTHONUNBUFFERED=buffered)
    assert (run.returncode, run.stdout, run.stderr) == (141, "", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_needs_no_output(done, command):
    """Started without a standard output, as some schedulers do, a command ends as ever."""
    run = in_shell(done, f"doit {command} >&-")
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("buffered", ["unset", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_on_a_full_disk_is_one_error(done, command, buffered):
    """What could not be written is told once, by exit code and line."""
    run = in_shell(done, f"doit {command} >/dev/full", PYTHONUNBUFFERED=buffered)
    assert (run.returncode, run.stderr.splitlines()) == (
        3,
        ["recipeline: error: the output: No space left on device; remedy: free some space there"],
    )


def test_a_run_ends_when_nobody_reads_it_any_more(lab):
    """`doit | head -1` ends as by Ctrl-C, without a word; the next run goes on from there."""
    names = [f"p{number}" for number in range(40)]
    for name in names:
        lab.npm(name)
    lab.queue(*[f"npm:{name}" for name in names])
    run = in_shell(lab, "doit generate | true")
    assert (run.returncode, run.stderr) == (141, "")
    assert len(list((lab.root / "build/generate/npm").glob("*.json"))) < len(names)
    assert lab.doit("generate").returncode == 0
    assert len(list((lab.root / "build/generate/npm").glob("*.json"))) == len(names)
