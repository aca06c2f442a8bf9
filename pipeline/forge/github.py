"""GitHub, and its servers in companies, by PyGithub: each answer that is no answer becomes an `Unavailable`.

No limit is waited for that lasts longer than `refusals.SHORT`. Reads are asked again after a fault; a write is not, as
it may have been carried out: who asks again looks first. The token goes into a header of requests and nowhere else.
"""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import github
import msgspec
from github.GithubObject import NotSet
from github.PullRequest import PullRequest as Remote

from pipeline.config import Config
from pipeline.forge.base import PullRequest, Unavailable
from pipeline.forge.refusals import Refusal, of_fault, of_status, shown
from pipeline.http_requests import USER_AGENT
from pipeline.instants import timestamp
from pipeline.model import PullRequestOrder

T = TypeVar("T")
PAGE = 100  # pull requests on a page, the most that GitHub gives
# More open ones of this prefix than anybody reviews; a server that names a next page for ever is no answer.
MOST = 2000
# Seconds before a read is asked again.
PAUSES = (0.5, 2.0)
# What comes of a broken network (the errors of PyGithub's client are all `OSError`), and of a document that is not as
# documented, in which PyGithub looks for what is not there.
_FAULTS = (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError)


class GitHub:
    """One repository. `pause` waits so many seconds, `clock` tells the time: both are given by tests."""

    def __init__(
        self,
        config: Config,
        *,
        api: str,
        repository: str,
        token: str,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base, self._name, self._token = config.publish.base, repository, token
        self._pause, self._clock = pause, clock
        client = github.Github(
            auth=github.Auth.Token(token),
            base_url=api,
            timeout=math.ceil(config.network.timeout_seconds),
            user_agent=USER_AGENT,
            per_page=PAGE,
            retry=None,  # its own waits for as long as a limit lasts
            seconds_between_requests=None,
            lazy=True,  # a repository is not asked for before what is wanted of it
            seconds_between_writes=config.publish.write_seconds,
        )
        self._repository = client.get_repo(repository)

    def open_ones(self, prefix: str) -> list[PullRequest] | Unavailable:
        """Return all open pull requests of this repository's branches that begin so, oldest first."""
        found = self._read(lambda: self._listed(state="open", head=""))
        if isinstance(found, Unavailable):
            return found
        return [each for each in found if each.branch.startswith(prefix)]

    def of_branch(self, branch: str) -> list[PullRequest] | Unavailable:
        """Return the pull requests of a branch in any state, the newest first."""
        owner = self._name.partition("/")[0]
        found = self._read(lambda: self._listed(state="all", head=f"{owner}:{branch}"))
        if isinstance(found, Unavailable):
            return found
        return [each for each in reversed(found) if each.branch == branch]

    def open(self, order: PullRequestOrder) -> PullRequest | Unavailable:
        """Open a pull request, unless one is open; where it is not known whether that was done, look."""
        made = self._write(
            lambda: _told(
                self._repository.create_pull(base=self._base, head=order.branch, title=order.title, body=order.body)
            )
        )
        if isinstance(made, Unavailable):
            there = self.of_branch(order.branch)
            found = next((each for each in there if each.state == "open"), None) if isinstance(there, list) else None
            if found is None:
                return made
            made = found
        return self._labelled(made, order)

    def update(self, number: int, order: PullRequestOrder) -> PullRequest | Unavailable:
        """Give a pull request the title, text and labels of an order; labels of others stay."""

        def edited() -> PullRequest:
            pull = self._repository.get_pull(number)
            pull.edit(title=order.title, body=order.body)
            return _told(pull)

        made = self._write(edited)
        return made if isinstance(made, Unavailable) else self._labelled(made, order)

    def ask_auto_merge(self, number: int, order: PullRequestOrder, head: str) -> Unavailable | None:
        """Have GitHub squash and merge it once its checks have passed, while its head is still this commit."""

        def asked() -> None:
            pull = self._repository.get_pull(number)
            pull.enable_automerge(
                "SQUASH",
                commit_headline=order.squash_title,
                commit_body=order.squash_body,
                expected_head_oid=head or NotSet,
            )

        return self._write(asked)

    def _labelled(self, pull: PullRequest, order: PullRequestOrder) -> PullRequest:
        """Add the labels that are missing. The pull request is there without them, so a fault is no failure."""
        missing = [label for label in order.labels if label not in pull.labels]
        if not missing:
            return pull
        answer = self._write(lambda: self._repository.get_pull(pull.number).add_to_labels(*missing))
        if answer is None:
            return pull
        told = Unavailable(
            message=f"{pull.url} is without {', '.join(missing)}: {answer.message}",
            remedy="label it by hand, and let the token write pull requests or change payload.labels",
        )
        return msgspec.structs.replace(pull, unlabelled=told)

    def _listed(self, *, state: str, head: str) -> list[PullRequest]:
        """Return pull requests against the base, oldest first; raises `ValueError` when there are too many."""
        pages = self._repository.get_pulls(
            state=state, head=head or NotSet, base=self._base, sort="created", direction="asc"
        )
        found: dict[int, PullRequest] = {}
        for count, pull in enumerate(pages):
            if count >= MOST:
                raise ValueError(f"it lists more than {MOST} pull requests")
            # A fork may have a branch of the same name; of a fork that is gone, nobody knows the repository.
            if pull.head.repo is not None and pull.head.repo.full_name.lower() == self._name.lower():
                found[pull.number] = _told(pull)
        return list(found.values())

    def _read(self, ask: Callable[[], T]) -> T | Unavailable:
        answer = self._once(ask)
        for seconds in PAUSES:
            if not isinstance(answer, Refusal) or not answer.again:
                break
            self._pause(max(seconds, answer.seconds))
            answer = self._once(ask)
        return answer.unavailable if isinstance(answer, Refusal) else answer

    def _write(self, ask: Callable[[], T]) -> T | Unavailable:
        """Ask; and once more after a short limit, which says that nothing was carried out."""
        answer = self._once(ask)
        if isinstance(answer, Refusal) and answer.again and answer.untouched:
            self._pause(answer.seconds)
            answer = self._once(ask)
        return answer.unavailable if isinstance(answer, Refusal) else answer

    def _once(self, ask: Callable[[], T]) -> T | Refusal:
        try:
            return ask()
        except github.GithubException as error:
            headers = {name.lower(): value for name, value in (error.headers or {}).items()}
            return of_status(error.status, headers, shown(_said(error), self._token), self._clock())
        except _FAULTS as error:
            return of_fault(shown(f"{type(error).__name__}: {error}", self._token))


def _said(error: github.GithubException) -> str:
    """Return the message of an error with what its details say."""
    document = error.data if isinstance(error.data, dict) else {}
    details = document.get("errors")
    told = [document.get("message") or error.message or ""]
    for each in details if isinstance(details, list) else []:
        if isinstance(each, dict):
            told.append(each.get("message") or " ".join(str(each.get(key, "")) for key in ("field", "code")))
        else:
            told.append(str(each))
    return "; ".join(str(each) for each in told if each)


def _told(pull: Remote) -> PullRequest:
    """Return a pull request of the forge's as ours."""
    merged = pull.merged_at is not None
    ended = pull.merged_at or pull.closed_at
    if pull.state not in {"open", "closed"}:
        raise ValueError(f"a pull request is {pull.state}")
    return PullRequest(
        number=pull.number,
        url=pull.html_url,
        branch=pull.head.ref,
        head=pull.head.sha,
        state="merged" if merged else "open" if pull.state == "open" else "closed",
        title=pull.title,
        body=pull.body or "",
        labels=tuple(label.name for label in pull.labels),
        created_at=timestamp(pull.created_at),
        closed_at=timestamp(ended) if ended else None,
        squashed=(pull.merge_commit_sha or "") if merged else "",
    )
