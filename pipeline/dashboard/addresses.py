"""Where each page lies below the site's folder. Pure; addresses are stable, so that people may link to them."""

from pipeline.dashboard.views.base import PageLink
from pipeline.source import ecosystem_of, identifier_of, slug

OVERVIEW = "index.html"
QUEUE = "queue.html"
BATCHES = "batches.html"
PLATFORMS = "platforms.html"
ECOSYSTEMS = "ecosystems.html"
ASSETS = "assets"


def package_path(source: str) -> str:
    """Return a package's page: `packages/npm/~40biomejs~2fbiome.html`, unlike any other's also where case is ignored.

    The address on the web is this path with its `~` as it is.
    """
    return f"packages/{ecosystem_of(source)}/{slug(identifier_of(source))}.html"


def batch_path(batch_id: str) -> str:
    """Return a batch's page."""
    return f"batches/{batch_id}.html"


def ecosystem_path(name: str) -> str:
    """Return an ecosystem's page."""
    return f"ecosystems/{name}.html"


def way_up(path: str) -> str:
    """Return the way from a page to the site's folder: "" for `index.html`, "../../" for a package's page."""
    return "../" * path.count("/")


def batch_link(batch_id: str) -> PageLink:
    """Return the link to a batch's page."""
    return PageLink(text=batch_id, path=batch_path(batch_id))


def ecosystem_link(name: str) -> PageLink:
    """Return the link to an ecosystem's page."""
    return PageLink(text=name, path=ecosystem_path(name))
