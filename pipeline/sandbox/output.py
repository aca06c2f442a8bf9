"""What is kept of a program's output: its head and its tail, however much it writes."""

import re
from collections import deque

# Enough for the longest real npm or uv report that was seen (some 20 kB) from either end.
KEEP_BYTES = 64 * 1024
# What the record of a phase holds; causes stand at the end of a report.
TAIL_CHARS = 4000

# ECMA-48 control sequences (colours, cursor), operating-system commands (titles, links), other escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


class HeadTail:
    """Keeps the first and the last `limit` bytes of a stream in bounded memory."""

    def __init__(self, limit: int = KEEP_BYTES) -> None:
        self._limit = limit
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.total = 0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        self.total += len(chunk)
        room = self._limit - len(self._head)
        self._head += chunk[:room]
        rest = chunk[room:][-self._limit :]
        if not rest:
            return
        self._tail.append(rest)
        self._tail_size += len(rest)
        while self._tail_size - len(self._tail[0]) >= self._limit:
            self._tail_size -= len(self._tail.popleft())

    def omitted(self) -> int:
        """Return how many bytes of the stream were not kept."""
        return self.total - len(self._head) - min(self._tail_size, self._limit)

    def content(self) -> bytes:
        """Return what was kept, with one line in place of what was not."""
        tail = b"".join(self._tail)[-self._limit :]
        omitted = self.omitted()
        gap = f"\n[... {omitted} bytes left out ...]\n".encode() if omitted else b""
        return bytes(self._head) + gap + tail


def printable(content: bytes) -> str:
    """Return text without control characters: escapes are dropped, a carriage return begins a new line."""
    text = content.decode("utf-8", errors="replace")
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}" for char in text)


def tail_of(text: str, limit: int = TAIL_CHARS) -> str:
    """Return the end of a text, at most `limit` characters, beginning with a whole line where there is one."""
    text = text.strip()
    if len(text) <= limit:
        return text
    cut = text[-(limit - 1) :]
    _, newline, whole_lines = cut.partition("\n")
    return "…" + (whole_lines if newline and len(whole_lines) > limit // 2 else cut)
