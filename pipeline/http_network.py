"""Connections: HTTP/1.1 and HTTP/2, the system's trust store, proxies of the environment, and deadlines.

httpcore2 bounds each read, but not their sum: a server that sends one byte every few seconds, in the headers
or in the body, would be listened to for ever. Here each read and write also ends at the request's deadline.
"""

import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import httpcore2
import httpx2

from pipeline.clock import Clock

# Connections kept open for the next request; registries close idle ones after 5 s to several minutes.
_KEEPALIVE_SECONDS = 60.0
_CONNECTIONS = 32


class _Deadline(threading.local):
    """When the request of this thread must be over, in monotonic seconds."""

    at: float = float("inf")


class _BoundedStream(httpcore2.NetworkStream):
    """A connection whose every operation ends at the deadline of the thread that waits for it."""

    def __init__(self, inner: httpcore2.NetworkStream, clock: Clock, deadline: _Deadline) -> None:
        self._inner = inner
        self._clock = clock
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = self._left(timeout, httpcore2.ConnectTimeout)
        secured = self._inner.start_tls(ssl_context, server_hostname, left)
        return _BoundedStream(secured, self._clock, self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # as in the interface
        return self._inner.get_extra_info(info)

    def _left(self, timeout: float | None, error: type[httpcore2.TimeoutException]) -> float:
        left = self._deadline.at - self._clock.now()
        if left <= 0.0:
            raise error("the time for the whole answer is over")
        return left if timeout is None else min(timeout, left)


class _BoundedBackend(httpcore2.NetworkBackend):
    """Opens connections that keep the deadline."""

    def __init__(self, clock: Clock, deadline: _Deadline) -> None:
        self._inner = httpcore2.SyncBackend()
        self._clock = clock
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        stream = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _BoundedStream(stream, self._clock, self._deadline)


class _Body(httpx2.SyncByteStream):
    """The body of an answer as it comes in."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class Network:
    """Sends one request and hands out the answer as a stream; raises the exceptions of httpcore2.

    `proxies` maps a scheme to a proxy's address, and `no` to the hosts without one, as
    `urllib.request.getproxies` returns it. Safe to use from many threads.
    """

    def __init__(self, *, clock: Clock, timeout_seconds: float, proxies: Mapping[str, str]) -> None:
        self._clock = clock
        self._timeout = timeout_seconds
        self._proxies = dict(proxies)
        self._deadline = _Deadline()
        # The system's store of certificates; OpenSSL reads SSL_CERT_FILE and SSL_CERT_DIR itself.
        self._tls = ssl.create_default_context()
        self._pools: dict[str, httpcore2.ConnectionPool] = {}
        self._pools_lock = threading.Lock()

    def open(
        self,
        url: httpx2.URL,
        headers: httpx2.Headers,
        deadline: float,
        on_sent: Callable[[], None],
        content: bytes | None = None,
    ) -> httpx2.Response:
        """Send a GET, or a POST of some `content`; return the answer when its headers are there.

        Read its body in the same thread.

        `deadline` is a time of the monotonic clock, by which the last byte of the body must have come.
        `on_sent` is called when the request is on its way: some time after the call when a connection
        must be opened first.
        """
        self._deadline.at = deadline

        def trace(event: str, _info: object) -> None:
            if event.endswith("send_request_headers.complete"):
                on_sent()

        answer = self._pool(url).handle_request(
            httpcore2.Request(
                method=b"GET" if content is None else b"POST",
                url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=headers.raw,
                content=content,
                extensions={
                    "timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._timeout),
                    "trace": trace,
                },
            )
        )
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """Close all connections."""
        with self._pools_lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def _pool(self, url: httpx2.URL) -> httpcore2.ConnectionPool:
        address = self._proxies.get(url.scheme, self._proxies.get("all", ""))
        if address and urllib.request.proxy_bypass(url.host, self._proxies):
            address = ""
        with self._pools_lock:
            if address not in self._pools:
                self._pools[address] = httpcore2.ConnectionPool(
                    ssl_context=self._tls,
                    proxy=_proxy(address) if address else None,
                    max_connections=_CONNECTIONS,
                    keepalive_expiry=_KEEPALIVE_SECONDS,
                    http2=True,
                    network_backend=_BoundedBackend(self._clock, self._deadline),
                )
            return self._pools[address]


def _proxy(address: str) -> httpcore2.Proxy:
    url = httpx2.URL(address if "://" in address else f"http://{address}")
    auth = (url.username, url.password) if url.userinfo else None
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/")
    return httpcore2.Proxy(target, auth=auth)
