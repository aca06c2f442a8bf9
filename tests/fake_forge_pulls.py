"""The pulls API of a forge on loopback: one repository's pull requests, answered as GitHub documents it.

As documented: the fields of a pull request that stand in `_document`; paging by the `link` header, whose addresses name
the repository by its number; 201, 404, 405, 409 and 422 with their bodies (`errors` with `resource`, `field`, `code`,
`message`); squash and merge commits, made in the bare repository; the errors of `enablePullRequestAutoMerge` (GraphQL).
Left out: all other fields, reviews, comments, drafts, forks, `sort` other than by creation, rebase merges, and required
checks: a test says when they have passed (`pass_checks`).
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from tests.fake_forge_git import Bare

DOCS = "https://docs.example/rest"
NO_AUTO_MERGE = "Pull request Auto merge is not allowed for this repository"
CLEAN = "Pull request is in clean status"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: a document, or `raw` bytes in its place."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = {}
    raw: bytes | None = None


class Pull(msgspec.Struct, kw_only=True):
    """A pull request as the forge keeps it."""

    number: int
    branch: str
    base: str
    title: str
    body: str
    head: str
    created_at: str
    labels: list[str] = []
    state: str = "open"
    closed_at: str | None = None
    merged_at: str | None = None
    squashed: str | None = None
    auto_merge: dict[str, str] | None = None


class Pulls:
    """One repository's pull requests; `lock` is held while a request is answered.

    `auto_merge` says whether the repository allows it, `checks` whether there is anything to wait for before a merge.
    """

    def __init__(self, bare: Bare, repository: str, url: str) -> None:
        self.bare, self.repository, self.url = bare, repository, url
        self.owner = repository.partition("/")[0]
        self.lock = threading.RLock()
        self.known: dict[int, Pull] = {}
        self.auto_merge, self.checks = True, True
        self.scopes = "repo"
        self.clock: Callable[[], float] = time.time
        self.largest_page = 100

    # ------------------------------------------------------------------------------------ what people do

    def merge(self, number: int, title: str = "", message: str = "", *, method: str = "squash") -> str:
        """Merge a pull request as a person does who presses the button; return the commit."""
        pull = self.known[number]
        with self.lock:
            text = f"{title or pull.title} (#{number})\n\n{message}".rstrip() + "\n"
            made = self.bare.merge(pull.base, pull.branch, text, method=method)
            assert made is not None, "in conflict"
            pull.state, pull.squashed = "closed", made
            pull.closed_at = pull.merged_at = self.at()
        return made

    def close(self, number: int) -> None:
        """Close a pull request without a merge."""
        with self.lock:
            self.known[number].state = "closed"
            self.known[number].closed_at = self.at()

    def reopen(self, number: int) -> None:
        """Open a closed pull request again."""
        with self.lock:
            self.known[number].state, self.known[number].closed_at = "open", None

    def pass_checks(self, number: int) -> str:
        """Have the required checks pass: who has asked for it is merged, with the words that were asked for."""
        asked = self.known[number].auto_merge
        assert asked is not None, "nobody has asked for it"
        return self.merge(number, asked["commitHeadline"], asked["commitBody"], method=asked["mergeMethod"].lower())

    def at(self) -> str:
        """Return the time as the API writes it, by a clock that a test may set."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock()))

    def open_ones(self) -> list[Pull]:
        """Return those that are open, oldest first."""
        return [pull for pull in self.known.values() if pull.state == "open"]

    # ------------------------------------------------------------------------------------ requests

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Answer:
        """Answer a request; `path` is below the API's address."""
        if path == "/graphql":
            return self._graphql(body)
        if path == "/rate_limit":
            rate = {"limit": 5000, "remaining": 4999, "reset": int(time.time()) + 3600, "used": 1}
            return Answer(body={"resources": {"core": rate, "graphql": rate}, "rate": rate})
        if path == "/user":
            return Answer(body=self._user(), headers={"X-OAuth-Scopes": self.scopes})
        for prefix in (f"/repos/{self.repository}", "/repositories/1"):
            if path == prefix:
                return Answer(body=self._repository(), headers={"X-OAuth-Scopes": self.scopes})
            if path.startswith(f"{prefix}/"):
                return self._below(method, path.removeprefix(f"{prefix}/").split("/"), query, body)
        return refusal(404, "Not Found")

    def _below(self, method: str, parts: list[str], query: Mapping[str, str], body: Any) -> Answer:
        match method, parts:
            case "GET", ["pulls"]:
                return self._listed(query)
            case "POST", ["pulls"]:
                return self._open(body)
            case _, [_, number, *rest] if number.isdigit() and int(number) in self.known:
                return self._one(method, parts[0], self.known[int(number)], rest, body)
        return refusal(404, "Not Found")

    def _one(self, method: str, kind: str, pull: Pull, rest: list[str], body: Any) -> Answer:
        match method, kind, rest:
            case "GET", "pulls", []:
                return Answer(body=self._document(pull, whole=True))
            case "PATCH", "pulls", []:
                return self._edit(pull, body)
            case "PUT", "pulls", ["merge"]:
                return self._merge(pull, body)
            case "POST" | "PUT", "issues", ["labels"]:
                labels = body["labels"] if isinstance(body, dict) else body
                pull.labels = list(dict.fromkeys([*(pull.labels if method == "POST" else []), *labels]))
                return Answer(body=[_label(name) for name in pull.labels])
        return refusal(404, "Not Found")

    def _listed(self, query: Mapping[str, str]) -> Answer:
        state, head, base = query.get("state", "open"), query.get("head", ""), query.get("base", "")
        size = min(int(query.get("per_page", "30")), self.largest_page)
        page = int(query.get("page", "1"))
        newest_first = query.get("direction", "desc") == "desc"
        pulls = [
            pull
            for pull in self.known.values()
            if state in {"all", pull.state} and head in {"", f"{self.owner}:{pull.branch}"} and base in {"", pull.base}
        ]
        pulls.sort(key=lambda pull: (pull.created_at, pull.number), reverse=newest_first)
        last = max(-(-len(pulls) // size), 1)
        shown = pulls[(page - 1) * size : page * size]
        links = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        told = {
            name: number
            for name, number in links.items()
            if (name in {"next", "last"} and page < last) or (name in {"prev", "first"} and page > 1)
        }
        address = f"{self.url}/api/v3/repositories/1/pulls"
        link = ", ".join(
            f'<{address}?{urlencode({**query, "page": number})}>; rel="{name}"' for name, number in told.items()
        )
        return Answer(body=[self._document(pull) for pull in shown], headers={"Link": link} if link else {})

    def _open(self, body: dict[str, str]) -> Answer:
        branch = body["head"].removeprefix(f"{self.owner}:")
        base, head = body["base"], self.bare.tip(branch)
        if head is None:
            return invalid({"resource": "PullRequest", "field": "head", "code": "invalid"})
        if self.bare.tip(base) is None:
            return invalid({"resource": "PullRequest", "field": "base", "code": "invalid"})
        if any(pull.branch == branch and pull.base == base for pull in self.open_ones()):
            return invalid(custom(f"A pull request already exists for {self.owner}:{branch}."))
        if not self.bare.commits_between(base, branch):
            return invalid(custom(f"No commits between {base} and {branch}"))
        pull = Pull(
            number=len(self.known) + 1,
            branch=branch,
            base=base,
            title=body["title"],
            body=body.get("body") or "",
            head=head,
            created_at=self.at(),
        )
        self.known[pull.number] = pull
        return Answer(status=201, body=self._document(pull, whole=True))

    def _edit(self, pull: Pull, body: dict[str, str]) -> Answer:
        if "base" in body and self.bare.tip(body["base"]) is None:
            told = f"Proposed base branch '{body['base']}' was not found"
            return invalid({"message": told, "resource": "PullRequest", "field": "base", "code": "invalid"})
        if body.get("state") == "closed" and pull.state == "open":
            self.close(pull.number)
        elif body.get("state") == "open" and pull.merged_at is None:
            pull.state, pull.closed_at = "open", None
        pull.title, pull.body = body.get("title", pull.title), body.get("body", pull.body)
        pull.base = body.get("base", pull.base)
        return Answer(body=self._document(pull, whole=True))

    def _merge(self, pull: Pull, body: dict[str, str]) -> Answer:
        if body.get("sha") not in {None, self._head(pull)}:
            return refusal(409, "Head branch was modified. Review and try the merge again.")
        if pull.state != "open" or self.bare.merged_tree(pull.base, pull.branch) is None:
            return refusal(405, "Pull Request is not mergeable")
        title, message = body.get("commit_title", ""), body.get("commit_message", "")
        made = self.merge(pull.number, title, message, method=body.get("merge_method", "merge"))
        return Answer(body={"sha": made, "merged": True, "message": "Pull Request successfully merged"})

    def _graphql(self, body: dict[str, Any]) -> Answer:
        name = "enablePullRequestAutoMerge"
        given = body["variables"]["input"]
        pull = next((one for one in self.known.values() if _node(one) == given["pullRequestId"]), None)
        if name not in body["query"] or pull is None:
            told, kind = f"Could not resolve to a node with the global id of '{given['pullRequestId']}'", "NOT_FOUND"
        elif not self.auto_merge:
            told, kind = NO_AUTO_MERGE, "UNPROCESSABLE"
        elif not self.checks:
            told, kind = CLEAN, "UNPROCESSABLE"
        else:
            pull.auto_merge = {"mergeMethod": "MERGE", "commitHeadline": "", "commitBody": "", **given}
            done = {"actor": {"login": self.owner}, "clientMutationId": None}
            return Answer(body={"data": {name: done}})
        error = {"type": kind, "path": [name], "locations": [{"line": 1, "column": 1}], "message": told}
        return Answer(body={"data": {name: None}, "errors": [error]})

    # ------------------------------------------------------------------------------------ documents

    def _head(self, pull: Pull) -> str:
        """Return the head, which follows its branch while the pull request is open."""
        if pull.state == "open":
            pull.head = self.bare.tip(pull.branch) or pull.head
        return pull.head

    def _user(self) -> dict[str, Any]:
        return {"login": self.owner, "id": 1, "node_id": "U_1", "type": "User", "site_admin": False}

    def _repository(self) -> dict[str, Any]:
        return {
            "id": 1,
            "node_id": "R_1",
            "name": self.repository.partition("/")[2],
            "full_name": self.repository,
            "private": False,
            "owner": self._user(),
            "html_url": f"{self.url}/{self.repository}",
            "url": f"{self.url}/api/v3/repos/{self.repository}",
            "clone_url": f"{self.url}/{self.repository}.git",
            "default_branch": "main",
            "allow_squash_merge": True,
            "allow_auto_merge": self.auto_merge,
            "permissions": {"admin": False, "push": True, "pull": True},
        }

    def _document(self, pull: Pull, *, whole: bool = False) -> dict[str, Any]:
        api = f"{self.url}/api/v3/repos/{self.repository}"
        page = f"{self.url}/{self.repository}/pull/{pull.number}"
        base = self.bare.tip(pull.base) or ""
        repository = self._repository()
        document: dict[str, Any] = {
            "url": f"{api}/pulls/{pull.number}",
            "id": 1000 + pull.number,
            "node_id": _node(pull),
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "issue_url": f"{api}/issues/{pull.number}",
            "number": pull.number,
            "state": pull.state,
            "locked": False,
            "draft": False,
            "title": pull.title,
            "user": self._user(),
            "body": pull.body or None,
            "created_at": pull.created_at,
            "updated_at": pull.closed_at or pull.created_at,
            "closed_at": pull.closed_at,
            "merged_at": pull.merged_at,
            "merge_commit_sha": pull.squashed,
            "labels": [_label(name) for name in pull.labels],
            "head": self._end(pull.branch, self._head(pull), repository),
            "base": self._end(pull.base, base, repository),
            "auto_merge": pull.auto_merge and {"merge_method": pull.auto_merge["mergeMethod"].lower()},
        }
        if whole:
            document |= {"merged": pull.merged_at is not None, "mergeable": None, "commits": 1, "changed_files": 1}
        return document

    def _end(self, branch: str, commit: str, repository: dict[str, Any]) -> dict[str, Any]:
        return {
            "label": f"{self.owner}:{branch}",
            "ref": branch,
            "sha": commit,
            "user": self._user(),
            "repo": repository,
        }


def refusal(status: int, message: str, *, headers: Mapping[str, str] = {}, **more: object) -> Answer:
    """Return an error as GitHub words it."""
    body = {"message": message, "documentation_url": DOCS, "status": str(status), **more}
    return Answer(status=status, body=body, headers=headers)


def invalid(*errors: Mapping[str, str]) -> Answer:
    """Return 422 with its errors."""
    return refusal(422, "Validation Failed", errors=list(errors))


def custom(message: str) -> dict[str, str]:
    """Return the kind of error that says what is wrong in words alone."""
    return {"resource": "PullRequest", "code": "custom", "message": message}


def _node(pull: Pull) -> str:
    return f"PR_{pull.number:08d}"


def _label(name: str) -> dict[str, Any]:
    return {"id": 1, "node_id": "L_1", "name": name, "color": "ededed", "default": False, "description": None}
