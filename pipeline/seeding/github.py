"""GitHub: repositories with the topic `cli`, by stars.

`GET <registry>/search/repositories?q=topic:cli&sort=stars&per_page=…&page=n` answers with `items`, each with
`full_name`, `stargazers_count` and `archived`; a page has at most 100, a search at most 1,000. Searches have a limit of
their own there: 10 a minute without a token.
"""

from collections.abc import Iterator

import msgspec

from pipeline.ecosystems.base import Fetcher
from pipeline.model import Failed, Held
from pipeline.seeding.base import Offered, Proposal, gather, pages, ranked, reading

NAME = "github"
MEASURE = "stars among repositories with the topic `cli`"
PAGE = 100  # the service's own limit


class Repository(msgspec.Struct, frozen=True):
    """A repository as the search shows it."""

    full_name: str
    stargazers_count: int = 0
    archived: bool = False


class Search(msgspec.Struct, frozen=True):
    """One page of results."""

    items: list[Repository]


def propose(*, registry: str, fetcher: Fetcher, limit: int) -> list[Proposal] | Failed | Held:
    """Return the repositories of the search, by stars; archived ones have no new releases."""
    base = f"{registry}/search/repositories?q=topic:cli+archived:false&sort=stars&order=desc"
    size = min(limit, PAGE)
    urls = (f"{base}&per_page={size}&page={page}" for page in pages(limit, size))
    return ranked(NAME, gather(urls, fetcher, reading(Search, "search of GitHub", _offers), limit), limit)


def _offers(page: Search) -> Iterator[Offered]:
    for found in page.items:
        if not found.archived:
            yield Offered(found.full_name, found.stargazers_count)
