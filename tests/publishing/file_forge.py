"""A forge that is a file: what a process that is killed has opened there is open."""

from pathlib import Path
from typing import Any

import msgspec

from pipeline.forge.base import PullRequest, Unavailable
from pipeline.instants import timestamp
from pipeline.model import PullRequestOrder
from tests.builders import NOW


class FileForge:
    """Pull requests in one JSON file, all opened at one moment; every call reads it anew."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def known(self) -> list[PullRequest]:
        """Return all pull requests, the oldest first."""
        if not self._place.exists():
            return []
        return msgspec.json.decode(self._place.read_bytes(), type=list[PullRequest])

    def set(self, number: int, **fields: Any) -> None:
        """Change one as people do."""
        found = [msgspec.structs.replace(each, **fields) if each.number == number else each for each in self.known()]
        self._place.write_bytes(msgspec.json.encode(found))

    def open_ones(self, prefix: str) -> list[PullRequest] | Unavailable:
        """Return the open ones whose branch begins so."""
        return [each for each in self.known() if each.state == "open" and each.branch.startswith(prefix)]

    def of_branch(self, branch: str) -> list[PullRequest] | Unavailable:
        """Return those of a branch, the newest first."""
        return [each for each in reversed(self.known()) if each.branch == branch]

    def open(self, order: PullRequestOrder) -> PullRequest | Unavailable:
        """Open one, unless one is open; a second one of a branch would be seen in the file."""
        number = len(self.known()) + 1
        made = PullRequest(
            number=number,
            url=f"https://forge.example/pull/{number}",
            branch=order.branch,
            head="",
            state="open",
            title=order.title,
            body=order.body,
            labels=tuple(order.labels),
            created_at=timestamp(NOW),
        )
        self._place.write_bytes(msgspec.json.encode([*self.known(), made]))
        return made

    def update(self, number: int, order: PullRequestOrder) -> PullRequest | Unavailable:
        """Give one the text of an order."""
        self.set(number, title=order.title, body=order.body)
        return self.known()[number - 1]

    def ask_auto_merge(self, number: int, order: PullRequestOrder, head: str) -> Unavailable | None:
        """Have nothing to wait for."""
