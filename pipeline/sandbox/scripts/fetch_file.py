"""Download one file: `fetch_file.py URL PATH SIZE DIGEST`, in the sandbox, with the network on.

Proxies and certificates are those of the environment, as urllib and OpenSSL read them. SIZE is in bytes, 0 when it is
not known; DIGEST is `algorithm:hexadecimal` or "". What goes wrong is said in the words that `sandbox.diagnose` knows.
"""

import hashlib
import http.client
import socket
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

_CHUNK = 1024 * 1024  # bytes
_SILENCE = 30  # seconds without a byte
_CHECKED = ("sha256", "sha512")


def main(url: str, path: str, size: int, digest: str) -> str:
    """Download the file and return "", or what went wrong."""
    algorithm, _, wanted = digest.partition(":")
    found = hashlib.new(algorithm if algorithm in _CHECKED else _CHECKED[0])
    try:
        length = _download(url, Path(path), size, found)
    except urllib.error.HTTPError as error:
        return _status(error.code, error.reason)
    except urllib.error.URLError as error:
        return _cause(error.reason)
    except (OSError, http.client.HTTPException) as error:
        return _cause(error)
    if size and length != size:
        return f"connection closed after {length} of {size} bytes"
    if wanted and found.hexdigest() != wanted:
        return f"Hash mismatch: {algorithm}:{found.hexdigest()} was downloaded, {digest} is wanted"
    return ""


def _download(url: str, path: Path, size: int, found: "hashlib._Hash") -> int:
    """Write the file and return its length; more than its size is not read."""
    length = 0
    request = urllib.request.Request(url, headers={"User-Agent": "recipeline"})  # noqa: S310  # checked by the caller
    with urllib.request.urlopen(request, timeout=_SILENCE) as answer, path.open("wb") as file:  # noqa: S310  # same
        while chunk := answer.read(_CHUNK):
            length += len(chunk)
            found.update(chunk)
            if size and length > size:
                break
            file.write(chunk)
    return length


def _status(status: int, phrase: str) -> str:
    if status == 429:
        return "429 Too Many Requests"
    kind = "server" if status >= 500 else "client"
    return f"HTTP status {kind} error ({status} {phrase})"


def _cause(cause: object) -> str:
    match cause:
        case socket.gaierror():
            return f"failed to lookup address: {cause}"
        case ssl.SSLError():
            return f"invalid peer certificate: {cause}"
        case TimeoutError():
            return "operation timed out"
        case http.client.HTTPException():
            return f"connection closed: {cause!r}"
        case _:
            return f"{cause}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]) or None)
