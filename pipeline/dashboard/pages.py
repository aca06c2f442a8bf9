"""The list of pages: where each lies, what it is made from, and how it is rendered. No page is rendered here."""

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from pipeline.dashboard import addresses
from pipeline.dashboard.facts import Facts
from pipeline.dashboard.links import Links
from pipeline.dashboard.views.base import View
from pipeline.dashboard.views.batches import batch_page, batches
from pipeline.dashboard.views.ecosystems import ecosystem_pages, ecosystems
from pipeline.dashboard.views.overview import overview
from pipeline.dashboard.views.package import Packages
from pipeline.dashboard.views.platforms import platforms_page, truth_rows
from pipeline.dashboard.views.queue import queue_page, queue_rows
from pipeline.dashboard.views.waits import waits
from pipeline.digests import sha256

# Makes a page's text: `rendering.render`, called with a template's name, `view`, `root`, and for the queue `rows`.
Render = Callable[..., str]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the site: its path there, the digest of all that it is made from, and what makes its bytes."""

    path: str
    digest: str
    content: Callable[[], bytes]


def pages(facts: Facts, render: Render, code: str) -> Iterator[Page]:
    """Yield every page; `code` is the digest of what renders them.

    A view is made for each page, as its digest is that of the page; the text is made only when it is asked for.
    """
    links = Links(facts=facts)
    rows = queue_rows(facts)

    def page(path: str, template: str, view: View, **more: object) -> Page:
        made_from = msgspec.json.encode([code, template, view, more])
        asked = partial(_rendered, render, template, view=view, root=addresses.way_up(path), **more)
        return Page(path=path, digest=sha256(made_from), content=asked)

    yield page(addresses.OVERVIEW, "overview.html", overview(facts, links, rows))
    yield page(addresses.QUEUE, "queue.html", queue_page(facts, rows), rows=rows)
    yield page(addresses.BATCHES, "batches.html", batches(facts, links))
    yield page(addresses.PLATFORMS, "platforms.html", platforms_page(facts, links, truth_rows(facts, links)))
    yield page(addresses.ECOSYSTEMS, "ecosystems.html", ecosystems(facts, links, rows))
    for ecosystem in ecosystem_pages(facts, links, rows):
        yield page(ecosystem.path, "ecosystem.html", ecosystem)
    waiting = waits(facts)
    for batch_id in links.batches:
        yield page(addresses.batch_path(batch_id), "batch.html", batch_page(facts, links, batch_id, waiting))
    packages = Packages(facts=facts, links=links)
    for source in links.sources:
        yield page(addresses.package_path(source), "package.html", packages.page(source))


def _rendered(render: Render, template: str, **values: object) -> bytes:
    return render(template, **values).encode()
