"""The one call that tells a receiver, such as a chat room, of alarms that began to ring or have ended.

The address is a secret: whoever knows it may write there. So it stands in no message, and what the transport or the
address's own reader say of it is not passed on.
"""

import logging
import urllib.request

import httpcore2
import httpx2
import stamina

from pipeline.clock import Clock
from pipeline.http_network import Network
from pipeline.http_requests import USER_AGENT, address
from pipeline.model import Failed

VARIABLE = "RECIPELINE_WEBHOOK"
# With three tries of at most ten seconds and the waits between them, a check takes half a minute longer at worst.
TRY_SECONDS = 10.0
_TRIES = 3
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 2.0
_ERRORS = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
    OSError,
    UnicodeError,
)
# Without a handler Python would print its warnings to the terminal.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class _Refused(Exception):
    """The receiver did not take it; `again` if another try may help."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.why, self.again = why, again


def post(url: str, content: bytes, clock: Clock, *, try_seconds: float = TRY_SECONDS) -> str:
    """Send JSON to an address; return why it did not arrive, "" when a 2xx says that it did.

    The receiver may have taken what is told to have failed: it may get the same twice, but never nothing. Redirects
    are not followed, as they would take the content elsewhere.
    """
    target = address(url)
    if isinstance(target, Failed):
        return f"{VARIABLE} holds no http or https address"
    if target.userinfo:
        return f"{VARIABLE} holds a user or a password, which are not sent"
    caller = stamina.RetryingCaller(attempts=_TRIES, timeout=None, wait_initial=_FIRST_WAIT, wait_max=_LONGEST_WAIT).on(
        _is_worth_another
    )

    def attempt() -> None:  # without arguments, as the log of the retries names these
        _send(target.copy_with(fragment=None), content, clock, try_seconds)

    try:
        caller(attempt)
    except _Refused as refused:
        return refused.why
    return ""


def _send(url: httpx2.URL, content: bytes, clock: Clock, seconds: float) -> None:
    """Send it once; raises `_Refused`."""
    headers = httpx2.Headers(
        {
            "host": url.netloc.decode("ascii"),
            "content-type": "application/json",
            "content-length": str(len(content)),
            "user-agent": USER_AGENT,
        }
    )
    try:
        network = Network(clock=clock, timeout_seconds=seconds, proxies=urllib.request.getproxies())
        try:
            response = network.open(url, headers, clock.now() + seconds, _sent, content)
            status = response.status_code
            response.close()
        finally:
            network.close()
    except _ERRORS as error:
        raise _Refused(_cause(error), again=True) from None  # its cause names the host
    if not 200 <= status < 300:
        raise _Refused(f"it answered {status}", again=status >= 500 or status in {408, 425, 429})


def _is_worth_another(error: Exception) -> bool:
    return isinstance(error, _Refused) and error.again


def _cause(error: Exception) -> str:
    match error:
        case httpcore2.ConnectTimeout():
            return "no connection in time"
        case httpcore2.TimeoutException():
            return "no answer in time"
        case httpcore2.ConnectError() | httpcore2.ProxyError() | UnicodeError():
            return "no connection"
        case _:
            return "the connection broke off"


def _sent() -> None:
    """Nobody counts this request: its host has no rate limit here."""
