"""One run of a program of the user's: started, bounded in time and output, and ended with all that it started."""

import errno
import os
import selectors
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from pipeline.external import reaper
from pipeline.external.answers import Ran
from pipeline.external.written import Broken
from pipeline.sandbox.output import HeadTail

_CHUNK = 65536
# Beyond the time that the reaper itself waits for the kernel; a reaper that takes longer is ended.
_PATIENCE_SECONDS = 15.0
# The largest real recipe that was seen has some 10 kB.
LARGEST_RECIPE = 256 * 1024


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: the program and its arguments, the variables, the folder to work in, the time that it has."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    timeout: float


RunProgram = Callable[[Errand], Ran]


class Workshop(msgspec.Struct, frozen=True, kw_only=True):
    """What all runs share: the root that programs stand below, the folder of their jobs, the user's variables."""

    root: Path
    jobs: Path
    environment: Mapping[str, str]
    run: RunProgram


def find_program(program: str, root: Path, environment: Mapping[str, str]) -> str | None:
    """Return the path of a command's program: below the root when it has a slash, else from the user's PATH."""
    if "/" in program:
        return shutil.which(str(root / program))
    return shutil.which(program, path=environment.get("PATH", os.defpath))


def run_program(errand: Errand) -> Ran:
    """Run a program to its end or its timeout; afterwards nothing of it is left running."""
    began = time.monotonic()
    output, output_end = os.pipe()
    errors, errors_end = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", reaper.__file__, str(output_end), str(errors_end), *errand.argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=dict(errand.environment),
            cwd=errand.folder,
            pass_fds=(output_end, errors_end),
            # Ctrl-C is the pipeline's to handle; its death closes our end of the reaper's standard input.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # no more processes; a null byte in a variable
        os.close(output)
        os.close(errors)
        return Ran(refused=str(error))
    finally:
        os.close(output_end)
        os.close(errors_end)
    with process:
        kept = {output: HeadTail(), errors: HeadTail()}
        try:
            told, timed_out = _follow(process, kept, began + errand.timeout)
        finally:
            process.kill()  # it has ended, or it does not end in time
            for fd in kept:
                os.close(fd)
    # The folder has another name in each run, and is none of the reader's business.
    folder = os.fsencode(errand.folder) + b"/"
    return _ran(
        dict(line.split() for line in told.decode().splitlines()),
        timed_out=timed_out,
        output=kept[output].content().replace(folder, b""),
        errors=kept[errors].content().replace(folder, b""),
        seconds=round(time.monotonic() - began, 3),
    )


def _ran(words: Mapping[str, str], *, timed_out: bool, output: bytes, errors: bytes, seconds: float) -> Ran:
    """Return a run from the reaper's words: it says how the program ended only when that was its own doing."""
    ended = bool(words.keys() & {"exit", "signal"})
    refused = ""
    if "error" in words:
        refused = os.strerror(int(words["error"]))
    elif not ended and not timed_out:
        refused = "the process that watches over it was ended"
    return Ran(
        refused=refused,
        exit_code=int(words["exit"]) if "exit" in words else None,
        signal=int(words["signal"]) if "signal" in words else None,
        timed_out=timed_out and not ended,
        output=output,
        errors=errors,
        left=int(words.get("left", 0)),
        seconds=seconds,
    )


def _follow(process: "subprocess.Popen[bytes]", kept: Mapping[int, HeadTail], deadline: float) -> tuple[bytes, bool]:
    """Read what the program writes until its reaper ends; return what the reaper said, and whether time ran out."""
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  # they were asked for
    status = process.stdout.fileno()
    told, timed_out = b"", False
    with selectors.DefaultSelector() as selector:
        for fd in (status, *kept):
            os.set_blocking(fd, False)
            selector.register(fd, selectors.EVENT_READ)
        while status in selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready and time.monotonic() >= deadline:
                if timed_out:
                    break
                timed_out, deadline = True, time.monotonic() + _PATIENCE_SECONDS
                process.stdin.close()
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fd)
                elif key.fd == status:
                    told += chunk
                else:
                    kept[key.fd].add(chunk)
    for fd, stream in kept.items():
        _drain(fd, stream)
    return told, timed_out


def _drain(fd: int, stream: HeadTail) -> None:
    """Read what a pipe still holds; a process that could not be ended may keep it open."""
    try:
        while chunk := os.read(fd, _CHUNK):
            stream.add(chunk)
    except BlockingIOError:
        return


def read_written(path: Path) -> str | Broken:
    """Return the text of the recipe that a program wrote, or why it is not taken; no link is followed."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return Broken(rule="it wrote no recipe")
    except OSError as error:
        if error.errno == errno.ELOOP:
            return Broken(rule="what it wrote is a symbolic link")
        return Broken(rule=f"its recipe cannot be read: {error.strerror}")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return Broken(rule="what it wrote is no regular file")
    with os.fdopen(handle, "rb") as file:
        content = file.read(LARGEST_RECIPE + 1)
    if len(content) > LARGEST_RECIPE:
        return Broken(rule=f"its recipe has more than {LARGEST_RECIPE:,} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return Broken(rule="its recipe is not UTF-8")


@contextmanager
def private_folder(jobs: Path) -> Iterator[Path]:
    """Give a run its own folder below `jobs`, which only this user may enter, and remove it whatever happens."""
    jobs.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="job-", dir=jobs))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def carry_out(workshop: Workshop, argv: tuple[str, ...], folder: Path, timeout: float) -> Ran:
    """Run a command in a private folder, with the user's variables and temporary files in that folder."""
    program = find_program(argv[0], workshop.root, workshop.environment)
    if program is None:
        return Ran(refused="there is no such program")
    temporary = folder / "tmp"
    temporary.mkdir()
    environment = {**workshop.environment, "TMPDIR": str(temporary)}
    errand = Errand(argv=(program, *argv[1:]), environment=environment, folder=folder, timeout=timeout)
    return workshop.run(errand)
