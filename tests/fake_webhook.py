"""A receiver on loopback: a real HTTP server that keeps what it is sent, and answers as it is told."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import msgspec

SECRET = "T0-secret-part"


class FakeWebhook:
    """Answers with the `statuses` in turn, then 200; `hanging` answers nothing, `location` is where a 3xx leads.

    `arrived` is set with the first call.
    """

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.types: list[str] = []
        self.statuses: list[int] = []
        self.location = ""
        self.hanging = False
        self.arrived = threading.Event()
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.webhook = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The address, with a part that must appear nowhere."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/services/{SECRET}?key={SECRET}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    webhook: FakeWebhook


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Keep what came, and answer."""
        webhook = self.server.webhook
        webhook.bodies.append(msgspec.json.decode(self.rfile.read(int(self.headers["content-length"]))))
        webhook.types.append(self.headers["content-type"])
        webhook.arrived.set()
        if webhook.hanging:
            webhook.closing.wait()
            return
        status = webhook.statuses.pop(0) if webhook.statuses else 200
        self.send_response(status)
        if webhook.location:
            self.send_header("Location", webhook.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Say nothing."""
