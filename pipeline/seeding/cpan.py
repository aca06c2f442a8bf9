"""CPAN: distributions whose name begins with `App-`, by how many others need them.

`GET <registry>/distribution/_search?q=name:App-*&sort=river.total:desc` answers with `hits.hits`, each with
`_source.name` and `_source.river.total`. MetaCPAN counts no downloads. Its leaderboard of favourites is not asked: it
holds a hundred names, most of them libraries, and nothing in it tells which are tools.
"""

from collections.abc import Iterator

import msgspec

from pipeline.ecosystems.base import Fetcher
from pipeline.model import Failed, Held
from pipeline.seeding.base import Offered, Proposal, gather, ranked, reading

NAME = "cpan"
MEASURE = "distributions that need it, among those that begin with `App-`"
PAGE = 250


class River(msgspec.Struct, frozen=True):
    """What flows from a distribution: `total` counts those that need it, directly or through others."""

    total: int = 0


class Distribution(msgspec.Struct, frozen=True):
    """A distribution."""

    name: str
    river: River = River()


class Hit(msgspec.Struct, frozen=True):
    """One result."""

    source: Distribution = msgspec.field(name="_source")


class Hits(msgspec.Struct, frozen=True):
    """The results."""

    hits: list[Hit]


class Search(msgspec.Struct, frozen=True):
    """One page of a search."""

    hits: Hits


def propose(*, registry: str, fetcher: Fetcher, limit: int) -> list[Proposal] | Failed | Held:
    """Return the distributions of the search, by those that need them."""
    base = f"{registry}/distribution/_search?q=name:App-*&sort=river.total:desc"
    size = min(limit, PAGE)
    urls = (f"{base}&size={size}&from={start}" for start in range(0, limit, size))
    return ranked(NAME, gather(urls, fetcher, reading(Search, "search of MetaCPAN", _offers), limit), limit)


def _offers(page: Search) -> Iterator[Offered]:
    for hit in page.hits.hits:
        yield Offered(hit.source.name, hit.source.river.total)
