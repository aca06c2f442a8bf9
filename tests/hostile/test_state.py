"""What surrounds the state commands is hostile: outputs that are closed, odd repositories, damaged state."""

import json
import os
import subprocess

import pytest

from tests.hostile.lab import DOIT


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
def test_a_reader_that_has_read_enough_ends_a_command_quietly(done, buffered):
    """`doit why ... | head -1`: nothing is said, and the exit code is that of any tool that wrote to a closed pipe."""
    for command in COMMANDS:
        run = in_shell(done, f"doit {command} | true", PYTHONUNBUFFERED=buffered)
        assert (command, run.returncode, run.stdout, run.stderr) == (command, 141, "", "")


def test_a_command_needs_no_output(done):
    """Started without a standard output, as some schedulers do, a command ends as ever."""
    for command in COMMANDS:
        run = in_shell(done, f"doit {command} >&-")
        assert (command, run.returncode, run.stderr) == (command, 0, "")


@pytest.mark.parametrize("buffered", ["unset", "1"], ids=["buffered", "unbuffered"])
def test_an_output_on_a_full_disk_is_one_error(done, buffered):
    """What could not be written is told once, by exit code and line."""
    told = "recipeline: error: the output: No space left on device; remedy: free some space there"
    problem = {"message": "the output: No space left on device", "remedy": "free some space there", "exit_code": 3}
    as_document = {"error": problem}
    for command in COMMANDS:
        run = in_shell(done, f"doit {command} >/dev/full", PYTHONUNBUFFERED=buffered)
        expected = json.dumps(as_document) if "--json" in command else told
        assert (command, run.returncode, run.stderr.splitlines()) == (command, 3, [expected])


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


def test_an_argument_that_is_not_text_is_refused(done):
    """Bytes of another encoding can stand in no record; nothing is written."""
    odd = os.fsdecode(b"npm:\xff")
    for command in (["why"], ["why", "--json"], ["requeue"], ["stop", "--reason"], ["rollback", "--batch"]):
        run = done.doit(*command, odd)
        assert (run.returncode, len(run.stderr.splitlines())) == (4, 1)
        assert "is not text" in run.stderr
        assert "write it in UTF-8" in run.stderr
    assert not (done.root / "batch-control.json").exists()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_output_that_cannot_show_a_sign_shows_a_question_mark(done, encoding):
    """A log file of an old system is no reason to fail."""
    for command in ("why npm:a", "metrics", "status", "publish --dry-run"):
        run = done.doit(*command.split(), environment={"PYTHONIOENCODING": encoding})
        assert (command, run.returncode, run.stderr) == (command, 0, "")


def test_numbers_need_no_width(done):
    """Some schedulers have a terminal of no columns."""
    assert done.doit("publish").returncode == 0
    for columns in ("0", "1", "20", "x"):
        run = done.doit("metrics", environment={"COLUMNS": columns})
        assert (run.returncode, run.stderr, "Service levels" in run.stdout) == (0, "", True)


@pytest.mark.parametrize("name", [b"\x1b[31mroot\nx", b"a\xff", b"x" * 100_000], ids=["controls", "bytes", "long"])
def test_whoever_stops_the_pipeline_has_a_name_that_can_be_shown(done, name):
    """An emergency stop does not fail for the user's name, and the name does not steer a terminal."""
    assert done.doit("stop", "--reason", "x", environment={"LOGNAME": os.fsdecode(name)}).returncode == 0
    shown = done.doit("status").stdout
    assert "pipeline stopped" in shown
    assert len(shown) < 1000
    assert [char for char in shown if not char.isprintable() and char != "\n"] == []


def test_what_people_and_files_say_does_not_steer_the_terminal(done):
    """The control file's reasons are anybody's text: shown on one line each, without escapes; JSON keeps them."""
    evil = "ok \x1b]0;title\x07\x9b2J\u202e\r\n✓ status"
    control = {"enabled": False, "reason": evil, "disabled_by": evil, "incident_url": evil}
    (done.root / "batch-control.json").write_text(json.dumps(control))
    for command in (["status"], ["status", "--json"], ["why", "npm:a"], ["why", "npm:a", "--json"]):
        shown = done.doit(*command).stdout
        assert [sign for sign in shown if not sign.isprintable() and sign != "\n"] == []
        assert not any(line.startswith("✓ status") for line in shown.splitlines())
    assert json.loads(done.doit("status", "--json").stdout)["reason"] == evil


def test_a_damaged_line_of_the_ledger_is_named(done):
    """A batch that is known but cannot be read is not called unknown, with its own name as the nearest one."""
    (done.root / "data/batches.jsonl").write_text('{"batch_id":"2026-01-01-npm-001","at":"2026-12-31T23:59:60Z"}\n')
    run = done.doit("rollback", "--batch", "2026-01-01-npm-001")
    assert run.returncode == 3
    assert "data/batches.jsonl: what stands there of batch 2026-01-01-npm-001 cannot be read" in run.stderr
