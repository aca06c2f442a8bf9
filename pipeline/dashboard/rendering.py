"""Views into HTML: the templates, compiled once, and the words that they share with the commands.

Each template but the parts is one kind of page, and gets `view` (its structure), `root` (the way from the page to the
site's folder: "", "../", "../../"); the queue gets its `rows`, too. Pages lead to `assets/`, a copy of the folder
`ASSETS`. Whatever a template inserts is escaped, and what would hide or turn around text is made visible, so that
nothing that upstream wrote can be anything but text.
"""

import re
import shlex
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

from pipeline.dashboard import charts
from pipeline.dashboard.marks import BREAKER_MARKS, MARKS
from pipeline.dashboard.views.base import PageLink
from pipeline.dashboard.views.package import VerdictCell
from pipeline.history.wording import minute, percent
from pipeline.markdown import clean
from pipeline.text import counted, duration, is_web_address

FOLDER = Path(__file__).parent
ASSETS = FOLDER / "assets"
# What a page may do: load its own scripts and styles and its icon, and nothing else; nothing that stands in the page
# itself is run. 'self' is the same folder's files where the page was opened as a file.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
# Characters that no page may hold (NUL and its like), or that reorder or hide what stands around them.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
CODE = re.compile(r"`([^`]+)`")
# Commands of ours begin like this; they get a button that copies them.
COMMAND = "doit "
MEGABYTE = 1_000_000


def render(template: str, **values: Any) -> str:  # noqa: ANN401  # each template has values of its own types
    """Return a page; a value that the template needs and does not get is a bug and raises."""
    return _environment().get_template(template).render(values)


def visible(value: object) -> object:
    """Return what is inserted with U+FFFD for each character that cannot be seen; numbers and markup as they are."""
    if type(value) is not str or (value.isascii() and value.isprintable()):
        return value
    return UNSEEN.sub("\ufffd", value)


@lru_cache(maxsize=16_384)  # batches and ecosystems are linked to from thousands of pages
def link(page: PageLink, root: str) -> Markup:
    """Return a page's name as a link to it, or alone where there is no page."""
    text = visible(page.text)
    if not page.path:
        return Markup("<bdi>{}</bdi>").format(text)
    return Markup('<a href="{}{}"><bdi>{}</bdi></a>').format(root, quote(page.path), text)


@cache
def badge(status: str) -> Markup:
    """Return a status as sign, word and colour. The words are few, so each is made once."""
    return _badge(status, *MARKS[status])


@cache
def breaker(state: str) -> Markup:
    """Return the state of a circuit breaker as sign, word and colour."""
    return _badge(state, *BREAKER_MARKS[state])


def _badge(status: str, sign: str, tone: str) -> Markup:
    shown = Markup('<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>')
    return shown.format(tone, sign, words(status))


@cache
def tick(status: str) -> Markup:
    """Return a status as sign and colour, its word for those who hear the page; "" is an empty cell."""
    if not status:
        return Markup('<span class="sr">no verdict</span>')
    sign, tone = MARKS[status]
    shown = Markup(
        '<span class="tick {0}" title="{1}"><span aria-hidden="true">{2}</span><span class="sr">{1}</span></span>'
    )
    return shown.format(tone, words(status), sign)


def words(identifier: str) -> str:
    """Return an identifier as words: `predicted_pass` is "predicted pass"."""
    return identifier.replace("_", " ")


def capitalized(sentence: str) -> str:
    """Return a sentence that begins with a capital letter; names further in stay as they are."""
    return sentence[:1].upper() + sentence[1:]


@lru_cache(maxsize=4096)  # the rules and remedies of the gates stand on every package's page
def ticks(text: str) -> Markup:
    """Return a sentence of ours with what stands in backticks as code; a command among it can be copied."""
    parts = CODE.split(str(visible(text)))
    return Markup("").join(_code(part) if place % 2 else escape(part) for place, part in enumerate(parts))


def _code(text: str) -> Markup:
    if text.startswith(COMMAND):
        return Markup('<code class="command">{}</code>').format(text)
    return Markup("<code>{}</code>").format(text)


def dashed(shown: str) -> str:
    """Return a value as the site shows it: the commands' `-` for what is not known is a dash here."""
    return "\N{EN DASH}" if shown == "-" else shown


def by_system(cells: Sequence[VerdictCell], arches: Sequence[str]) -> list[tuple[str, list[VerdictCell | None]]]:
    """Return the verdicts as a matrix: for each system, in the order of the cells, one for each processor."""
    systems: dict[str, dict[str, VerdictCell]] = {}
    for cell in cells:
        systems.setdefault(" ".join(part for part in (cell.family or cell.os, cell.libc) if part), {})[cell.arch] = cell
    return [(system, [found.get(arch) for arch in arches]) for system, found in systems.items()]


def address(url: str) -> Markup:
    """Return an address that leads out of the site as a link, or as text when a browser should not follow it."""
    if not is_web_address(url):
        return escape(visible(url))
    # It may break behind a slash, so that a number at its end stays whole.
    shown = Markup("/<wbr>").join(url.partition("://")[2].split("/"))
    return Markup('<a href="{0}" rel="noopener noreferrer">{1}</a>').format(url, shown)


def share_bar(part: float, whole: float) -> Markup:
    """Return a bar whose filled part is `part` of `whole`, for the eye only: the number stands beside it."""
    width = round(100 * min(part / whole, 1.0), 1) if whole else 0
    return Markup(
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rail" width="100" height="6"/><rect class="fill" width="{}" height="6"/></svg>'
    ).format(width)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=visible,
    )
    environment.filters |= {
        "address": address,
        "badge": badge,
        "breaker": breaker,
        "by_system": by_system,
        "capitalized": capitalized,
        "duration": duration,
        "link": link,
        "minute": lambda at: dashed(minute(at)),
        "number": "{:,}".format,
        "megabytes": lambda size: f"{size / MEGABYTE:,.1f}",
        "percent": lambda share: dashed(percent(share)),
        "shell": shlex.quote,
        "shorten": clean,
        "tick": tick,
        "ticks": ticks,
        "words": words,
    }
    environment.globals |= {"charts": charts, "counted": counted, "policy": POLICY, "share_bar": share_bar}
    return environment
