"""The answers of registries by their digest, `build/answers/<ab>/<sha256>.gz`: what a replay reads."""

import gzip
import os
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from pipeline.config import ProvenanceConfig
from pipeline.digests import sha256
from pipeline.store import STAGING_SUFFIX, Paths, write_bytes

MIB = 1024 * 1024
# zlib's own choice. Of 17 MB of real answers it left 2.2 MB in 0.13 s of processor time; level 1: 2.6 MB, 0.08 s.
LEVEL = 6


class Lost(StrEnum):
    """Why an answer cannot be read again."""

    NOT_KEPT = "is not kept here"
    DAMAGED = "is damaged"


class Answers:
    """The store of one root. Whoever writes to it holds the root's lock; any number of threads may."""

    def __init__(self, paths: Paths, config: ProvenanceConfig) -> None:
        self._folder = paths.answers_folder
        self._config = config

    def keep(self, content: bytes) -> str:
        """Keep an answer, unless it is there already or larger than is kept; return its digest."""
        digest = sha256(content)
        if not self._config.answer_days or len(content) > self._config.largest_answer_mb * MIB:
            return digest
        path = place(self._folder, digest)
        if read(self._folder, digest, len(content)) == content:
            os.utime(path)
        else:
            write_bytes(path, gzip.compress(content, LEVEL, mtime=0))
        return digest

    def prune(self, now: datetime) -> int:
        """Remove what was not used for `answer_days`, and the longest unused beyond `answers_mb`; return how many."""
        oldest = (now - timedelta(days=self._config.answer_days)).timestamp()
        room = self._config.answers_mb * MIB
        removed = 0
        for used, size, path in sorted(_files(self._folder), reverse=True):
            room -= size
            if used < oldest or room < 0:
                path.unlink(missing_ok=True)
                removed += 1
        return removed


def read(folder: Path, digest: str, size: int) -> bytes | Lost:
    """Return an answer of so many bytes, or why it cannot be had; no more than that is ever unpacked."""
    try:
        with gzip.open(place(folder, digest)) as file:
            content = bytearray()
            # In pieces: the size comes from a file, and `read` makes room for all that it is asked for.
            while len(content) <= size and (piece := file.read(min(MIB, size + 1 - len(content)))):
                content += piece
    except FileNotFoundError:
        return Lost.NOT_KEPT
    except (OSError, EOFError, zlib.error):
        return Lost.DAMAGED
    return bytes(content) if len(content) == size and sha256(bytes(content)) == digest else Lost.DAMAGED


def place(folder: Path, digest: str) -> Path:
    """Return the file of an answer; 256 folders keep each of them short."""
    return folder / digest[:2] / f"{digest}.gz"


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield when each answer was last used, its size in bytes, and its file."""
    for path in folder.glob("??/*"):
        if path.suffix != STAGING_SUFFIX and not path.is_symlink() and path.is_file():
            status = path.stat()
            yield status.st_mtime, status.st_size, path
