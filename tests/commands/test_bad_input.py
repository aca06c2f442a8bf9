"""What a person mistypes, and damaged files: one line with the place, the rule and the remedy, and nothing done."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from doit.doit_cmd import DoitMain

from pipeline.state.ledger import Ledger
from pipeline.store import SHIPPED, Paths
from tests.builders import entry, queue
from tests.builders_ledger import ledger_entry

# Runs a command; returns its exit code and the one line that it wrote.
Says = Callable[[str], tuple[int, str]]
BATCH_ID = ledger_entry().batch_id
LEDGER, QUEUE, CONTROL, CONFIG = (
    "data/batches.jsonl",
    "data/queues/priority-queue.json",
    "batch-control.json",
    "pipeline.yaml",
)
# A command line, the exit code, and what the line says: where, what is wrong, what to do.
WRONG = [
    ("why", 4, "doit why: explains one source, not 0", "`doit why npm:prettier`"),
    ("why npm:a npm:b", 4, "doit why: explains one source, not 2", "`doit why npm:prettier`"),
    ("why npm:pretify", 5, "the queue has no source npm:pretify", "did you mean `doit why npm:prettify`?"),
    ("why \x1b[2J", 5, "the queue has no source ", ""),
    ("status now", 4, "doit status: takes no arguments, got now", "`doit help status`"),
    ("status --al", 4, "doit status: option --al not recognized", "`doit help status`"),
    ("status batch.siez=3", 4, "command line, batch.siez=3: /batch: unknown key 'siez'", "did you mean 'size'?"),
    ("status batch.size=x", 4, "command line, batch.size=x: /batch/size: must be of type integer", "correct"),
    ("metrics --last none", 4, "command line, --last: none is no number of batches", "write 1 or more"),
    ("metrics --since soon", 4, "command line, --since: soon is neither a date nor a time span", "2026-03-01"),
    ("metrics --ecosystem npn", 5, "there is no ecosystem npn", "did you mean `doit metrics --ecosystem npm`?"),
    ("metrics --platform beos", 5, "there is no platform beos", "use one of linux-debian-glibc-x86_64, "),
    ("rollback", 4, "doit rollback: needs a batch", "`doit rollback --batch ID`"),
    ("rollback --batch 1", 5, "the ledger knows no batch 1", "`doit metrics` names the last ones"),
    (f"rollback --batch {BATCH_ID[:-1]}2", 5, "the ledger knows no batch", f"did you mean {BATCH_ID}?"),
    (f"rollback --batch {BATCH_ID} --source npm:x", 5, f"batch {BATCH_ID} holds no recipe of npm:x", "did you mean"),
    ("replay", 4, "doit replay: replays one batch, not 0", "`doit replay ID`"),
    ("replay 1", 5, "there is no batch 1", "`data/batches.jsonl` lists the batches"),
    ("requeue", 4, "doit requeue: names no package", "--category CATEGORY"),
    ("requeue npm:pretify", 5, "the queue has no source npm:pretify", "did you mean `doit requeue npm:prettify`?"),
    ("requeue npm:a --category timeout", 4, "doit requeue: sources and --category", "either sources or a filter"),
    ("requeue --category timeuot", 5, "there is no category timeuot", "did you mean timeout?"),
    ("recheck --limit 0", 4, "doit recheck: --limit must be at least 1", "leave it out for 100"),
    ("recheck --limit few", 4, "doit recheck: --limit must be a whole number", "`doit help recheck`"),
    ("matrix --class windows", 4, "doit matrix: --class must be linux or macos", "`doit help matrix`"),
    ("matrix --github-output", 4, "doit matrix: --github-output needs a file", "set GITHUB_OUTPUT to its path"),
    ("collect", 4, "doit collect: needs the folder that holds the artifacts", "`doit help collect`"),
    ("publish now", 4, "doit publish: takes no arguments, got now", "`doit help publish`"),
    ("publish", 3, "", "run `doit`"),
    ("sync now", 4, "doit sync: takes no arguments, got now", "`doit help sync`"),
    ("check all", 4, "doit check: takes no arguments, got all", "`doit help check`"),
    ("doctor --slow", 4, "doit doctor: option --slow not recognized", "`doit help doctor`"),
    ("dashboard here", 4, "doit dashboard: takes no arguments, got here", "`doit help dashboard`"),
    ("completion tcsh", 4, "doit completion: knows bash, zsh, fish", "`doit completion bash`"),
    ("init here", 4, "doit init: takes no arguments, got here", "`doit help init`"),
    ("add", 4, "doit add: names no source", "`doit add npm:prettier`"),
    ("add black", 4, "doit add: black: no source has this form", "write ecosystem:identifier"),
    ("add npm:c --priority 9", 4, "doit add: --priority must be 1, 2 or 3", "leave it out for 2"),
    ("stop", 4, "doit stop: needs a reason", '`doit stop --reason "why"`'),
    ("stop --reason x --until soon", 4, "command line, --until: soon is no RFC 3339", "2026-03-01T12:00:00Z"),
    ("disable npn", 5, "there is no ecosystem npn", "did you mean `doit disable npm`?"),
    ("enable", 4, "doit enable: takes one ecosystem, got 0", "`doit enable "),
    ("help sttus", 5, "there is no command or task sttus", "did you mean `doit help status`?"),
]
READ_IT = ("status", "metrics", "check", "why npm:a", "publish", "requeue npm:a", "add npm:c", "dashboard", "recheck")
# A file, what is written there instead ("" for a folder in its place), who reads it, the exit code, and what is said.
DAMAGED = [
    (QUEUE, "{", READ_IT, 4, f"/{QUEUE}: is not JSON: "),
    (QUEUE, "", ("status", "add npm:c"), 3, f"/{QUEUE}: the queue cannot be read (it is no regular file)"),
    (CONTROL, "[1", ("status", "metrics", "stop --reason x"), 4, f"/{CONTROL}: is not JSON: "),
    (CONFIG, "a: [", ("status", "publish", "init"), 4, f"/{CONFIG}: did not find expected node content (line "),
    (LEDGER, "", ("status", f"rollback --batch {BATCH_ID}"), 3, f"/{LEDGER}: the ledger of batches cannot be read"),
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root of two packages and one batch, which is the root of all commands."""
    folder = tmp_path / "root"
    (folder / QUEUE).parent.mkdir(parents=True)
    (folder / QUEUE).write_bytes(msgspec.json.encode(queue(entry("npm:a"), entry("npm:prettify"))))
    (folder / CONTROL).write_text("{}")
    (folder / CONFIG).write_text("{}")
    Ledger(Paths(folder)).append(ledger_entry())
    monkeypatch.setenv("PIPELINE_ROOT", str(folder))
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    monkeypatch.chdir(SHIPPED)
    return folder


@pytest.fixture
def said(root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Says:
    """Run a command in this process; return its exit code and its one line, beside which nothing was written."""

    def run(command: str) -> tuple[int, str]:
        arguments = command.split(" ")
        monkeypatch.setattr(sys, "argv", ["doit", *arguments])
        before = files_of(root)
        code = DoitMain().run(arguments)
        shown = capfd.readouterr()
        assert (shown.out, shown.err.count("\n")) == ("", 1), shown
        assert shown.err.startswith("recipeline: error: ")
        assert shown.err.rstrip("\n").isprintable()
        assert files_of(root) == before
        return code, shown.err.removeprefix("recipeline: error: ")

    return run


def files_of(root: Path) -> dict[Path, bytes]:
    """Return what stands in a root beside the notes of who works there."""
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.parent != root / "build"}


@pytest.mark.parametrize(("command", "code", "rule", "remedy"), WRONG, ids=map(ascii, (row[0] for row in WRONG)))
def test_what_is_mistyped_is_one_line(said: Says, command: str, code: int, rule: str, remedy: str) -> None:
    """Which command, which rule, and what to type instead; the exit code tells a wrong form from a wrong name."""
    found, line = said(command)
    told, _, what_to_do = line.partition("; remedy: ")
    assert (found, told.startswith(rule)) == (code, True), line
    assert remedy in what_to_do
    assert what_to_do


@pytest.mark.parametrize(
    ("name", "content", "commands", "code", "words"),
    DAMAGED,
    ids=("queue", "queue-folder", "control", "config", "ledger-folder"),
)
def test_a_damaged_file_is_named(
    said: Says, root: Path, name: str, content: str, commands: tuple[str, ...], code: int, words: str
) -> None:
    """By each command that reads it, and none of them writes anything."""
    (root / name).unlink()
    if content:
        (root / name).write_text(content)
    else:
        (root / name).mkdir()
    for command in commands:
        found, line = said(command)
        assert (found, line.startswith(f"{root}{words}")) == (code, True), (command, line)


def test_a_damaged_batch_is_not_one_without_jobs(said: Says, root: Path) -> None:
    """A workflow would end well with nothing measured."""
    (root / "build").mkdir(exist_ok=True)
    (root / "build" / "batch.json").write_text("{")
    code, line = said("matrix")
    assert (code, line.startswith(f"{root}/build/batch.json: ")) == (4, True), line


@pytest.fixture
def read_only(root: Path) -> Iterator[Path]:
    """The root on a disk that nobody may write; who is no superuser needs no disk for that."""
    if os.geteuid() != 0:
        root.chmod(0o555)
        (root / "data").chmod(0o555)
        yield root
        (root / "data").chmod(0o755)
        root.chmod(0o755)
        return
    mounts = (["mount", "--bind", str(root), str(root)], ["mount", "-o", "remount,ro,bind", str(root)])
    if any(subprocess.run(mount, check=False, capture_output=True).returncode for mount in mounts):
        pytest.skip("this machine cannot make a folder read-only for its superuser")
    yield root
    subprocess.run(["umount", "-l", str(root)], check=True)


@pytest.mark.parametrize("command", ["stop --reason x", "publish", "requeue npm:a", "add npm:c", "dashboard", "matrix"])
def test_a_root_that_may_only_be_read_is_told(said: Says, read_only: Path, command: str) -> None:
    """The folder and what to mend; looking needs no writing."""
    code, line = said(command)
    assert (code, line.startswith(f"{read_only}/")) == (3, True), line
    assert line.endswith("; remedy: let this user write there\n")
