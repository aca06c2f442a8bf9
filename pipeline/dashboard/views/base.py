"""What the views are made of. Pure."""

import msgspec


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all views. A page is written again when the encoded form of its view changes, so none holds the time of
    day but the overview. Paths are those of pages below the site's folder, "" where there is no page.
    """


class PageLink(View, frozen=True, kw_only=True):
    """A page that is linked to: what it is called, and where it lies below the site's folder ("": there is none)."""

    text: str
    path: str = ""
