"""What a person sees: plain lines in a log, a live display on a terminal, a table in the step summary of CI."""

import os
import pty
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from pipeline.model import Excluded
from pipeline.reporter import summary_view
from pipeline.store import SHIPPED
from pipeline.summary import Summary
from tests.e2e.world import DOIT, PATIENCE, World
from tests.screens import screen

ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# What moves the cursor or clears a line: only a live display needs it.
MOVEMENT = re.compile(r"\x1b\[[0-9;?]*[A-HJKlh]")


@pytest.fixture
def stocked(world: World) -> World:
    """A good package and one that does not exist, at a pace that a live display can follow."""
    world.configure(rate=5, platforms=world.only_here())
    world.queue(world.npm("prettify"), world.pypi("blacken"), "npm:missing")
    return world


def on_terminal(world: World, **extra: str) -> tuple[int, str]:
    """Run `doit` on a pseudo-terminal of 120 columns; return its exit code and all that it wrote there."""
    controller, terminal = pty.openpty()
    os.set_blocking(controller, False)
    process = subprocess.Popen(
        [DOIT],
        cwd=SHIPPED,
        env=world.environment(TERM="xterm-256color", COLUMNS="120", LINES="40", **extra),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    written = b""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ready, _, _ = select.select([controller], [], [], 1)
        try:
            chunk = os.read(controller, 65536) if ready else b" "[:0]
        except OSError:  # the other end is closed: the process has ended
            break
        if ready and not chunk:
            break
        written += chunk
    os.close(controller)
    return process.wait(PATIENCE), written.decode()


def test_plain_output_has_no_escape_sequences(stocked: World) -> None:
    """Without a terminal each result is one line, whole however long it is, and nothing moves the cursor."""
    done = stocked.ran()
    assert ESCAPE not in done.out
    assert "\r" not in done.out
    lines = done.out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("recipe ")] == ["npm:prettify", "pypi:blacken"]
    left_out = f"  npm:missing  not_found: GET {stocked.registry.npm_url}/missing: the registry answered 404 Not Found"
    assert left_out in lines, "a line was folded"
    assert any(line.startswith("Pull request: 2 recipes in build/payload") for line in lines)


def test_a_terminal_gets_the_live_display(stocked: World) -> None:
    """On a terminal a table of queues, rates and verdicts is drawn and redrawn, and replaced by the summary."""
    exit_code, written = on_terminal(stocked)
    assert exit_code == 0
    assert MOVEMENT.search(written)
    assert COLOUR.search(written)
    assert len(re.findall(r"batch \d{4}-\d\d-\d\d-mixed-001, \d+ s", written)) >= 2
    assert "5/s" in written
    last = COLOUR.sub("", written.rpartition("Left out (1):")[2])
    assert "npm:missing" in last
    assert "Pull request: 2 recipes" in last


def test_a_remedy_is_whole_on_a_narrow_terminal() -> None:
    """Why a package was left out goes on below itself, also beside the longest source."""
    reason = (
        "runtime_missing: there is no Rust toolchain on this machine; remedy: choose one with `rustup default stable`"
    )
    sources = ["cargo:bat", f"go:code.example/{'very/' * 20}long"]
    summary = Summary(
        batch_id="2026-03-14-mixed-001",
        ecosystems=[],
        platforms={},
        not_included=[Excluded(source=source, reason=reason) for source in sources],
        included=0,
        auto_merge_allowed=False,
        auto_merge_reasons=[],
    )
    shown = screen(summary_view(summary, 80, watched=True), width=80).partition("Left out (2):\n")[2]
    assert max(map(len, shown.splitlines())) <= 80
    assert "".join(shown.split()) == "".join(f"{source}{reason}" for source in sources).replace(" ", "")


def test_no_colour_is_respected(stocked: World) -> None:
    """With NO_COLOR the display on a terminal has no colours; it may still move the cursor and be bold."""
    exit_code, written = on_terminal(stocked, NO_COLOR="1")
    assert exit_code == 0
    coloured = [code for code in COLOUR.findall(written) if re.search(r"[\[;](3[0-7]|9[0-7]|38|4[0-7])[;m]", code)]
    assert coloured == []
    assert "Pull request: 2 recipes" in COLOUR.sub("", written)


def test_the_step_summary_is_written(stocked: World, tmp_path: Path) -> None:
    """With GITHUB_STEP_SUMMARY the tables are added there as markdown, after what other steps wrote."""
    summary = tmp_path / "summary.md"
    summary.write_text("# Earlier step\n")
    stocked.ran(GITHUB_STEP_SUMMARY=str(summary))
    text = summary.read_text()
    assert text.startswith("# Earlier step\n## Batch ")
    assert "| npm | 2 | 1 | 0 | 1 | 0 | 1 |\n| pypi | 1 | 1 | 0 | 0 | 0 | 1 |" in text
    assert "| `npm:missing` | not&#95;found: " in text
    assert ESCAPE not in text


def test_bin_run_passes_its_arguments_on(stocked: World, tmp_path: Path) -> None:
    """`bin/run` in a checkout that is set up runs `doit` with the same arguments, and plain when it is not watched."""
    checkout = tmp_path / "checkout"
    (checkout / "bin").mkdir(parents=True)
    (checkout / ".venv").mkdir()
    for name in ("run", "_setup"):
        shutil.copy(SHIPPED / "bin" / name, checkout / "bin" / name)
    for name in ("pipeline", "dodo.py", "pyproject.toml", "pipeline.yaml", "requirements.lock"):
        (checkout / name).symlink_to(SHIPPED / name)
    # The environment that runs these tests stands in for the one that `bin/_setup` would make.
    (checkout / ".venv" / "bin").symlink_to(Path(DOIT).parent)
    shutil.copy(SHIPPED / "requirements.lock", checkout / ".venv" / ".requirements.lock.installed")
    done = subprocess.run(
        [checkout / "bin" / "run", "generate:npm:prettify"],
        env=stocked.environment(PYTHONPATH=str(checkout)),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert ESCAPE not in done.stdout
    assert done.stdout.startswith("recipe     npm:prettify  1.2.3, MIT\n")
