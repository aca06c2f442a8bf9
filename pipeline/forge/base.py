"""What publishing needs of a forge. Each answer is a value: a forge that does not answer is expected, and no bug."""

from typing import Literal, Protocol

import msgspec

from pipeline.model import PullRequestOrder


class Unavailable(msgspec.Struct, frozen=True, kw_only=True):
    """Why the forge did not do what it was asked; `until` is when it may be asked again, None when nobody knows.

    With `forbidden` it is the token that may not: that passes only when a person mends it.
    """

    message: str
    remedy: str
    until: str | None = None
    forbidden: bool = False


class PullRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request as the forge tells of it; `closed_at` also the time of a merge.

    `squashed` is the commit that the merge made on the base, "" when there is none. `head` is the branch's last commit.
    `unlabelled` is why it was not given its labels when that was asked for.
    """

    number: int
    url: str
    branch: str
    head: str
    state: Literal["open", "merged", "closed"]
    title: str
    body: str = ""
    labels: tuple[str, ...] = ()
    created_at: str
    closed_at: str | None = None
    squashed: str = ""
    unlabelled: Unavailable | None = None


class Forge(Protocol):
    """One repository on a forge. Every method may be repeated without harm."""

    def open_ones(self, prefix: str) -> list[PullRequest] | Unavailable:
        """Return all open pull requests whose branch begins so, oldest first: all of them, or `Unavailable`."""

    def of_branch(self, branch: str) -> list[PullRequest] | Unavailable:
        """Return the pull requests of a branch in any state, the newest first."""

    def open(self, order: PullRequestOrder) -> PullRequest | Unavailable:
        """Open a pull request; one that is open already for this branch is returned as it is."""

    def update(self, number: int, order: PullRequestOrder) -> PullRequest | Unavailable:
        """Give a pull request the title, text and labels of an order."""

    def ask_auto_merge(self, number: int, order: PullRequestOrder, head: str) -> Unavailable | None:
        """Have the forge squash and merge it once its checks have passed, while its head is still this commit."""
