"""What is asked of a registry: the address, the form, the part. Pure functions."""

import base64
from collections.abc import Mapping

import httpx2
import msgspec

from pipeline import __version__
from pipeline.digests import sha256
from pipeline.ecosystems.base import range_header
from pipeline.http_failures import failed, shown
from pipeline.model import Failed, Subcategory

USER_AGENT = f"recipeline/{__version__}"

# Sent to look a copy up in the cache, not over the wire: there it would ask mirrors to renew theirs.
_CACHE_ONLY = "cache-control"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """In which form an address is asked for, and which part of it; no part is the whole file.

    `pinned` as in `ecosystems.base.Fetcher`.
    """

    accept: str = ""
    tail_bytes: int = 0
    span: tuple[int, int] | None = None
    pinned: str = ""

    def range_header(self) -> str:
        """Return the value of the `Range` header, "" for the whole file."""
        return range_header(self.tail_bytes, self.span)

    def size(self) -> int:
        """Return how many bytes the part has at most, 0 for the whole file."""
        return self.tail_bytes if self.span is None else self.span[1] - self.span[0] + 1


def address(url: str) -> httpx2.URL | Failed:
    """Return an address that may be asked, or why it may not: metadata may name any."""
    try:
        parsed = httpx2.URL(url)
        # Refuses labels that are empty or longer than 63 characters, which no resolver can be asked for.
        parsed.host.encode("idna")
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        return failed(url, Subcategory.BAD_METADATA, "the address cannot be read", transient=False)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        return failed(url, Subcategory.BAD_METADATA, "only http and https are asked", transient=False)
    return parsed


def redirected(url: httpx2.URL, location: str) -> httpx2.URL | Failed:
    """Return where a redirect leads, or why it is not followed."""
    try:
        target = url.join(location)
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        target = None
    if target is None or not location or target.scheme not in {"http", "https"} or not target.host:
        cause = "the registry redirects to an address that cannot be asked"
        return failed(str(url), Subcategory.UPSTREAM_REFUSED, cause, transient=False)
    if url.scheme == "https" and target.scheme == "http":
        cause = f"the registry redirects to {shown(str(target))}, which is not encrypted"
        return failed(str(url), Subcategory.UPSTREAM_REFUSED, cause, transient=False)
    return target


def host_key(url: httpx2.URL) -> str:
    """Return what the rate limit is kept for: the host, with the port when it is not the scheme's own."""
    return url.host if url.port is None else f"{url.host}:{url.port}"


def cached_request(
    url: httpx2.URL, wanted: Wanted, *, ask_again: bool, offline: bool, credentials: Mapping[str, str]
) -> httpx2.Request:
    """Return the request as the cache sees it, with all that must not be stored in its extensions.

    The cache knows no parts of files. So each part is a resource of its own to it, by its own key, and the
    `Range` header is added below. `ask_again` has even a fresh copy checked; `offline` takes any copy.
    What the address itself says of a user comes before `credentials`.
    """
    headers = {"accept": wanted.accept or "*/*"}
    if ask_again:
        headers[_CACHE_ONLY] = "no-cache"
    bare = url.copy_with(userinfo=b"", fragment=None)
    # What is pinned to another content is another resource, though the address is the same.
    named = "\n".join([wanted.accept, wanted.range_header(), str(bare), *([wanted.pinned] if wanted.pinned else [])])
    key = sha256(named.encode())
    authorization = credentials.get(f"{bare.scheme}://{bare.netloc.decode('ascii')}", "")
    if url.userinfo:
        secret = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
        authorization = f"Basic {secret}"
    extensions = {
        "caching": {"key": key},
        "wanted": wanted,
        "authorization": authorization,
        "offline": offline,
    }
    return httpx2.Request("GET", bare, headers=headers, extensions=extensions)


def headers_to_send(request: httpx2.Request) -> httpx2.Headers:
    """Return the headers of a cached request as they go over the wire."""
    headers = request.headers.copy()
    headers.pop(_CACHE_ONLY, None)
    headers["user-agent"] = USER_AGENT
    part = request.extensions["wanted"].range_header()
    # A part of a compressed file is of no use to anybody.
    headers["accept-encoding"] = "identity" if part else "gzip, deflate"
    if part:
        headers["range"] = part
    if request.extensions["authorization"]:
        headers["authorization"] = request.extensions["authorization"]
    return headers
