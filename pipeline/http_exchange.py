"""One request and its answer: the permit, the question to control, the sending, the wishes of the host.

This is the layer below the cache: what passes here leaves the process, the cache's answers do not come here.
"""

from collections.abc import Callable
from functools import partial

import httpcore2
import httpx2

from pipeline.clock import Clock
from pipeline.config import NetworkConfig
from pipeline.http_answers import MISSING, REDIRECTS, check, read_body, read_head, storable
from pipeline.http_events import AnswerReceived, NotModified, Observer, Penalised, RequestSent, WaitBegan
from pipeline.http_failures import HeldError, TryFailedError, failed, status_failure, transport_failure
from pipeline.http_limits import MESSAGE_BYTES, limits_of
from pipeline.http_network import Network
from pipeline.http_requests import headers_to_send, host_key
from pipeline.limiter import Limiter
from pipeline.model import Gate, Held, Subcategory

_BYTES_PER_MB = 1024 * 1024

TRANSPORT_ERRORS = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
    httpx2.DecodingError,
    # A host name that cannot be written in ASCII.
    UnicodeError,
)


class NotStoredError(Exception):
    """Only a stored answer was wanted, and there is none."""


class Exchange(httpx2.BaseTransport):
    """The transport below the cache; takes requests made by `http_requests.cached_request`.

    Raises `TryFailedError`, `HeldError` or `NotStoredError` when there is no answer.
    """

    def __init__(
        self,
        *,
        config: NetworkConfig,
        rate: float,
        limiter: Limiter,
        network: Network,
        gate: Callable[[], Held | None],
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._config = config
        self._rate = rate
        self._limiter = limiter
        self._network = network
        self._gate = gate
        self._clock = clock
        self._observer = observer

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request once everything permits it, and return the whole answer, as it shall be stored."""
        if request.extensions["offline"]:
            raise NotStoredError
        host = host_key(request.url)
        headers = headers_to_send(request)
        conditional = "if-none-match" in headers or "if-modified-since" in headers
        asked = self._clock.now()
        claimed = self._permit(host)
        self._observer(RequestSent(host=host, waited=claimed - asked, conditional=conditional))
        try:
            response, body = self._send(request, headers, host, claimed)
        except TRANSPORT_ERRORS as error:
            raise transport_failure(str(request.url), error) from error
        check(str(request.url), response, body, request.extensions["wanted"], conditional=conditional)
        if response.status_code == 304:
            self._observer(NotModified(host=host))
        return storable(response, body, self._config.freshness_seconds, self._clock.wall())

    def _permit(self, host: str) -> float:
        """Wait for the slot, then ask control; return when the slot was taken."""

        def tell(seconds: float) -> None:
            self._observer(WaitBegan(host=host, seconds=seconds))

        claimed = self._limiter.acquire(host, self._rate, tell)
        if claimed is None:
            raise HeldError(Held(gate=Gate.PIPELINE_DISABLED, message="the run was asked to stop"))
        # Asked after the wait, so that an operator's stop holds from the next request on.
        held = self._gate()
        if held is not None:
            raise HeldError(held)
        return claimed

    def _send(
        self, request: httpx2.Request, headers: httpx2.Headers, host: str, claimed: float
    ) -> tuple[httpx2.Response, bytes]:
        """Return the answer and its body; raises for a status that is no answer, and for too much of one."""
        url = str(request.url)
        began = self._clock.now()
        deadline = began + self._config.total_seconds
        on_sent = partial(self._limiter.sent, host, claimed)
        response = self._network.open(request.url, headers, deadline, on_sent)
        try:
            self._heed(url, host, response)
            largest = self._config.max_answer_mb * _BYTES_PER_MB
            missing = response.status_code in MISSING
            body = b"" if missing else read_body(url, response, request.extensions["wanted"], largest)
        finally:
            response.close()
            self._observer(
                AnswerReceived(
                    host=host,
                    status=response.status_code,
                    size=response.num_bytes_downloaded,
                    seconds=self._clock.now() - began,
                )
            )
        return response, body

    def _heed(self, url: str, host: str, response: httpx2.Response) -> None:
        """Pass the host's wish for patience on to everybody, and raise for a status that is no answer."""
        status, wall = response.status_code, self._clock.wall()
        asked = limits_of(status, response.headers, wall, partial(read_head, response, MESSAGE_BYTES))
        limited, patience = asked.limited, asked.patience
        longest = self._config.max_wait_seconds
        if patience > 0.0:
            self._limiter.penalise(host, min(patience, longest))
            self._observer(Penalised(host=host, seconds=min(patience, longest)))
        if 200 <= status < 300 or status in REDIRECTS | MISSING or status == 304:
            return
        problem = status_failure(url, 429 if limited else status)
        if problem.again and patience > longest:
            cause = f"the registry asks for {patience:.0f} s of patience, the limit is {longest:g} s"
            subcategory = Subcategory.RATE_LIMITED if limited else problem.failed.subcategory
            raise TryFailedError(failed(url, subcategory, cause, transient=True), again=False)
        raise TryFailedError(problem.failed, again=problem.again, paced=patience > 0.0)
