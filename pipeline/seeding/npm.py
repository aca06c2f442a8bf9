"""npm: the registry's search for packages that call themselves command-line tools.

`GET <registry>/-/v1/search?text=keywords:cli&size=…&from=…` answers with `objects`, each with `package.name`,
`package.links.repository` and, where they are counted, `downloads.monthly`; a page has at most 250. Where a registry
counts no downloads, the order of its search is what is left. A keyword is a claim: libraries that tools are made with
have it too. They are found out by their first generation, as `no_executables`.
"""

from collections.abc import Iterator

import msgspec

from pipeline.ecosystems.base import Fetcher
from pipeline.model import Failed, Held
from pipeline.seeding.base import Offered, Proposal, gather, ranked, reading, text_of

NAME = "npm"
MEASURE = "downloads of a month with the keyword `cli`"
PAGE = 250  # the registry's own limit


class Links(msgspec.Struct, frozen=True):
    """Addresses of a package. `object`: seen with any type."""

    repository: object = None


class Package(msgspec.Struct, frozen=True):
    """A package as the search shows it."""

    name: str
    links: Links = Links()


class Downloads(msgspec.Struct, frozen=True):
    """How often a package was fetched."""

    monthly: int = 0


class Found(msgspec.Struct, frozen=True):
    """One result; a registry of one's own may count no downloads."""

    package: Package
    downloads: Downloads = Downloads()


class Search(msgspec.Struct, frozen=True):
    """One page of results."""

    objects: list[Found]


def propose(*, registry: str, fetcher: Fetcher, limit: int) -> list[Proposal] | Failed | Held:
    """Return the packages of the search, by downloads."""
    query = "text=keywords:cli&popularity=1.0&quality=0.0&maintenance=0.0"
    size = min(limit, PAGE)
    urls = (f"{registry}/-/v1/search?{query}&size={size}&from={start}" for start in range(0, limit, size))
    return ranked(NAME, gather(urls, fetcher, reading(Search, "search of npm", _offers), limit), limit)


def _offers(page: Search) -> Iterator[Offered]:
    for found in page.objects:
        package = found.package
        yield Offered(package.name, found.downloads.monthly, text_of(package.links.repository))
