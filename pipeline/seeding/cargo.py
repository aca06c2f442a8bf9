"""cargo: the crates of the category for command-line tools, by the registry's web API.

The index's `config.json` names the API as `api`; a mirror may have none. `GET <api>/api/v1/crates?category=…&sort=…`
answers with `crates`, each with `id`, `recent_downloads` (of 90 days) and `repository`; a page has at most 100.
"""

from collections.abc import Iterator

import msgspec

from pipeline.ecosystems.base import Answer, Fetcher
from pipeline.ecosystems.drafting import decode
from pipeline.model import Category, Failed, Held, Subcategory
from pipeline.seeding.base import Offered, Proposal, gather, pages, ranked, reading, text_of

NAME = "cargo"
MEASURE = "downloads of 90 days in the category `command-line-utilities`"
PAGE = 100  # the registry's own limit


class Config(msgspec.Struct, frozen=True):
    """The index's config.json."""

    api: str | None = None


class Crate(msgspec.Struct, frozen=True):
    """A crate as a list shows it. `object`: seen with any type."""

    id: str
    recent_downloads: int | None = None
    repository: object = None


class Crates(msgspec.Struct, frozen=True):
    """One page of a list."""

    crates: list[Crate]


def propose(*, registry: str, fetcher: Fetcher, limit: int) -> list[Proposal] | Failed | Held:
    """Return the crates of the category, by what was downloaded lately: of all time, the oldest would come first."""
    answer = fetcher.get(f"{registry}/config.json")
    if not isinstance(answer, Answer):
        return answer
    config = decode(answer.content, Config, "config.json of the index")
    if isinstance(config, Failed):
        return config
    if not config.api:
        message = "the index's config.json names no web API, so the registry offers no ranking"
        return Failed(
            category=Category.RECIPE_NOT_FOUND, subcategory=Subcategory.NOT_FOUND, transient=False, message=message
        )
    base = f"{config.api.rstrip('/')}/api/v1/crates?category=command-line-utilities&sort=recent-downloads"
    size = min(limit, PAGE)
    urls = (f"{base}&per_page={size}&page={page}" for page in pages(limit, size))
    return ranked(NAME, gather(urls, fetcher, reading(Crates, "list of crates", _offers), limit), limit)


def _offers(page: Crates) -> Iterator[Offered]:
    for crate in page.crates:
        yield Offered(crate.id, crate.recent_downloads or 0, text_of(crate.repository))
