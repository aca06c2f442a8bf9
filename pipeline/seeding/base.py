"""What a seeder is: a module that asks one registry what is popular there, and what it gives back."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

import msgspec

from pipeline.ecosystems.base import Answer, Fetcher
from pipeline.ecosystems.drafting import decode
from pipeline.model import Failed, Held

T = TypeVar("T")


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One package that a registry offers, as upstream wrote it: not yet checked.

    `rank` is its place in its own registry, 1 is the most popular. `repository` is where its sources lie, "" when the
    registry does not say.
    """

    source: str
    rank: int
    repository: str = ""


class Offered(msgspec.Struct, frozen=True):
    """What one item of an answer says; `weight` is the registry's own count, the largest the most popular.

    It is compared with those of the same answers and with nothing else, and is written nowhere.
    """

    identifier: str
    weight: int
    repository: str = ""


Offers = list[Offered]


class Seeder(Protocol):
    """One registry's offer, as a module."""

    NAME: str
    # By what its ranks are measured, for people.
    MEASURE: str

    def propose(self, *, registry: str, fetcher: Fetcher, limit: int) -> list[Proposal] | Failed | Held:
        """Return the most popular packages, at most `limit` of them, or why there are none.

        `registry` is as for `Ecosystem.make`.
        """


def gather(
    urls: Iterable[str], fetcher: Fetcher, read: Callable[[bytes], Offers | Failed], limit: int
) -> Offers | Failed | Held:
    """Return what some pages offer, asked one after the other until there are `limit` offers or an empty page.

    A page that cannot be had ends it without a result: half a ranking would be another one.
    """
    found: Offers = []
    for url in urls:
        answer = fetcher.get(url, accept="application/json")
        if not isinstance(answer, Answer):
            return answer
        offers = read(answer.content)
        if isinstance(offers, Failed):
            return offers
        found += offers
        if not offers or len(found) >= limit:
            break
    return found


def reading(kind: type[T], place: str, offers: Callable[[T], Iterator[Offered]]) -> Callable[[bytes], Offers | Failed]:
    """Return what reads one answer: as a structure, and from that what it offers."""

    def read(content: bytes) -> Offers | Failed:
        answer = decode(content, kind, place)
        return answer if isinstance(answer, Failed) else list(offers(answer))

    return read


def ranked(ecosystem: str, offers: Offers | Failed | Held, limit: int) -> list[Proposal] | Failed | Held:
    """Return proposals by the registry's own count; equals keep the order in which it gives them.

    What stands in two pages, as lists change between two requests, counts once.
    """
    if not isinstance(offers, list):
        return offers
    first: dict[str, Offered] = {}
    for offer in sorted(offers, key=lambda offer: -offer.weight):
        first.setdefault(offer.identifier, offer)
    return [
        Proposal(source=f"{ecosystem}:{offer.identifier}", rank=rank, repository=offer.repository)
        for rank, offer in enumerate(list(first.values())[:limit], start=1)
    ]


def pages(limit: int, size: int) -> range:
    """Return the numbers of the pages, from 1, that hold `limit` items."""
    return range(1, -(-limit // size) + 1)


def text_of(value: object) -> str:
    """Return a text that upstream may have left out or written as something else."""
    return value.strip() if isinstance(value, str) else ""
