"""Publishing where the user's own git configuration would have it otherwise: signatures, hooks, other words."""

import subprocess

import pytest

from pipeline.model import BatchState
from pipeline.publishing.git import BOT_MAIL, BOT_NAME, repository_around
from pipeline.publishing.remote import Push, remote_of
from tests.publishing.lab import AT, RECIPE, Checkout, environment
from tests.publishing.registry import STATE, Registry

# Each of them changes what git says, runs a program, or has a command do something else.
SETTINGS = """
[user]
    useConfigOnly = true
[core]
    autocrlf = true
    eol = crlf
    safecrlf = true
    quotePath = true
    logAllRefUpdates = always
    abbrev = 4
    hooksPath = {home}/hooks
    fsmonitor = {home}/program
    pager = {home}/program
    editor = {home}/program
[commit]
    gpgSign = true
    template = {home}/none
[tag]
    gpgSign = true
[gpg]
    program = {home}/program
[log]
    showSignature = true
    decorate = full
    date = relative
    follow = true
[format]
    pretty = oneline
[color]
    ui = always
[i18n]
    commitEncoding = latin1
    logOutputEncoding = latin1
[diff]
    external = {home}/program
    noprefix = true
[init]
    templateDir = {home}/template
[fetch]
    prune = true
    pruneTags = true
    recurseSubmodules = true
[push]
    default = nothing
    followTags = true
    gpgSign = true
    useForceIfIncludes = true
[submodule]
    recurse = true
[url "{address}"]
    insteadOf = https://registry.example/tools/registry
"""
HOOKS = ("pre-commit", "commit-msg", "pre-push", "reference-transaction", "post-index-change", "post-checkout")


@pytest.fixture
def hostile(tmp_path):
    """Return a registry, a clone whose remote has another name for it, and the home of somebody with such settings."""
    registry = Registry(tmp_path)
    clone = registry.clone("one")
    home = clone.paths.root.parent
    for place in ("program", *(f"hooks/{name}" for name in HOOKS), "template/hooks/pre-commit"):
        path = home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch '{home}/ran'\necho 'a program was run'\nexit 1\n")
        path.chmod(0o755)
    (home / ".gitconfig").write_text(SETTINGS.format(home=home, address=registry.address))
    address = ["git", "config", "remote.origin.url", "https://registry.example/tools/registry"]
    subprocess.run(address, cwd=clone.paths.root, env=environment(home), check=True)
    # A server has settings of its own; this one is a folder, whose git reads those of the same user.
    subprocess.run(["git", "config", "core.hooksPath", "hooks"], cwd=registry.bare, env=environment(home), check=True)
    return registry, clone, home


def test_a_batch_is_published_found_and_merged_as_ever(hostile):
    """The branches are those of somebody without settings, nothing of theirs runs, no local tag is lost."""
    registry, clone, home = hostile
    git = ["git", "update-ref", "refs/tags/mine", "HEAD"]
    subprocess.run(git, cwd=clone.paths.root, env=environment(registry.folder), check=True)
    clone.leave({"npm:a": "# ä\r\n".encode()})
    told = clone.publish()
    plain = registry.clone("two")
    plain.leave({"npm:a": "# ä\r\n".encode()})
    assert plain.publish().commit == told.commit == registry.tips()[told.branch]
    registry.merge(told.branch)
    assert clone.publish().settled.merged == [told.batch_id]
    assert clone.publish().state is BatchState.MERGED
    assert STATE in registry.tips()
    tags = subprocess.run(
        ["git", "tag"], cwd=clone.paths.root, env=environment(registry.folder), capture_output=True, check=True
    )
    assert tags.stdout == b"mine\n"
    assert not (home / "ran").exists()


def test_what_is_read_of_a_signed_commit_is_the_commit_alone(tmp_path):
    """Who made it, when, and its words: no line of the program that looks at signatures, in no other encoding."""
    checkout = Checkout(tmp_path / "checkout")
    (tmp_path / "program").write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\necho 'gpg: looked at'\nexit 1\n")
    (tmp_path / "program").chmod(0o755)
    (tmp_path / ".gitconfig").write_text(SETTINGS.format(home=tmp_path, address="https://none.example"))
    who = f"{BOT_NAME} <{BOT_MAIL}> 1772456400 +0000"
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n aGVsbG8=\n -----END PGP SIGNATURE-----"
    text = f"tree {checkout.git('-c', 'log.showSignature=false', 'rev-parse', 'HEAD^{tree}')}\n"
    text += f"author {who}\ncommitter {who}\n{signature}\n\nSchön\n"
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=checkout.top,
        env=environment(tmp_path),
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    commit = made.stdout.decode().strip()
    repository = repository_around(checkout.top, environment(tmp_path), tmp_path / "index")
    assert repository.is_own(commit)
    assert (repository.made_at(commit), repository.committed_at(commit)) == ("2026-03-02T13:00:00Z", 1772456400)
    assert repository.message(commit).strip() == "Schön"
    assert list(repository.files(commit, "recipes")) == [RECIPE]
    assert not (tmp_path / "ran").exists()


def test_a_push_goes_where_only_the_user_s_settings_know(hostile):
    """The address is the one that `url.insteadOf` makes of the remote's."""
    registry, clone, home = hostile
    repository = repository_around(clone.paths.root, environment(home), home / "index")
    remote = remote_of(repository, "origin", {})
    assert remote.address() == registry.address
    commit = repository.commit(base=None, files={"f": b"a\n"}, removed=[], message="M\n", at=AT)
    assert remote.push("words", commit, expected=None) is Push.DONE
    assert remote.fetch("words") == commit
