"""A registry on loopback: packuments, the Simple API, a sparse index, Go modules, files with ranges, faults to order.

A real HTTP server with threads, so that connections, time-outs and broken answers are real. It notes when
each request arrived, by the monotonic clock that all processes share.
"""

import hashlib
import re
import socket
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote

import msgspec

from tests.fake_packages import go_zip, integrity

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. The faults: each is harmless by default."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    # Close the connection without a word.
    hang_up: bool = False
    # Close it after so many bytes of the body, though Content-Length promises all.
    cut_after: int | None = None
    # Wait before answering, in seconds; the server's end cuts it short.
    delay: float = 0.0
    # Send the body, or with `drip_headers` the head, one byte each so many seconds.
    drip: float = 0.0
    drip_headers: bool = False
    # Send exactly this instead of an answer.
    raw: bytes | None = None
    # Answer ranges and conditional requests (ETag, Last-Modified) as a file server does.
    ranges: bool = True


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it arrived: its path with query, header names in lower case, the answer's status."""

    path: str
    at: float
    headers: Mapping[str, str]
    status: int


class FakeRegistry:
    """Use it in a `with` statement. Paths are compared unquoted, so `/npm/@a%2fb` and `/npm/@a/b` are one.

    With `tls`, a server's context, it speaks https.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._scheme = "http" if tls is None else "https"
        self._resources: dict[str, Reply] = {}
        self._scripts: dict[str, deque[Reply]] = {}
        self._lock = threading.Lock()
        self._seen: list[Seen] = []
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.registry = self
        if tls is not None:
            # The handshake is left to the handler's thread; one client that fails it holds up nobody.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

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
    def host(self) -> str:
        """`127.0.0.1:port`: what the limiter calls it."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.host}"

    @property
    def npm_url(self) -> str:
        """What npm calls `registry`, without a trailing slash."""
        return f"{self.url}/npm"

    @property
    def pypi_url(self) -> str:
        """What pip calls `index-url`, without a trailing slash."""
        return f"{self.url}/pypi/simple"

    @property
    def cargo_url(self) -> str:
        """What cargo calls the registry's `index`, without `sparse+` and without a trailing slash."""
        return f"{self.url}/cargo"

    @property
    def go_url(self) -> str:
        """What go calls `GOPROXY`, without a trailing slash."""
        return f"{self.url}/go"

    def add(self, path: str, body: bytes, content_type: str = "application/json", **headers: str) -> str:
        """Serve a file; `headers` are written with `_` for `-`. Returns its address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._resources[unquote(path)] = Reply(body=body, headers={"Content-Type": content_type, **named})
        return f"{self.url}{quote(path, safe='/@+%?=')}"

    def reply(self, path: str, reply: Reply) -> str:
        """Serve this answer each time. Returns its address."""
        self._resources[unquote(path)] = reply
        return f"{self.url}{path}"

    def script(self, path: str, *replies: Reply) -> str:
        """Serve these answers first, one for each request. Returns the address."""
        with self._lock:
            self._scripts.setdefault(unquote(path), deque()).extend(replies)
        return f"{self.url}{path}"

    def add_npm(
        self,
        name: str,
        versions: Mapping[str, Mapping[str, object]],
        tarballs: Mapping[str, bytes],
        **extra: object,
    ) -> str:
        """Serve a package: `versions` are the manifests, `tarballs` the files, both by version.

        `dist` is made from the tarball, `dist-tags.latest` is the last version unless `extra` says otherwise;
        `extra` is laid over the packument. Returns the packument's address.
        """
        manifests: dict[str, dict[str, object]] = {}
        for version, manifest in versions.items():
            content = tarballs.get(version, b"")
            stem = name.rpartition("/")[2]
            tarball = self.add(f"/npm/{name}/-/{stem}-{version}.tgz", content, "application/octet-stream")
            dist = {
                "tarball": tarball,
                "integrity": integrity(content),
                "shasum": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            }
            manifests[version] = {"name": name, "version": version, "dist": dist, **manifest}
            self.add(f"/npm/{name}/{version}", msgspec.json.encode(manifests[version]))
        latest = list(manifests)[-1]
        packument = {
            "_id": name,
            "name": name,
            "dist-tags": {"latest": latest},
            "versions": manifests,
            **extra,
        }
        tags: Mapping[str, str] = packument["dist-tags"]
        for tag, version in tags.items():
            if version in manifests:
                self.add(f"/npm/{name}/{tag}", msgspec.json.encode(manifests[version]))
        return self.add(f"/npm/{name}", msgspec.json.encode(packument))

    def add_pypi(
        self,
        name: str,
        files: Mapping[str, bytes],
        *,
        fields: Mapping[str, Mapping[str, object]] | None = None,
        versions: Sequence[str] = (),
        **extra: object,
    ) -> str:
        """Serve a project by the Simple API as JSON: `files` by file name.

        `fields`, also by file name, are laid over a file's entry, `extra` over the project's answer.
        Returns the project's address.
        """
        entries = []
        for filename, content in files.items():
            entry: dict[str, object] = {
                "filename": filename,
                "url": self.add(f"/pypi/files/{filename}", content, "application/octet-stream"),
                "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
                "size": len(content),
                "upload-time": "2024-01-01T00:00:00.000000Z",
                "yanked": False,
            }
            entries.append({**entry, **(fields or {}).get(filename, {})})
        found = versions or sorted({filename.split("-")[1] for filename in files})
        meta = {"api-version": "1.1"}
        project = {"meta": meta, "name": name, "versions": found, "files": entries, **extra}
        self.reply(f"/pypi/simple/{name}", Reply(status=301, headers={"Location": f"/pypi/simple/{name}/"}))
        return self.add(f"/pypi/simple/{name}/", msgspec.json.encode(project), SIMPLE_JSON)

    def add_crate(self, name: str, crates: Mapping[str, bytes], **fields: object) -> str:
        """Serve a crate by the sparse index: `crates` are the archives by version.

        `fields` are laid over each version's line. Returns the address of the index file.
        """
        self.add("/cargo/config.json", msgspec.json.encode({"dl": f"{self.url}/cargo/dl"}))
        lines = []
        for version, content in crates.items():
            self.add(f"/cargo/dl/{name}/{version}/download", content, "application/gzip")
            line = {
                "name": name,
                "vers": version,
                "deps": [],
                "cksum": hashlib.sha256(content).hexdigest(),
                "features": {},
                "yanked": False,
                "pubtime": "2024-01-01T00:00:00Z",
                **fields,
            }
            lines.append(msgspec.json.encode(line))
        folder = f"{name[:2]}/{name[2:4]}" if len(name) > 3 else f"3/{name[0]}" if len(name) == 3 else str(len(name))
        return self.add(f"/cargo/{folder}/{name}", b"\n".join(lines), "text/plain")

    def add_go(self, module: str, versions: Mapping[str, Mapping[str, str]], **info: object) -> str:
        """Serve a module by the proxy protocol: `versions` are its files by path, `go.mod` among them or made.

        `info` is laid over each version's. Returns the address of the list of versions.
        """
        base = f"/go/{_go_escaped(module)}/@v"
        for version, given in versions.items():
            files = {"go.mod": f"module {module}\n", **given}
            about = {"Version": version, "Time": "2024-01-01T00:00:00Z", **info}
            self.add(f"{base}/{version}.info", msgspec.json.encode(about))
            self.add(f"{base}/{version}.mod", files["go.mod"].encode(), "text/plain")
            self.add(f"{base}/{version}.zip", go_zip(module, version, files), "application/zip")
        return self.add(f"{base}/list", "".join(f"{version}\n" for version in versions).encode(), "text/plain")

    def paths(self) -> list[str]:
        """Return where something is served."""
        return list(self._resources)

    def tag(self, *, age: int = 0) -> None:
        """Give every file that is served an `ETag`; with `age`, in seconds, answers are that old, and good for an hour.

        The answer that nothing has changed is new.
        """
        date = {"Date": formatdate(time.time() - age, usegmt=True), "Cache-Control": "max-age=3600"} if age else {}
        for path, reply in self._resources.items():
            headers = {**reply.headers, "ETag": f'"{hashlib.sha256(reply.body).hexdigest()}"', **date}
            self._resources[path] = msgspec.structs.replace(reply, headers=headers)

    def seen(self, path: str | None = None) -> list[Seen]:
        """Return the requests in the order of their arrival, all or those for one path."""
        with self._lock:
            return sorted((one for one in self._seen if path in {None, one.path}), key=lambda one: one.at)

    def arrivals(self) -> list[float]:
        """Return when the requests arrived, in monotonic seconds."""
        return [one.at for one in self.seen()]

    def forget(self) -> None:
        """Start counting anew."""
        with self._lock:
            self._seen.clear()

    def choose(self, path: str) -> Reply:
        """Return the answer for a path, as a handler asks for it."""
        with self._lock:
            waiting = self._scripts.get(unquote(path))
            if waiting:
                return waiting.popleft()
        missing = Reply(status=404, body=b'{"error": "not found"}')
        return self._resources.get(unquote(path), missing)

    def note(self, seen: Seen) -> None:
        """Take note of a request, as a handler does."""
        with self._lock:
            self._seen.append(seen)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Handlers are cut short by `closing` and die with their connection; nobody waits for idle ones.
    block_on_close = False
    request_queue_size = 128
    registry: FakeRegistry

    def handle_error(self, request: object, client_address: object) -> None:
        """Be silent about clients that hang up, as they do when an answer is too large or too slow."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        at = time.monotonic()
        registry = self.server.registry
        chosen = registry.choose(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = _as_file_server(chosen, headers) if chosen.ranges and chosen.status == 200 else chosen
        registry.note(Seen(path=self.path, at=at, headers=headers, status=reply.status))
        try:
            self._answer(reply)
        except OSError:
            # The client hung up, as it should when an answer is too large or too slow.
            self.close_connection = True

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, reply: Reply) -> None:
        registry = self.server.registry
        if reply.delay and registry.closing.wait(reply.delay):
            self.close_connection = True
            return
        if reply.hang_up or reply.raw is not None:
            self.wfile.write(reply.raw or b"")
            self._hang_up()
            return
        body = b"" if self.command == "HEAD" else reply.body
        head = f"HTTP/1.1 {reply.status} Any\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items()
        )
        if reply.drip:
            self._drip(head.encode() + b"\r\n", body, reply)
            return
        self.wfile.write(head.encode("latin-1") + b"\r\n" + body[: reply.cut_after])
        self.wfile.flush()
        if reply.cut_after is not None:
            self._hang_up()

    def _drip(self, head: bytes, body: bytes, reply: Reply) -> None:
        whole, slow = (b"", head + body) if reply.drip_headers else (head, body)
        self.wfile.write(whole)
        self.wfile.flush()
        for at in range(len(slow)):
            if self.server.registry.closing.wait(reply.drip):
                break
            self.wfile.write(slow[at : at + 1])
            self.wfile.flush()
        self.close_connection = True

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        """Print nothing."""


def _go_escaped(path: str) -> str:
    return "".join(f"!{char.lower()}" if char.isupper() else char for char in path)


def _as_file_server(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """Return the answer to a conditional request or a range (RFC 9110)."""
    named = {name.lower(): value for name, value in reply.headers.items()}
    etag, modified = named.get("etag"), named.get("last-modified")
    same_tag = etag is not None and headers.get("if-none-match") == etag
    same_date = "if-none-match" not in headers and modified is not None
    if same_tag or (same_date and headers.get("if-modified-since") == modified):
        undated = {name: value for name, value in reply.headers.items() if name.lower() != "date"}
        return msgspec.structs.replace(reply, status=304, headers=undated, body=b"")
    match = _RANGE.fullmatch(headers.get("range", ""))
    if match is None:
        return reply
    size = len(reply.body)
    if match[1]:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
    else:
        first, last = max(0, size - int(match[2])), size - 1
    if first > last:
        return Reply(status=416, headers={"Content-Range": f"bytes */{size}"})
    part = {**reply.headers, "Content-Range": f"bytes {first}-{last}/{size}"}
    return msgspec.structs.replace(reply, status=206, headers=part, body=reply.body[first : last + 1])
