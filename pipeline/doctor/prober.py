"""Asking servers one question each: at the pace of all runs of this machine, without a cache, never twice."""

import threading
import urllib.request
from functools import partial
from pathlib import Path

from pipeline.clock import Clock
from pipeline.doctor.base import Reply, Unanswered
from pipeline.http_answers import read_head
from pipeline.http_exchange import TRANSPORT_ERRORS
from pipeline.http_failures import transport_failure
from pipeline.http_network import Network
from pipeline.http_requests import Wanted, address, cached_request, headers_to_send, host_key
from pipeline.limiter import FileLimiter
from pipeline.model import Failed
from pipeline.services import host_address

# A server that a person would wait for answers in this time.
PATIENCE = 4.0
# What is read of an answer: the description of a repository takes some 10 kB.
_HEAD_BYTES = 256 * 1024


class HttpProber:
    """Implements `Prober`; `limiter` is the folder that the limiters of this machine's runs share."""

    def __init__(self, limiter: Path, clock: Clock, stop: threading.Event) -> None:
        self._limiter = FileLimiter(limiter, clock=clock, stop=stop)
        self._clock = clock
        self._network = Network(clock=clock, timeout_seconds=PATIENCE, proxies=urllib.request.getproxies())

    def get(self, url: str, *, rate: float, authorization: str = "", accept: str = "") -> Reply | Unanswered:
        """Return the answer to one GET, of any status, or why there is none."""
        target = address(url)
        if isinstance(target, Failed):
            return Unanswered(message=target.message)
        request = cached_request(
            target,
            Wanted(accept=accept),
            ask_again=False,
            offline=False,
            credentials={host_address(url): authorization} if authorization else {},
        )
        host = host_key(target)
        claimed = self._limiter.acquire(host, rate, lambda _seconds: None)
        if claimed is None:
            pace = f"this machine's runs may send {rate:g} requests a second there, and the next one is due later"
            return Unanswered(message=pace, paced=True)
        began = self._clock.now()
        sent = partial(self._limiter.sent, host, claimed)
        try:
            response = self._network.open(request.url, headers_to_send(request), began + PATIENCE, sent)
            seconds = self._clock.now() - began
            try:
                content = read_head(response, _HEAD_BYTES)[:_HEAD_BYTES]
            finally:
                response.close()
        except TRANSPORT_ERRORS as error:
            return Unanswered(message=transport_failure(url, error).failed.message)
        return Reply(status=response.status_code, seconds=seconds, headers=dict(response.headers), content=content)

    def close(self) -> None:
        """Close all connections."""
        self._network.close()
