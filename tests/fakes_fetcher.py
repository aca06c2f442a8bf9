"""Fetchers for tests: one that answers from a dictionary, one that really asks."""

from collections.abc import Mapping

import httpx2

from pipeline.ecosystems.base import Answer
from pipeline.model import Category, Failed, Held, Subcategory
from pipeline.services import host_address

NOT_FOUND = Failed(
    category=Category.RECIPE_NOT_FOUND,
    subcategory=Subcategory.NOT_FOUND,
    transient=False,
    message="not found",
)


class DictFetcher:
    """Answers from `pages`: address -> content or outcome. `requests` holds what was asked for."""

    def __init__(self, pages: Mapping[str, bytes | Failed | Held], *, ranges: bool = True) -> None:
        self.pages = pages
        self.ranges = ranges
        self.requests: list[tuple[str, str, int, tuple[int, int] | None]] = []

    def get(
        self, url: str, *, accept: str = "", tail_bytes: int = 0, span: tuple[int, int] | None = None, pinned: str = ""
    ) -> Answer | Failed | Held:
        self.requests.append((url, accept, tail_bytes, span))
        found = self.pages.get(url, NOT_FOUND)
        if not isinstance(found, bytes):
            return found
        if not self.ranges or not (tail_bytes or span):
            return Answer(url=url, status=200, content=found)
        first, last = span or (max(0, len(found) - tail_bytes), len(found) - 1)
        return Answer(url=url, status=206, content=found[first : last + 1], total_size=len(found))


class PlainFetcher:
    """Asks the real registries, once, without a cache and without retries; for `live` tests only."""

    def __init__(self, client: httpx2.Client, credentials: Mapping[str, str] | None = None) -> None:
        self.client = client
        self.credentials = credentials or {}
        self.bytes = 0

    def get(
        self, url: str, *, accept: str = "", tail_bytes: int = 0, span: tuple[int, int] | None = None, pinned: str = ""
    ) -> Answer | Failed | Held:
        headers = {"accept": accept} if accept else {}
        if authorization := self.credentials.get(host_address(url)):
            headers["authorization"] = authorization
        if tail_bytes or span:
            headers["range"] = f"bytes={span[0]}-{span[1]}" if span else f"bytes=-{tail_bytes}"
            headers["accept-encoding"] = "identity"
        answer = self.client.get(url, headers=headers, follow_redirects=True)
        if answer.status_code not in {200, 206}:
            return NOT_FOUND
        self.bytes += len(answer.content)
        total = answer.headers.get("content-range", "").rpartition("/")[2]
        return Answer(
            url=str(answer.url),
            status=answer.status_code,
            content=answer.content,
            total_size=int(total) if total.isdecimal() else None,
        )
