"""The machine is against the run: things in the way, no room, no colours, odd folders. One line each, no traceback."""

import os
import shutil
import subprocess

import msgspec
import pytest


@pytest.fixture
def ready(lab):
    """A lab with one package that can be generated."""
    lab.npm("a")
    lab.queue("npm:a")
    return lab


def clean(run):
    """Return all that was shown, which holds no traceback."""
    shown = run.stdout + run.stderr
    assert "Traceback" not in shown
    return shown


@pytest.mark.parametrize("path", ["build", "build/generate", "build/payload"])
def test_a_file_in_the_place_of_a_folder_is_named(ready, path):
    """The line names what stands in the way and what to do."""
    (ready.root / path).parent.mkdir(exist_ok=True)
    (ready.root / path).write_text("in the way")
    run = ready.doit()
    assert run.returncode != 0
    assert str(ready.root / path) in clean(run)
    assert "; remedy: " in clean(run)


@pytest.mark.parametrize(
    "path",
    [
        "generate/npm/a.json",
        "generate/npm/a.toml",
        "validate/linux-rhel-glibc-x86_64/npm.a.json",
        "constrain/npm/a.toml",
        ".doit.db",
        "batch.json",
    ],
)
def test_a_folder_in_the_place_of_a_file_is_named(ready, path):
    """Nothing is lost, and the run says what it could not write."""
    (ready.root / "build" / path).mkdir(parents=True)
    run = ready.doit()
    assert run.returncode != 0
    assert f"{ready.root / 'build' / path}: " in clean(run)


def test_one_cause_is_told_once(lab):
    """A cause that fails every task is one line with a count, and what was not reached is counted."""
    for name in "abc":
        lab.npm(name)
    lab.queue("npm:a", "npm:b", "npm:c")
    run = lab.doit(environment={"npm_config_registry": "ftp://user:secret@nowhere"})
    assert clean(run).count("npm_config_registry: is not an http or https address") == 1
    assert "(and 2 more)" in run.stdout
    assert "secret" not in run.stdout + run.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "unset"},
        {"TMPDIR": "/nowhere"},
        {"PATH": ""},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=lambda environment: next(iter(environment)),
)
def test_a_bare_environment_is_enough(ready, environment):
    """No home, no temporary folder, no path, no Unicode."""
    run = ready.doit(environment=environment)
    assert run.returncode == 0, clean(run)
    assert ready.record("generate/npm/a.json")["outcome"]["kind"] == "generated"


@pytest.mark.parametrize("shell", ["umask 077", "ulimit -n 64"])
def test_narrow_limits_are_enough(ready, shell):
    """A strict umask, and the smallest limit of open files that is in use."""
    run = ready.doit(before=("sh", "-c", f'{shell}; exec "$@"', "sh"))
    assert run.returncode == 0, clean(run)


def test_an_output_that_is_full_is_said(ready):
    """It ends the run, but what was found out before is kept."""
    run = ready.doit(before=("sh", "-c", 'exec "$@" > /dev/full', "sh"))
    assert "No space left on device" in clean(run)
    assert ready.record("generate/npm/a.json")["outcome"]["kind"] == "generated"


def test_an_output_that_nobody_reads_is_no_traceback(ready):
    """`doit | head -0`."""
    run = ready.doit(before=("sh", "-c", '"$@" | true', "sh"))
    clean(run)


def test_a_step_summary_that_cannot_be_written_is_said(ready, tmp_path):
    """The last line names it; the run's own results are written before."""
    run = ready.doit(environment={"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert f"recipeline: error: {tmp_path}: " in clean(run)
    assert ready.record("payload/pr.json")["included"] == []


@pytest.mark.parametrize("kilobytes", [48, 64, 96, 128])
def test_a_full_disk_loses_nothing(ready, kilobytes):
    """What fits is whole, what does not is missing, and with room again the run goes on from there."""
    build = ready.root / "build"
    build.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", build], check=False).returncode:
        pytest.skip("this user cannot mount a small disk")
    try:
        run = ready.doit()
        assert "; remedy: " in clean(run)
        assert run.returncode != 0
        assert list(build.rglob("*.part")) == []
        for record in build.rglob("*.json"):
            msgspec.json.decode(record.read_bytes())
        subprocess.run(["mount", "-o", "remount,size=4m", build], check=True)
        assert ready.doit().returncode == 0
    finally:
        subprocess.run(["umount", "-l", build], check=True)


@pytest.mark.parametrize("name", ["a b", "quo'te\"", "ünï ✓", "x=y", "c:d", "-n"])
def test_the_root_may_have_any_name(ready, name):
    """Blanks, quotes, other scripts, and the signs that doit and shells know."""
    moved = ready.root.parent / name
    shutil.move(ready.root, moved)
    ready.root = moved
    run = ready.doit()
    assert run.returncode == 0, clean(run)
    assert "Nothing to do" in clean(ready.doit("generate"))


# Root without capabilities obeys the modes of files as anybody does.
ORDINARY = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs") if os.geteuid() == 0 else ()


@pytest.mark.skipif(bool(ORDINARY) and shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_a_root_that_may_not_be_written_is_told(ready):
    """One line with the folder, and nothing is left behind."""
    ready.root.chmod(0o555)
    try:
        run = ready.doit(before=ORDINARY)
    finally:
        ready.root.chmod(0o755)
    assert (run.returncode, "Permission denied" in clean(run)) == (3, True)
    assert str(ready.root) in run.stderr
    assert not (ready.root / "build").exists()


@pytest.mark.skipif(bool(ORDINARY) and shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_a_queue_that_may_not_be_read_is_told(ready):
    """One line with the file and what to mend."""
    queue = ready.root / "data/queues/priority-queue.json"
    queue.chmod(0)
    run = ready.doit(before=ORDINARY)
    assert run.returncode == 3
    assert f"{queue}: the queue cannot be read (Permission denied); remedy: mend its permissions" in clean(run)
