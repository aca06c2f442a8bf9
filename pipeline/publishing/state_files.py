"""The files of the state below a root: which they are, read, joined with those of others, and written."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from pipeline.config import Config
from pipeline.history.ledger import WAITING
from pipeline.model import Control, Queue
from pipeline.publishing.joining import joined_control, joined_ledger, joined_lines, joined_queue, newest
from pipeline.state import control_file
from pipeline.store import STAGING_SUFFIX, Paths, decode, read_bytes, write_bytes

# Content by path below the root.
Files = Mapping[str, bytes]


class StateFiles:
    """The state of one root: `data/`, the control file and the queue. Whoever writes it holds the root's lock."""

    def __init__(self, paths: Paths, config: Config) -> None:
        self._paths = paths
        self.control = self._below(paths.control)
        self.queue = self._below(paths.root / config.queue)
        self._ledger = self._below(paths.ledger)
        self._orders = self._below(paths.pull_requests_folder)
        self.places = tuple(dict.fromkeys((self._below(paths.data), self.control, self.queue)))

    @property
    def edited(self) -> tuple[str, str]:
        """The files that people change on the base branch, too."""
        return self.queue, self.control

    def read(self) -> dict[str, bytes]:
        """Return the files of the state by their path below the root; links are nobody's state."""
        files: list[Path] = []
        for name in self.places:
            place = self._paths.root / name
            files += sorted(place.rglob("*")) if place.is_dir() else [place]
        return {
            self._below(path): read_bytes(path, purpose="state")
            for path in files
            if path.is_file() and not path.is_symlink() and path.suffix != STAGING_SUFFIX
        }

    def joined(self, before: Files, ours: Files, theirs: Files) -> dict[str, bytes]:
        """Return one state of two; raises `PipelineError` when that cannot be, and `BadInput` for a damaged file.

        What is gone on one side is not gone for good, but for the order of a pull request that no batch waits for.
        """
        ledger, published = joined_ledger(ours.get(self._ledger, b""), theirs.get(self._ledger, b""))
        found = {self._ledger: ledger} if ledger else {}
        waiting = {entry.batch_id for entry in newest(ledger) if entry.state in WAITING}
        for path in sorted({*ours, *theirs} - {self._ledger}):
            mine, other, old = ours.get(path), theirs.get(path), before.get(path)
            if path.endswith(".jsonl"):
                found[path] = joined_lines(mine or b"", other or b"", published)
            elif mine is not None and other is not None:
                found[path] = self._chosen(path, old, mine, other)
            elif not (
                self._is_order(path) and PurePosixPath(path).stem not in waiting and old in {mine, other} - {None}
            ):
                found[path] = mine if mine is not None else other or b""
        return found

    def with_edits(self, before: Files, base: Files, state: Files) -> dict[str, bytes]:
        """Return the state with what people have changed on the base branch since `before`: what they say counts."""
        found = dict(state)
        for path in self.edited:
            old, new, known = before.get(path), base.get(path), state.get(path)
            if new is None or new == old:
                continue
            if known is None:
                found[path] = new
            elif path == self.control:
                found[path] = joined_control(old, new, known, edits_only=True)
            else:
                found[path] = joined_queue(old, new, known, ours_count=old is not None)
        return found

    def write(self, wanted: Files, known: Files) -> bool:
        """Have the root hold a state; return whether it was another one.

        The ledger comes last: what it says of a batch is true only once the other files say so, too.
        """
        for path, kind in ((self.queue, Queue), (self.control, Control)):
            if wanted.get(path) != known.get(path):
                decode(wanted[path], kind, place=f"{path}, as others have saved it")
        for path in sorted(wanted, key=lambda path: (path == self._ledger, path == self.queue, path)):
            if wanted[path] != known.get(path):
                self._write(path, known.get(path), wanted[path])
        gone = [path for path in known if path not in wanted]
        for path in gone:
            (self._paths.root / path).unlink(missing_ok=True)
        return bool(gone) or any(wanted[path] != known.get(path) for path in wanted)

    def _write(self, path: str, known: bytes | None, content: bytes) -> None:
        if path == self.control:
            control_file.replaced(self._paths, expected=known, content=content)
        else:
            write_bytes((self._paths.root / path).resolve(), content)

    def _chosen(self, path: str, old: bytes | None, mine: bytes, other: bytes) -> bytes:
        """Return one file of two. Of a file that is written whole, theirs counts: ours is written anew if need be."""
        if path == self.queue:
            self._refuse_damaged(path, mine, other, Queue)
            return joined_queue(old, mine, other, ours_count=False)
        if path == self.control:
            self._refuse_damaged(path, mine, other, Control)
            return joined_control(old, mine, other)
        return mine if other == old else other

    def _is_order(self, path: str) -> bool:
        return PurePosixPath(path).parent == PurePosixPath(self._orders)

    def _refuse_damaged(self, path: str, mine: bytes, other: bytes, kind: type[msgspec.Struct]) -> None:
        decode(mine, kind, place=str(self._paths.root / path))
        decode(other, kind, place=f"{path} on the state branch")

    def _below(self, path: Path) -> str:
        return path.relative_to(self._paths.root).as_posix()
