"""Whether an answer may be believed: its size, its part, its form; and what of it is stored."""

import httpx2

from pipeline.http_failures import TryFailedError, failed
from pipeline.http_headers import content_range, lasting
from pipeline.http_requests import Wanted
from pipeline.model import Subcategory

REDIRECTS = frozenset({301, 302, 303, 307, 308})
# There is no such thing. That, too, is an answer: it is stored, but for no longer than others that name no lifetime.
MISSING = frozenset({404, 410})

# What is kept of an answer's headers: what the cache and the caller read. All else is dropped unread.
_KEPT = (
    "age",
    "cache-control",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "vary",
)


def read_body(url: str, response: httpx2.Response, wanted: Wanted, largest: int) -> bytes:
    """Return the decoded body; raises `TryFailedError` as soon as more than allowed has come.

    `largest` is in bytes. What a server says about the size is believed only when it is too much; the body is
    counted as it comes and as it is unpacked, so that a small answer that unpacks to gigabytes stops early.
    """
    limit = min(largest, wanted.size() or largest) if response.status_code == 206 else largest
    announced = response.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:18]) > limit:
        raise _too_large(url, limit)
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > limit:
            raise _too_large(url, limit)
    return bytes(body)


def read_head(response: httpx2.Response, size: int) -> bytes:
    """Return at least the first `size` decoded bytes of a body, or all of a shorter one."""
    head = bytearray()
    for piece in response.iter_bytes(size):
        head += piece
        if len(head) >= size:
            break
    return bytes(head)


def check(url: str, response: httpx2.Response, body: bytes, wanted: Wanted, *, conditional: bool) -> None:
    """Raise `TryFailedError` when an answer is none to what was asked."""
    if response.status_code == 304 and not conditional:
        raise _nonsense(url, "the registry says that nothing has changed, but was not asked")
    if response.status_code == 206 and not _is_part(response, body, wanted):
        raise _nonsense(url, "the part that was sent is not the part that was asked for")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    json_only = "json" in wanted.accept and "html" not in wanted.accept
    if json_only and kind == "text/html" and response.status_code == 200:
        # The log-in page of a network in between; stored, it would be used until its copy expires.
        raise _nonsense(url, "a web page came where JSON was asked for")


def storable(response: httpx2.Response, body: bytes, freshness_seconds: int, wall: float) -> httpx2.Response:
    """Return an answer as the cache shall store it. `wall` is now, in seconds since 1970.

    A part becomes a whole answer (status 200) that keeps its `Content-Range`. A redirect that names no
    lifetime is not stored: those are often temporary, or signed for minutes.
    """
    if response.status_code in MISSING:
        forbidden = "no-store" in response.headers.get("cache-control", "").lower()
        lifetime = "no-store" if forbidden else f"max-age={freshness_seconds}"
        return httpx2.Response(response.status_code, headers=lasting({"cache-control": lifetime}, "", wall))
    kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
    status = 200 if response.status_code == 206 else response.status_code
    if status == 200 and response.status_code != 206:
        kept.pop("content-range", None)
    unnamed = "no-store" if status in REDIRECTS else f"max-age={freshness_seconds}"
    if status == 304 and "cache-control" not in kept:
        # The lifetime stays as it was stored, and begins anew with the date.
        unnamed = ""
    content = b"" if status in REDIRECTS else body
    return httpx2.Response(status, headers=lasting(kept, unnamed, wall), content=content)


def _is_part(response: httpx2.Response, body: bytes, wanted: Wanted) -> bool:
    part = content_range(response.headers.get("content-range", ""))
    if part is None or part.last - part.first + 1 != len(body):
        return False
    if wanted.span is not None:
        return part.first == wanted.span[0]  # and is no longer than asked for, which was checked as it came
    return bool(wanted.tail_bytes) and (part.total is None or part.last == part.total - 1)


def _too_large(url: str, limit: int) -> TryFailedError:
    cause = f"the answer is larger than {limit} bytes"
    return TryFailedError(failed(url, Subcategory.ANSWER_TOO_LARGE, cause, transient=False), again=False)


def _nonsense(url: str, cause: str) -> TryFailedError:
    return TryFailedError(failed(url, Subcategory.BAD_METADATA, cause, transient=True), again=False)
