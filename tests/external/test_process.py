"""A program of the user's is bounded in time and output, and nothing of it outlives its run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.external.answers import Ran, answer_of
from pipeline.external.process import (
    LARGEST_RECIPE,
    Errand,
    Workshop,
    carry_out,
    find_program,
    private_folder,
    read_written,
    run_program,
)
from pipeline.external.written import Broken
from pipeline.sandbox.output import KEEP_BYTES
from tests.fakes_program import FakeProgram


@pytest.fixture
def program(tmp_path: Path) -> FakeProgram:
    return FakeProgram(tmp_path / "bin")


def run(program: FakeProgram, folder: Path, *arguments: str, timeout: float = 60, **variables: str) -> Ran:
    environment = {"PATH": os.environ["PATH"], **variables}
    return run_program(
        Errand(argv=(str(program.path), *arguments), environment=environment, folder=folder, timeout=timeout)
    )


@pytest.mark.parametrize("code", [0, 3, 9, 255])
def test_the_exit_code_and_both_streams_are_kept(program: FakeProgram, tmp_path: Path, code: int) -> None:
    """Apart, so that an answer on the one is not torn by the other."""
    program.on("a", exit=code, output="out\n{}", errors="err\udcff")
    ran = run(program, tmp_path, "a")
    assert (ran.exit_code, ran.signal, ran.timed_out, ran.left, ran.refused) == (code, None, False, 0, "")
    assert (ran.output, ran.errors) == (b"out\n{}", b"err\xff")
    assert ran.seconds > 0


def test_a_signal_is_told_from_an_exit_code(program: FakeProgram, tmp_path: Path) -> None:
    program.on("a", does="die")
    ran = run(program, tmp_path, "a")
    assert (ran.exit_code, ran.signal) == (None, signal.SIGKILL)


def test_a_program_that_hangs_is_ended(program: FakeProgram, tmp_path: Path) -> None:
    """What it said until then is kept; a session of its own does not save what it has started."""
    program.on("a", does="outlive and hang", output="so far\n")
    ran = run(program, tmp_path, "a", timeout=2)
    assert (ran.exit_code, ran.timed_out, ran.output, ran.left) == (None, True, b"so far\n", 0)
    assert 2 <= ran.seconds < 20
    assert not program.left_running()


def test_what_outlives_the_program_is_ended(program: FakeProgram, tmp_path: Path) -> None:
    """It kept the output open, and the run ends all the same: with the program's exit code."""
    program.on("a", does="outlive", exit=7)
    ran = run(program, tmp_path, "a")
    assert (ran.exit_code, ran.timed_out, ran.left) == (7, False, 0)
    assert ran.seconds < 20
    assert not program.left_running()


def test_nothing_is_left_when_the_pipeline_is_killed(program: FakeProgram, tmp_path: Path) -> None:
    """Its death closes the only other end of the reaper's standard input."""
    program.on("a", does="outlive and hang")
    code = (
        "import os; from pathlib import Path; from pipeline.external.process import Errand, run_program; "
        f"run_program(Errand(argv=({str(program.path)!r}, 'a'), environment=os.environ, "
        f"folder=Path({str(tmp_path)!r}), timeout=600))"
    )
    pipeline = subprocess.Popen([sys.executable, "-c", code])
    left = tmp_path / "bin" / "left.pid"
    _wait(lambda: left.exists() and bool(left.read_text()))
    pipeline.kill()
    pipeline.wait()
    _wait(lambda: not program.left_running())


def _wait(done) -> None:
    """Ask until it is so; a minute is more than any of it takes."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_of_a_flood_head_and_tail_are_kept(program: FakeProgram, tmp_path: Path) -> None:
    """20 MB take no memory, and the answer at the end is read."""
    program.on("a", does="flood", output="the beginning\n")
    ran = run(program, tmp_path, "a")
    assert 2 * KEEP_BYTES <= len(ran.output) < 2 * KEEP_BYTES + 100
    assert ran.output.startswith(b"the beginning\n")
    assert answer_of(ran).message == "the end"


def test_its_arguments_variables_and_input_are_what_they_shall_be(program: FakeProgram, tmp_path: Path) -> None:
    """No shell reads the arguments, nobody's keyboard the input, and the folder is the one that it is given."""
    program.on("$(id); `x` *", exit=0)
    run(program, tmp_path, "$(id); `x` *", "two\nlines", TOKEN="secret")
    (call,) = program.calls()
    assert call["arguments"] == ["$(id); `x` *", "two\nlines"]
    assert (call["folder"], call["given"], call["environment"]["TOKEN"]) == (str(tmp_path), "", "secret")


@pytest.mark.parametrize("content", [None, "no program", "#!/no/such/interpreter\n"])
def test_what_cannot_be_started_says_why(tmp_path: Path, content: str | None) -> None:
    """A missing file, a file without an interpreter, and one whose interpreter is missing."""
    path = tmp_path / "x"
    if content is not None:
        path.write_text(content)
        path.chmod(0o755)
    ran = run_program(Errand(argv=(str(path),), environment={}, folder=tmp_path, timeout=60))
    assert ran.refused
    assert (ran.exit_code, ran.timed_out) == (None, False)


def test_a_run_has_a_folder_of_its_own_that_goes_with_it(program: FakeProgram, tmp_path: Path) -> None:
    """Only this user may enter it, temporary files go there, and its name is kept out of what was said."""
    workshop = Workshop(
        root=tmp_path, jobs=tmp_path / "jobs", environment={"PATH": "/usr/bin:/bin", "TMPDIR": "/x"}, run=run_program
    )
    with private_folder(workshop.jobs) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        program.on("a", errors=f"cannot write {folder}/a.toml\n", exit=6)
        ran = carry_out(workshop, ("bin/program", "a"), folder, 60)
    assert ran.errors == b"cannot write a.toml\n"
    (call,) = program.calls()
    assert (call["folder"], call["environment"]["TMPDIR"]) == (str(folder), f"{folder}/tmp")
    assert list(workshop.jobs.iterdir()) == []


def test_a_program_is_looked_for_below_the_root_or_in_the_path(program: FakeProgram, tmp_path: Path) -> None:
    """As a shell does, with the root for the folder that it stands in."""
    variables = {"PATH": str(tmp_path / "bin")}
    assert find_program("program", tmp_path, variables) == str(program.path)
    assert find_program("bin/program", tmp_path, {"PATH": ""}) == str(program.path)
    assert find_program(str(program.path), Path("/"), {}) == str(program.path)
    assert find_program("program", tmp_path, {"PATH": "/usr/bin"}) is None
    assert find_program("bin/behaviours.json", tmp_path, {}) is None, "it is no program"


def test_a_recipe_is_read_as_it_is(tmp_path: Path) -> None:
    """Line ends are not translated."""
    path = tmp_path / "a.toml"
    path.write_bytes("a = 'ü'\r\n".encode())
    assert read_written(path) == "a = 'ü'\r\n"


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda path: None, "it wrote no recipe"),
        (lambda path: path.symlink_to("/etc/hostname"), "what it wrote is a symbolic link"),
        (lambda path: path.symlink_to(path), "what it wrote is a symbolic link"),
        (lambda path: path.mkdir(), "what it wrote is no regular file"),
        (os.mkfifo, "what it wrote is no regular file"),
        (lambda path: path.write_bytes(b"x" * (LARGEST_RECIPE + 1)), "its recipe has more than 262,144 bytes"),
        (lambda path: path.write_bytes(b"name = '\xff'"), "its recipe is not UTF-8"),
    ],
)
def test_what_is_no_plain_file_is_not_read(tmp_path: Path, make, rule: str) -> None:
    """No link is followed, no pipe waited for, no endless file read."""
    make(tmp_path / "a.toml")
    assert read_written(tmp_path / "a.toml") == Broken(rule=rule)
