"""A forge on loopback: a real git server, and beside it a pulls API that answers as GitHub does.

As documented: git over HTTP is git's own `git http-backend`, with Basic authentication (any user, the token as the
password); the API lies below `/api/v3` and `/api/graphql`, as on GitHub Enterprise Server; answers, statuses and texts
of errors are in `tests/fake_forge_pulls.py`, which says what of them is left out; the headers of the rate limit stand
on each answer. A primary limit is 403 with `x-ratelimit-remaining: 0`; a secondary one 403 or 429, told by
`retry-after` or by the text alone. Faults are what a test orders; nothing goes wrong by itself, and no number of
requests is too many.
Left out: TLS, several users, scopes that forbid something, ETags and conditional requests, `GET` of single commits.
"""

import base64
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tests.fake_forge_git import BACKEND, Bare
from tests.fake_forge_pulls import Answer, Pulls, refusal

TOKEN = "ghp_sentinel0123456789abcdefghijklmnopqrst"
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
LIMIT = 5000  # requests an hour, as for a token of a person


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong with one request; `method` and `path` (its beginning, below `/api/v3`) choose it.

    `cut` closes the connection: "before" the request is carried out, or "after" it, without an answer. `delay` is in
    seconds; the server's end cuts it short.
    """

    answer: Answer | None = None
    cut: str = ""
    delay: float = 0.0
    method: str = ""
    path: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One request: path with query, when by the monotonic clock of all processes, names of headers in lower case."""

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int


class FakeForge:
    """Use it in a `with` statement. It holds one repository, `owner/name`, bare in `folder`."""

    def __init__(self, folder: Path, repository: str = "tools/registry", token: str = TOKEN) -> None:
        self.repository, self.token = repository, token
        self.bare = Bare(folder / f"{repository}.git")
        self.projects = folder
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.forge = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.pulls = Pulls(self.bare, repository, self.url)
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, int]] = []
        self._watchers: list[tuple[str, str, Callable[[], object]]] = []
        self._seen: list[Seen] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def api(self) -> str:
        """What `publish.api` is set to."""
        return f"{self.url}/api/v3"

    @property
    def remote(self) -> str:
        """The address that git clones from; it holds no token."""
        return f"{self.url}/{self.repository}.git"

    # ------------------------------------------------------------------------------------ what a test orders

    def fail(self, fault: Fault, times: int = 1) -> None:
        """Have the next requests that fit go wrong, so many times; faults are used up in the order of their arrival."""
        with self._lock:
            self._faults.append((fault, times))

    def heal(self) -> None:
        """Forget all faults that were ordered."""
        with self._lock:
            self._faults.clear()

    def at_request(self, method: str, path: str, action: Callable[[], object]) -> None:
        """Have `action` run once, when a request of this kind arrives, before it is carried out."""
        with self._lock:
            self._watchers.append((method, path, action))

    def seen(self, method: str = "", path: str = "") -> list[Seen]:
        """Return the requests that fit, in the order in which they were answered; paths below `/api/v3` without it."""
        with self._lock:
            return [one for one in self._seen if method in {"", one.method} and one.path.startswith(path)]

    def writes(self) -> list[Seen]:
        """Return the requests to the API that change something."""
        return [one for one in self.seen() if one.method != "GET" and not one.path.startswith(f"/{self.repository}")]

    # ------------------------------------------------------------------------------------ what the server does

    def note(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)

    def fault_of(self, method: str, path: str) -> Fault | None:
        """Take the first fault that fits; the action that waits for such a request is run."""
        with self._lock:
            due = [one for one in self._watchers if one[0] == method and path.startswith(one[1])]
            self._watchers = [one for one in self._watchers if one not in due]
        for _, _, action in due:
            action()
        with self._lock:
            for position, (fault, left) in enumerate(self._faults):
                if fault.method in {"", method} and path.startswith(fault.path):
                    self._faults[position : position + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return None


def primary_limit(seconds: float, **where: str) -> Fault:
    """Return the primary limit, which ends in so many seconds."""
    headers = {
        "X-RateLimit-Limit": str(LIMIT),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Used": str(LIMIT),
        "X-RateLimit-Reset": str(int(time.time() + seconds)),
        "X-RateLimit-Resource": "core",
    }
    return Fault(answer=refusal(403, "API rate limit exceeded for user ID 1.", headers=headers), **where)


def secondary_limit(status: int = 403, retry_after: float | None = None, *, date: bool = False, **where: str) -> Fault:
    """Return a secondary limit: with `Retry-After` in seconds or as a date, or told by its text alone."""
    headers = {}
    if retry_after is not None:
        at = time.time() + retry_after
        headers["Retry-After"] = formatdate(at, usegmt=True) if date else str(int(retry_after))
    return Fault(answer=refusal(status, SECONDARY, headers=headers), **where)


def out_of_order(status: int = 502, **where: str) -> Fault:
    """Return an error of the server's: a page for people, no JSON, as its load balancers send."""
    answer = Answer(status=status, raw=b"<html><body>Unicorn!</body></html>", headers={"Content-Type": "text/html"})
    return Fault(answer=answer, **where)


# ---------------------------------------------------------------------------------------------- HTTP


class _Server(ThreadingHTTPServer):
    forge: FakeForge
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        at = time.monotonic()
        forge, parts = self.server.forge, urlsplit(self.path)
        body = self._body()
        is_git = parts.path.startswith(f"/{forge.repository}.git/")
        path = parts.path.removeprefix("/api/v3").removeprefix("/api")
        fault = forge.fault_of(self.command, path)
        if fault is not None and fault.delay:
            forge.closing.wait(fault.delay)
        answer = fault.answer if fault is not None else None
        if answer is None and (fault is None or fault.cut != "before"):
            answer = self._git(parts.path, parts.query, body) if is_git else self._api(path, parts.query, body)
        told = path + (f"?{parts.query}" if parts.query else "")
        headers = {name.lower(): value for name, value in self.headers.items()}
        cut = fault.cut if fault is not None else ""
        status = 0 if cut or answer is None else answer.status
        forge.note(Seen(at=at, method=self.command, path=told, headers=headers, body=body, status=status))
        if cut or answer is None:
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle  # noqa: N815  # the names are the base class's

    def _send(self, answer: Answer) -> None:
        content = answer.raw if answer.raw is not None else json.dumps(answer.body).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-RateLimit-Limit": str(LIMIT),
            "X-RateLimit-Remaining": str(LIMIT - 1),
            "X-RateLimit-Used": "1",
            "X-RateLimit-Reset": str(int(time.time()) + 3600),
            "X-RateLimit-Resource": "core",
            **answer.headers,
        }
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().strip(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _api(self, path: str, query: str, body: bytes) -> Answer:
        forge = self.server.forge
        kind, _, shown = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in {"token", "bearer"} or shown != forge.token:
            return refusal(401, "Bad credentials" if shown else "Requires authentication")
        document = json.loads(body) if body else {}
        with forge.pulls.lock:
            return forge.pulls.answer(self.command, path, dict(parse_qsl(query)), document)

    def _git(self, path: str, query: str, body: bytes) -> Answer:
        """Have git answer, as a CGI program; who shows the token may push."""
        forge = self.server.forge
        shown = self.headers.get("Authorization", "")
        try:
            _, _, password = base64.b64decode(shown.removeprefix("Basic ")).decode().partition(":")
        except ValueError:
            password = ""
        if password != forge.token:
            headers = {"WWW-Authenticate": 'Basic realm="GitHub"', "Content-Type": "text/plain"}
            return Answer(status=401, raw=b"Repository not found.", headers=headers)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(forge.projects),
            "GIT_PROJECT_ROOT": str(forge.projects),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": "x-access-token",
            "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
        }
        done = subprocess.run([BACKEND], input=body, env=environment, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").split()[0])
        return Answer(status=status, raw=content, headers=headers)
