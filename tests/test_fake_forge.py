"""The forge of the tests: git goes through it for real, its API keeps to what is documented."""

import base64
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_forge import FakeForge, Fault, out_of_order, primary_limit, secondary_limit


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[FakeForge]:
    with FakeForge(tmp_path / "forge") as forge:
        yield forge


def git(folder: Path, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """Run git as somebody who shows a token, or none; it never asks a person."""
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    shown = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraHeader"}
    shown["GIT_CONFIG_VALUE_0"] = f"Authorization: Basic {basic}" if token else ""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_TERMINAL_PROMPT": "0", **shown}
    return subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def ask(forge: FakeForge, method: str, path: str, body: object = None) -> tuple[int, Any, dict[str, str]]:
    """Return status, document and headers of one request to the API, made with the token."""
    request = urllib.request.Request(  # noqa: S310  # the forge on loopback
        path if path.startswith("http") else forge.api + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {forge.token}"},
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310  # the same
            return answer.status, json.load(answer), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read()), dict(error.headers)


def opened(forge: FakeForge, branch: str) -> dict[str, Any]:
    forge.bare.git("update-ref", f"refs/heads/{branch}", "main")
    forge.bare.commit(branch, {f"{branch}.txt": b"words"}, "More")
    order = {"title": branch, "head": branch, "base": "main", "body": "Words"}
    status, document, _ = ask(forge, "POST", f"/repos/{forge.repository}/pulls", order)
    assert status == 201
    return document


def test_git_clones_and_pushes_with_the_token_only(forge: FakeForge, tmp_path: Path) -> None:
    """A large push goes in chunks; without the token both are refused with 401."""
    assert git(tmp_path, "clone", "-q", forge.remote, "mine").returncode == 128
    assert [one.status for one in forge.seen()] == [401]
    assert git(tmp_path, "clone", "-q", forge.remote, "mine", token=forge.token).returncode == 0
    mine = tmp_path / "mine"
    (mine / "large").write_bytes(os.urandom(3_000_000))
    git(mine, "add", "-A")
    made = git(mine, "-c", "user.name=A", "-c", "user.email=a@mail.invalid", "commit", "-qm", "Large")
    assert made.returncode == 0, made.stderr
    assert git(mine, "push", "-q", "origin", "HEAD:batch/one").returncode == 128
    assert git(mine, "push", "-q", "origin", "HEAD:batch/one", token=forge.token).returncode == 0
    assert forge.bare.branches() == ["batch/one", "main"]
    assert forge.bare.files("batch/one") == ["README.md", "large"]


def test_the_lists_come_in_pages_that_the_link_header_names(forge: FakeForge) -> None:
    """In all three pages each pull request stands once; heads, bases and states choose among them."""
    for number in range(5):
        opened(forge, f"batch/{number}")
    forge.pulls.close(2)
    path: str | None = f"/repos/{forge.repository}/pulls?state=all&per_page=2&direction=asc"
    found: list[int] = []
    pages = 0
    while path:
        _, document, headers = ask(forge, "GET", path)
        found += [one["number"] for one in document]
        pages += 1
        links = [each for each in headers.get("Link", "").split(", ") if 'rel="next"' in each]
        path = links[0].partition(">")[0][1:] if links else None
    assert (found, pages) == ([1, 2, 3, 4, 5], 3)
    _, chosen, _ = ask(forge, "GET", f"/repos/{forge.repository}/pulls?state=open&base=main")
    assert [one["number"] for one in chosen] == [5, 4, 3, 1]
    _, chosen, _ = ask(forge, "GET", f"/repos/{forge.repository}/pulls?state=all&head=tools:batch/1")
    assert [one["state"] for one in chosen] == ["closed"]


def test_what_cannot_be_opened_is_422_with_the_documented_words(forge: FakeForge) -> None:
    """A second one for a head, a head and a base that are not there, and no commits between them."""
    opened(forge, "batch/one")
    forge.bare.git("update-ref", "refs/heads/same", "main")
    path = f"/repos/{forge.repository}/pulls"
    told = {}
    for head, base in (("batch/one", "main"), ("batch/none", "main"), ("batch/one", "none"), ("same", "main")):
        status, document, _ = ask(forge, "POST", path, {"title": "T", "head": head, "base": base})
        assert status == 422
        told[head, base] = document["errors"][0]
    assert told["batch/one", "main"]["message"] == "A pull request already exists for tools:batch/one."
    assert told["batch/none", "main"]["field"] == "head"
    assert told["batch/one", "none"]["field"] == "base"
    assert told["same", "main"]["message"] == "No commits between main and same"


def test_a_squash_is_really_done(forge: FakeForge) -> None:
    """The base holds the files in one new commit, with the words that were asked for; a second one is 405."""
    number = opened(forge, "batch/one")["number"]
    path = f"/repos/{forge.repository}/pulls/{number}"
    wanted = {"merge_method": "squash", "commit_title": "Add one", "commit_message": "Words."}
    status, done, _ = ask(forge, "PUT", f"{path}/merge", wanted)
    assert (status, done["merged"]) == (200, True)
    assert forge.bare.git("log", "--format=%B", "-1", "main").split("\n\n") == ["Add one (#1)", "Words."]
    assert forge.bare.commits_between("main", "batch/one") == 1
    assert forge.bare.show("main", "batch/one.txt") == "words"
    _, document, _ = ask(forge, "GET", path)
    assert (document["state"], document["merged"], document["merge_commit_sha"]) == ("closed", True, done["sha"])
    assert ask(forge, "PUT", f"{path}/merge", wanted)[0] == 405


def test_auto_merge_merges_when_the_checks_pass(forge: FakeForge) -> None:
    """With the words that were asked for; where the repository does not allow it, the answer is an error."""
    node = opened(forge, "batch/one")["node_id"]
    given = {"pullRequestId": node, "mergeMethod": "SQUASH", "commitHeadline": "Add", "commitBody": "Words."}
    query = {"query": "mutation { enablePullRequestAutoMerge }", "variables": {"input": given}}
    forge.pulls.auto_merge = False
    _, document, _ = ask(forge, "POST", f"{forge.url}/api/graphql", query)
    assert document["errors"][0]["type"] == "UNPROCESSABLE"
    forge.pulls.auto_merge = True
    _, document, _ = ask(forge, "POST", f"{forge.url}/api/graphql", query)
    assert "errors" not in document
    forge.pulls.pass_checks(1)
    assert forge.bare.git("log", "--format=%s", "-1", "main") == "Add (#1)"


def test_faults_are_those_that_were_ordered(forge: FakeForge) -> None:
    """Each is used up once, where it fits; afterwards all is well again."""
    path = f"/repos/{forge.repository}/pulls"
    forge.fail(primary_limit(60, path="/repos"))
    forge.fail(secondary_limit(429, 30))
    forge.fail(secondary_limit(403))
    forge.fail(Fault(cut="before"))
    assert ask(forge, "GET", "/user")[0] == 429
    status, _, headers = ask(forge, "GET", path)
    assert (status, headers["X-RateLimit-Remaining"]) == (403, "0")
    status, document, headers = ask(forge, "GET", path)
    assert (status, "Retry-After" in headers, "secondary rate limit" in document["message"]) == (403, False, True)
    with pytest.raises(OSError, match="closed"):
        ask(forge, "GET", path)
    forge.fail(out_of_order(502))
    with pytest.raises(json.JSONDecodeError):
        ask(forge, "GET", path)
    assert ask(forge, "GET", path)[0] == 200
    assert [one.status for one in forge.seen("GET")] == [429, 403, 403, 0, 502, 200]
