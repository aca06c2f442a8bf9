"""A remote behind git's own server on loopback: what the token is shown to, and what failures say."""

import os
import socket
import stat
import subprocess

import pytest

from pipeline.errors import PipelineError
from pipeline.publishing import git
from pipeline.publishing.git import repository_around
from pipeline.publishing.remote import Push, remote_of, variables
from tests.fake_forge import TOKEN, FakeForge
from tests.publishing.lab import AT, Checkout, environment

FILES = {"recipes/n/new.toml": b"new\n"}


@pytest.fixture
def forge(tmp_path):
    with FakeForge(tmp_path / "forge") as found:
        yield found


@pytest.fixture
def checkout(tmp_path):
    found = Checkout(tmp_path / "checkout")
    (found.top / "build").mkdir()
    return found


def remote(checkout, address="", token=TOKEN, **extra):
    """Return the remote `origin` of a checkout, as a process with a token sees it."""
    if address:
        checkout.git("remote", "add", "origin", address)
    given = {**environment(checkout.top.parent), **({"GH_TOKEN": token} if token else {}), **extra}
    repository = repository_around(checkout.top, given, checkout.top / "build/.index")
    return remote_of(repository, "origin", given)


def commit(found, base, files=FILES):
    return found.repository.commit(base=base, files=files, removed=[], message="x", at=AT)


def test_a_branch_is_fetched_and_pushed_with_the_token(forge, checkout):
    """Nothing of the checkout's own is touched but objects and names of our own."""
    found = remote(checkout, forge.remote)
    refs, own = checkout.refs(), checkout.own()
    base = found.fetch("main")
    made = commit(found, base)
    assert found.push("batch/1", made, expected=None) is Push.DONE
    assert found.fetch("batch/1") == made
    assert found.fetch("nobody") is None
    assert checkout.own() == own
    kept = [line for line in checkout.refs().splitlines() if "refs/recipeline/" not in line]
    assert [line for line in kept if "refs/remotes/" not in line] == refs.splitlines()


def test_a_push_that_comes_too_late_is_lost_and_changes_nothing(forge, checkout):
    """Whether the branch was thought to be elsewhere or not to be there."""
    found = remote(checkout, forge.remote)
    base = found.fetch("main")
    first, second = commit(found, base), commit(found, base, {"recipes/o/other.toml": b"other\n"})
    assert found.push("batch/1", first, expected=None) is Push.DONE
    assert found.push("batch/1", second, expected=None) is Push.LOST
    assert found.push("batch/1", second, expected=base) is Push.LOST
    assert found.fetch("batch/1") == first


def test_the_token_is_in_no_argument_and_in_no_file(forge, checkout, tmp_path):
    """A git that writes down how it was called sees it in the variables alone, and only for talking to the remote."""
    seen = tmp_path / "seen"
    seen.mkdir()
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    spy = tmp_path / "bin/git"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\necho "$@" >> {seen}/arguments\nenv >> {seen}/variables\nexec {real} "$@"\n')
    spy.chmod(spy.stat().st_mode | stat.S_IXUSR)
    found = remote(checkout, forge.remote, PATH=f"{spy.parent}:{os.environ['PATH']}")
    found.push("batch/1", commit(found, found.fetch("main")), expected=None)
    basic = variables("https://forge.example/x", TOKEN)["GIT_CONFIG_VALUE_8"].rpartition(" ")[2]
    told = (seen / "arguments").read_text()
    assert "push" in told
    assert TOKEN not in told
    assert basic not in told
    assert basic in (seen / "variables").read_text()
    for path in checkout.top.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes()
            assert basic.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "address", ["/somewhere/registry.git", "file:///x", "git@forge.example:a/b", "ssh://forge.example/a"]
)
def test_only_http_gets_the_token(address):
    """And then only the remote's own scheme, host and port."""
    assert not [value for value in variables(address, TOKEN).values() if "Basic" in value]
    given = variables("http://user:word@forge.example:8080/a/b.git", TOKEN)
    keys = [value for key, value in given.items() if "KEY" in key and "extraHeader" in value]
    assert set(keys) == {"http.http://forge.example:8080/.extraHeader"}


def test_a_header_that_another_program_left_is_not_sent_as_well(forge, checkout):
    """actions/checkout leaves one in the configuration; a server refuses two."""
    found = remote(checkout, forge.remote)
    checkout.git("config", f"http.{forge.url}/.extraheader", "AUTHORIZATION: basic b2xkOm9sZA==")
    assert found.fetch("main")
    sent = [seen.headers.get("authorization", "") for seen in forge.seen() if "info/refs" in seen.path]
    assert "b2xkOm9sZA==" not in " ".join(sent)


@pytest.mark.parametrize("token", ["", "ghp_wrong"])
def test_a_refusal_is_told_without_the_secret(forge, checkout, token):
    """Nobody is asked for a password, whatever the user has configured; the address's own user is not shown."""
    address = forge.remote.replace("http://", "http://someone:hidden@")
    found = remote(checkout, address, token=token)
    checkout.git("config", "credential.helper", "!echo username=x; echo password=asked; touch asked; :")
    checkout.git("config", "core.askPass", "touch")
    with pytest.raises(PipelineError, match="git fetch origin main was refused") as refused:
        found.fetch("main")
    assert "GH_TOKEN" in refused.value.remedy
    assert not {"hidden", "someone", token or "-none-"} & set(refused.value.line().replace("@", " ").split())
    assert "hidden" not in refused.value.line()
    assert not (checkout.top / "asked").exists()


def test_a_server_that_is_not_there_is_told_as_such(checkout):
    """So that nobody looks for another token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/a/b.git"
    with pytest.raises(PipelineError, match="the remote was not reached"):
        remote(checkout, address).fetch("main")


def test_a_missing_remote_is_one_clear_line(checkout):
    """With what adds it."""
    with pytest.raises(PipelineError, match="has no such remote") as refused:
        remote(checkout).fetch("main")
    assert "git remote add origin" in refused.value.remedy


def test_a_server_that_says_nothing_is_not_waited_for(checkout, monkeypatch):
    """git and the transport that it has started are ended together."""
    monkeypatch.setattr(git, "PATIENCE", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        found = remote(checkout, f"http://127.0.0.1:{silent.getsockname()[1]}/a/b.git")
        with pytest.raises(PipelineError, match="took longer than 1 s"):
            found.fetch("main")


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ("echo 'GH006: Protected branch update failed' >&2; exit 1", "the branch is protected"),
        ("exit 1", r"git push origin main: .*pre-receive hook declined"),
    ],
)
def test_a_branch_that_the_server_guards_is_told_as_such(tmp_path, checkout, hook, message):
    """In the words of the server."""
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True, env=environment(tmp_path))
    (bare / "hooks/pre-receive").write_text(f"#!/bin/sh\n{hook}\n")
    (bare / "hooks/pre-receive").chmod(0o755)
    found = remote(checkout, str(bare))
    with pytest.raises(PipelineError, match=message):
        found.push("main", checkout.git("rev-parse", "HEAD"), expected=None)


def test_a_branch_that_stands_in_the_way_is_named(tmp_path, checkout):
    """git holds `batch` or `batch/1`, never both; `x/batch` is another one."""
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True, env=environment(tmp_path))
    found = remote(checkout, str(bare))
    checkout.git("push", "-q", "origin", "main:main", "main:x/batch")
    found.refuse_blocked("batch/1")
    checkout.git("push", "-q", "origin", "main:batch")
    with pytest.raises(PipelineError, match="origin cannot hold the branch batch/1 beside batch"):
        found.refuse_blocked("batch/1")
    with pytest.raises(PipelineError, match="origin cannot hold the branch x beside x/batch"):
        found.refuse_blocked("x")
