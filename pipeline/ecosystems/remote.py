"""A file on a registry's file host, of which only the parts that are needed are fetched."""

from collections.abc import Callable

from pipeline import digests
from pipeline.ecosystems.base import Answer, Fetcher
from pipeline.ecosystems.drafting import bad_metadata, other_digest
from pipeline.model import Failed, Held

# Holds the directory and the metadata of most wheels, as both stand last. Of 24 real tools, 128 KiB were
# enough for 18, this for 21; each of the others costs a request more, which is dearer than the bytes.
TAIL_BYTES = 256 * 1024
# A wheel's list of files stands between its other metadata and the directory, is about as long as the
# directory, and is what makes the tail too short: so this much more is read along with a missing directory.
_LEAD_LIMIT = 1024 * 1024
# Holds the description of a gem, which stands first and is some kilobytes, also where it lists thousands of files.
HEAD_BYTES = 128 * 1024
# More than this of one file is never asked for, however far its parts lie apart.
SPAN_LIMIT = 16 * 1024 * 1024  # bytes
_OTHER = "the file's SHA-256 digest is not the one that the registry gives"


class NoAnswer(Exception):  # no error: it carries an expected outcome through zipfile
    """A part of the file could not be had; `outcome` says why."""

    def __init__(self, outcome: Failed | Held) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class RemoteFile:
    """A read-only binary file; what is read outside of its known parts is fetched first."""

    def __init__(self, size: int, tail: bytes, fetch: Callable[[int, int], bytes], *, head: bytes = b"") -> None:
        self.size = size
        self._fetch = fetch
        self._tail = len(tail)
        self._parts: list[tuple[int, bytes]] = [(size - len(tail), tail), (0, head)]
        self._at = 0

    def need(self, start: int, stop: int, /) -> None:
        """Fetch the bytes from `start` up to, but without, `stop`; raises `NoAnswer`."""
        stop = min(stop, self.size)
        if stop <= start or self._find(start, stop) is not None:
            return
        # A part that holds the end of what is needed is continued to the front.
        at, part = next((known for known in self._parts if known[0] < stop <= known[0] + len(known[1])), (stop, b""))
        if at == self.size - self._tail:
            start = max(0, start - min(at - start, _LEAD_LIMIT))
        if at - start > SPAN_LIMIT:
            message = f"{at - start} bytes of the file would have to be read, the limit is {SPAN_LIMIT}"
            raise NoAnswer(bad_metadata(message))
        self._parts.append((start, self._fetch(start, at - 1) + part))

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes from the current place; raises `NoAnswer`."""
        stop = self.size if size < 0 else min(self.size, self._at + size)
        start, self._at = self._at, max(stop, self._at)
        if stop <= start:
            return b""
        self.need(start, stop)
        at, part = self._find(start, stop) or (0, b"")
        return part[start - at : stop - at]

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to `offset` from the start (0), the current place (1) or the end (2)."""
        place = offset + (0, self._at, self.size)[whence]
        if place < 0:
            raise ValueError("a place before the start of the file")
        self._at = place
        return place

    def tell(self) -> int:
        """Return the current place."""
        return self._at

    def seekable(self) -> bool:
        """Return that it is."""
        return True

    def _find(self, start: int, stop: int) -> tuple[int, bytes] | None:
        return next(((at, part) for at, part in self._parts if at <= start and stop <= at + len(part)), None)


def open_remote(
    url: str, fetcher: Fetcher, *, size: int | None, sha256: str, pinned: str = ""
) -> tuple[RemoteFile, bool] | Failed | Held:
    """Return the file after one request for its end, and whether all of it was read and has that digest.

    A server that ignores ranges, or a file that is shorter than the tail, gives the whole. `pinned` as in `Fetcher`; a
    digest pins the content, too.
    """
    pinned = pinned or (f"sha256:{sha256}" if sha256 else "")
    tail = fetcher.get(url, tail_bytes=TAIL_BYTES, pinned=pinned)
    if not isinstance(tail, Answer):
        return tail
    total = len(tail.content) if tail.status == 200 else tail.total_size or size
    if total is None or len(tail.content) > total or size not in {None, total}:
        return bad_metadata(f"the file host says {total} bytes, the registry {size}")
    whole = len(tail.content) == total
    if whole and sha256 and digests.sha256(tail.content) != sha256:
        return other_digest(_OTHER)

    def fetch(first: int, last: int) -> bytes:
        return _span(fetcher.get(url, span=(first, last), pinned=pinned), first, last, total)

    return RemoteFile(total, tail.content, fetch), whole and bool(sha256)


def open_remote_head(url: str, fetcher: Fetcher, *, sha256: str) -> tuple[RemoteFile, bool] | Failed | Held:
    """Return the file after one request for its beginning, and whether all of it was read and has that digest."""
    pinned = f"sha256:{sha256}" if sha256 else ""
    head = fetcher.get(url, span=(0, HEAD_BYTES - 1), pinned=pinned)
    if not isinstance(head, Answer):
        return head
    total = len(head.content) if head.status == 200 else head.total_size
    if total is None or len(head.content) > total or len(head.content) < min(total, HEAD_BYTES):
        return bad_metadata("the file host gave another range than the one that was asked for")
    whole = len(head.content) == total
    if whole and sha256 and digests.sha256(head.content) != sha256:
        return other_digest(_OTHER)

    def fetch(first: int, last: int) -> bytes:
        return _span(fetcher.get(url, span=(first, last), pinned=pinned), first, last, total)

    return RemoteFile(total, b"", fetch, head=head.content), whole and bool(sha256)


def _span(answer: Answer | Failed | Held, first: int, last: int, total: int) -> bytes:
    if not isinstance(answer, Answer):
        raise NoAnswer(answer)
    content = answer.content[first : last + 1] if answer.status == 200 else answer.content
    if len(content) != last + 1 - first or (answer.status == 206 and answer.total_size not in {None, total}):
        raise NoAnswer(bad_metadata("the file host gave another range than the one that was asked for"))
    return content
