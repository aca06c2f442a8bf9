"""RubyGems: the registry's search; it has no category and no list by downloads.

`GET <registry>/api/v1/search.json?query=…&page=n` answers with a list of gems, 30 a page, each with `name`, `downloads`
(of all time) and `source_code_uri`. The pages come by how well they fit the query: what is popular and does not fit
is not seen.
"""

from collections.abc import Iterator

import msgspec

from pipeline.ecosystems.base import Fetcher
from pipeline.model import Failed, Held
from pipeline.seeding.base import Offered, Proposal, gather, pages, ranked, reading, text_of

NAME = "rubygems"
MEASURE = "downloads among the first results of a search for `cli`"
PAGE = 30  # what the registry puts on one


class Gem(msgspec.Struct, frozen=True):
    """A gem as the search shows it. `object`: seen with any type."""

    name: str
    downloads: int = 0
    source_code_uri: object = None
    homepage_uri: object = None


def propose(*, registry: str, fetcher: Fetcher, limit: int) -> list[Proposal] | Failed | Held:
    """Return the gems of the search, by downloads."""
    urls = (f"{registry}/api/v1/search.json?query=cli&page={page}" for page in pages(limit, PAGE))
    return ranked(NAME, gather(urls, fetcher, reading(list[Gem], "search of RubyGems", _offers), limit), limit)


def _offers(page: list[Gem]) -> Iterator[Offered]:
    for gem in page:
        yield Offered(gem.name, gem.downloads, text_of(gem.source_code_uri) or text_of(gem.homepage_uri))
