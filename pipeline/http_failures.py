"""Why a request has no answer: each cause of the outside world as a value, with one line for people."""

import socket
import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

import httpcore2

from pipeline.model import Category, Failed, Held, Subcategory

# An address in a message is cut here; packages with names of 300 characters exist only in attacks.
_LONGEST_ADDRESS = 300
_LONGEST_CAUSE = 200


class TryFailedError(Exception):
    """One try of a request failed: `again` if another may help, `paced` if the limiter delays that one."""

    def __init__(self, failed: Failed, *, again: bool, paced: bool = False) -> None:
        super().__init__(failed.message)
        self.failed = failed
        self.again = again
        self.paced = paced


class HeldError(Exception):
    """Control stopped the request before it left."""

    def __init__(self, held: Held) -> None:
        super().__init__(held.message)
        self.held = held


def printable(text: str, limit: int = _LONGEST_CAUSE) -> str:
    """Return text from outside as one line of at most `limit` characters without control characters."""
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in cut)


def shown(url: str) -> str:
    """Return an address as it may stand in a message or a log: without credentials and query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    except ValueError:
        return "an address that cannot be read"
    query = "?…" if parts.query else ""
    return printable(f"{parts.scheme}://{host}{port}{parts.path}{query}", _LONGEST_ADDRESS)


def failed(url: str, subcategory: Subcategory, cause: str, *, transient: bool) -> Failed:
    """Return a failure of `GET url`; its category follows from the subcategory."""
    match subcategory:
        case Subcategory.NOT_FOUND:
            category = Category.RECIPE_NOT_FOUND
        case Subcategory.BAD_METADATA | Subcategory.ANSWER_TOO_LARGE:
            category = Category.GENERATION_FAILED
        case _:
            category = Category.NETWORK_ERROR
    message = f"GET {shown(url)}: {printable(cause)}"
    return Failed(category=category, subcategory=subcategory, transient=transient, message=message)


def status_failure(url: str, status: int) -> TryFailedError:
    """Return what an answer means whose status is neither 2xx, 304 nor a redirect."""
    cause = f"the registry answered {status} {_phrase(status)}".rstrip()
    match status:
        case 404 | 410:
            return TryFailedError(failed(url, Subcategory.NOT_FOUND, cause, transient=False), again=False)
        case 429:
            return TryFailedError(failed(url, Subcategory.RATE_LIMITED, cause, transient=True), again=True)
        case 408 | 425:
            return TryFailedError(failed(url, Subcategory.TIMEOUT, cause, transient=True), again=True)
        case _ if status >= 500:
            unavailable = failed(url, Subcategory.UPSTREAM_UNAVAILABLE, cause, transient=True)
            return TryFailedError(unavailable, again=True)
        case _:
            refused = failed(url, Subcategory.UPSTREAM_REFUSED, cause, transient=False)
            return TryFailedError(refused, again=False)


def transport_failure(url: str, error: Exception) -> TryFailedError:
    """Return what an error of the transport means; all of them pass by themselves, so they are transient."""
    root = _root_cause(error)
    cause = str(root) or type(root).__name__
    match error, root:
        case _, (socket.gaierror() | UnicodeError()):
            return _transient(url, Subcategory.DNS_ERROR, f"the host name cannot be resolved ({cause})")
        case httpcore2.ConnectError(), ssl.SSLError():
            # The next try would be given the same certificate; the next run may have another trust store.
            again = not isinstance(root, ssl.SSLCertVerificationError)
            return _transient(url, Subcategory.TLS_ERROR, f"no secure connection ({cause})", again=again)
        case httpcore2.ConnectTimeout(), _:
            return _transient(url, Subcategory.TIMEOUT, "no connection in time")
        case httpcore2.TimeoutException(), _:
            return _transient(url, Subcategory.TIMEOUT, f"no answer in time ({cause})")
        case ((httpcore2.ConnectError() | httpcore2.ProxyError()), _):
            return _transient(url, Subcategory.CONNECTION_ERROR, f"no connection ({cause})")
        case _:
            return _transient(url, Subcategory.CONNECTION_ERROR, f"the answer broke off ({cause})")


def _transient(url: str, subcategory: Subcategory, cause: str, *, again: bool = True) -> TryFailedError:
    return TryFailedError(failed(url, subcategory, cause, transient=True), again=again)


def _root_cause(error: Exception) -> Exception:
    # httpcore2 wraps what the socket raised as its first argument; the chain of causes it cuts off.
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return error


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
