"""Reading one file of a release where it lies: what it holds, in as few requests as its format allows.

A zip has a directory at its end: a request for that, and one for each program's first bytes unless they came along. A
tar archive has none and is read to its end, a request for each `SPAN_BYTES`: then its digest is compared, too. Of a
file that is the program itself, the first bytes are enough.
"""

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import msgspec

from pipeline import text
from pipeline.ecosystems.base import Answer, Fetcher
from pipeline.ecosystems.drafting import bad_metadata, other_digest
from pipeline.ecosystems.remote import NoAnswer, open_remote
from pipeline.model import Artifact, Category, Failed, Held, Skipped, Subcategory
from pipeline.releases.archives import list_tar, list_zip
from pipeline.releases.layout import Layout, NoLayout, layout_of
from pipeline.releases.programs import HEAD_BYTES, read_program
from pipeline.zipped import Broken

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Most tools' archives are smaller than one span; what is larger than the limit is a suite rather than a tool.
SPAN_BYTES: Final = 8 * 1024 * 1024
ARCHIVE_LIMIT: Final = 64 * 1024 * 1024


class ReadFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds, and whether all of it was read and has the digest that is given for it."""

    layout: Layout
    digest_checked: bool


def read_release_file(
    artifact: Artifact, form: str, product: str, version: str, fetcher: Fetcher
) -> ReadFile | Skipped | Failed | Held:
    """Return what a release's file holds. `product` is what a file that is the program itself is installed as."""
    try:
        match form:
            case "binary":
                return _read_bare(artifact, product, fetcher)
            case "zip":
                return _read_zip(artifact, version, fetcher)
            case _:
                return _read_tar(artifact, form, version, fetcher)
    except NoAnswer as stopped:
        return stopped.outcome


def _read_bare(artifact: Artifact, product: str, fetcher: Fetcher) -> ReadFile | Skipped | Failed | Held:
    answer = fetcher.get(artifact.url, span=(0, min(HEAD_BYTES, artifact.size or HEAD_BYTES) - 1))
    if not isinstance(answer, Answer):
        return answer
    program = read_program(answer.content[:HEAD_BYTES])
    if program is None:
        message = f"{artifact.name} is neither a program nor a script"
        return Skipped(subcategory=Subcategory.NO_EXECUTABLES, message=message)
    layout = Layout(strip_dirs=0, binaries={product: product}, main=program, left=0)
    return ReadFile(layout=layout, digest_checked=False)


def _read_zip(artifact: Artifact, version: str, fetcher: Fetcher) -> ReadFile | Skipped | Failed | Held:
    sha256 = artifact.digest.removeprefix("sha256:") if artifact.digest.startswith("sha256:") else ""
    opened = open_remote(artifact.url, fetcher, size=artifact.size, sha256=sha256)
    if isinstance(opened, Failed | Held):
        return opened
    file, checked = opened
    members = list_zip(file)
    if isinstance(members, Broken):
        return bad_metadata(f"{artifact.name}: {members.message}")
    return _laid_out(artifact, layout_of(members, version), digest_checked=checked)


def _read_tar(artifact: Artifact, form: str, version: str, fetcher: Fetcher) -> ReadFile | Skipped | Failed | Held:
    if (artifact.size or 0) > ARCHIVE_LIMIT:
        return Failed(
            category=Category.GENERATION_FAILED,
            subcategory=Subcategory.ANSWER_TOO_LARGE,
            transient=False,
            message=f"{artifact.name} has {artifact.size} bytes; of a tar archive up to {ARCHIVE_LIMIT} are read",
        )
    spans = _Spans(artifact, fetcher)
    members = list_tar(cast("BinaryIO", io.BufferedReader(spans)), form)
    spans.drain()
    if spans.digest and spans.digest != artifact.digest:
        return other_digest(f"the digest of {artifact.name} is not the one that the release gives")
    if isinstance(members, Broken):
        return bad_metadata(f"{artifact.name}: {members.message}")
    return _laid_out(artifact, layout_of(members, version), digest_checked=bool(spans.digest))


def _laid_out(artifact: Artifact, layout: Layout | NoLayout, *, digest_checked: bool) -> ReadFile | Skipped:
    if isinstance(layout, NoLayout):
        # A stranger named the members.
        message = text.one_line(f"{artifact.name} {layout.message}"[:600])
        return Skipped(subcategory=layout.subcategory, message=message)
    return ReadFile(layout=layout, digest_checked=digest_checked)


class _Spans(io.RawIOBase):
    """A file read from front to back, a request for each span; raises `NoAnswer`."""

    def __init__(self, artifact: Artifact, fetcher: Fetcher) -> None:
        self._artifact, self._fetcher = artifact, fetcher
        algorithm = artifact.digest.partition(":")[0]
        self._hash = hashlib.new(algorithm) if algorithm in {"sha256", "sha512"} else None
        self._algorithm = algorithm
        self._held = b""
        self._at = 0
        self._total: int | None = None

    @property
    def digest(self) -> str:
        """Return `algorithm:hexadecimal` of what was read, "" when there is none to be compared with."""
        return f"{self._algorithm}:{self._hash.hexdigest()}" if self._hash is not None else ""

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill the buffer as far as the span at hand goes; 0 is the end."""
        if not self._held:
            self._held = self._next()
        room = memoryview(buffer).cast("B")
        size = min(len(room), len(self._held))
        room[:size] = self._held[:size]
        self._held = self._held[size:]
        return size

    def drain(self) -> None:
        """Read what is left, so that the digest is that of the whole."""
        while self._next():
            pass

    def _next(self) -> bytes:
        if self._total is not None and self._at >= self._total:
            return b""
        answer = self._fetcher.get(self._artifact.url, span=(self._at, self._last()))
        if not isinstance(answer, Answer):
            raise NoAnswer(answer)
        # A server that ignores ranges sends all of it at the first request.
        total = len(answer.content) if answer.status == 200 else answer.total_size
        if total is None or total > ARCHIVE_LIMIT or self._artifact.size not in {None, total} or not answer.content:
            raise NoAnswer(bad_metadata(f"the file host says {total} bytes, the release {self._artifact.size}"))
        if self._total is not None and (answer.status == 200 or total != self._total):
            raise NoAnswer(bad_metadata("the file host gave another range than the one that was asked for"))
        self._total = total
        self._at += len(answer.content)
        if self._hash is not None:
            self._hash.update(answer.content)
        return answer.content

    def _last(self) -> int:
        end = self._total if self._total is not None else self._artifact.size
        last = self._at + SPAN_BYTES - 1
        return last if end is None else min(last, end - 1)
