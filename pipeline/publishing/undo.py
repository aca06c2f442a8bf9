"""What a rollback does to the recipes of a batch, found out before anything is done."""

from collections.abc import Collection

import msgspec

from pipeline.body import BODY_LIMIT, fit
from pipeline.digests import sha256
from pipeline.errors import PipelineError
from pipeline.history.ledger import later_batch, owner
from pipeline.model import AutoMerge, LedgerEntry, LedgerFile, Payload, PayloadFile
from pipeline.payload import BODY_FILE, COMMIT_MESSAGE_FILE
from pipeline.publishing.books import Books
from pipeline.publishing.destination import Destination
from pipeline.store import is_there, read_bytes

BRANCH_PREFIX = "rollback/"
# Characters for all but the rows of the table, and for the ends of their lines.
_FRAME_ROOM = 6_000


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe that is neither what the batch made nor what it replaced; digests, None where there is no file."""

    path: str
    found: str | None
    expected: str
    by: str | None

    def words(self) -> str:
        """Return what was found and what was expected."""
        found = f"found {self.found[:12]}" if self.found else "found none"
        whose = f" of batch {self.by}" if self.by else ""
        return f"{self.path} ({found}{whose}, expected {self.expected[:12]})"


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """The recipes to write, with their bytes, and those to remove, by path; both in the order of the batch."""

    restored: dict[str, bytes] = {}
    removed: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the batch is in use."""
        return not self.restored and not self.removed


def undo_of(
    books: Books,
    destination: Destination,
    entry: LedgerEntry,
    files: list[LedgerFile],
    *,
    merged: bool,
    settled: Collection[str],
) -> Undo:
    """Return what takes some recipes of a batch out of use again.

    `settled` names the sources that were rolled back before: what has come in their place since is left alone, as is
    everything where the batch was not `merged`. Raises `PipelineError`, with all of them, when others were changed.
    """
    batches = list(books.ledger.entries().values())
    undo = Undo()
    changed: list[Changed] = []
    for file in files:
        content = destination.current(file.path)
        found = sha256(content) if content is not None else None
        if found == file.previous_sha256:
            continue
        by = later_batch(batches, file.path, found) if found else None
        if found == file.sha256 and owner(batches, file, entry.batch_id) == entry.batch_id:
            if file.previous_sha256 is None:
                undo.removed.append(file.path)
            else:
                undo.restored[file.path] = _kept(books, file, file.previous_sha256)
        elif merged and file.source not in settled:
            changed.append(Changed(path=file.path, found=found, expected=file.sha256, by=by))
    if changed:
        raise PipelineError(
            f"nothing was rolled back, as these recipes were changed since {entry.batch_id} was merged: "
            + ", ".join(each.words() for each in changed),
            remedy=_remedy(changed),
        )
    return undo


def _remedy(changed: Collection[Changed]) -> str:
    """Return what to do about recipes that were changed since: whose they are by now decides."""
    later = sorted({each.by for each in changed if each.by is not None})
    edited = [each.path for each in changed if each.by is None and each.found is not None]
    todo = [f"roll back {', '.join(later)} first"] if later else []
    if edited:
        todo.append(f"edit or remove by hand what a person has edited ({', '.join(edited)})")
    return f"{', '.join([*todo, ''])}or name the others with --source" if todo else "name the others with --source"


def payload_of(entry: LedgerEntry, files: list[LedgerFile], undo: Undo, labels: list[str]) -> Payload:
    """Return the pull request of a rollback."""
    count = len(undo.restored) + len(undo.removed)
    return Payload(
        batch_id=entry.batch_id,
        branch=f"{BRANCH_PREFIX}{entry.batch_id}",
        title=f"Roll back {count} recipe{'' if count == 1 else 's'} of {entry.batch_id}",
        labels=labels,
        body_file=BODY_FILE,
        commit_message_file=COMMIT_MESSAGE_FILE,
        files=[PayloadFile(path=path, sha256=sha256(content)) for path, content in undo.restored.items()],
        removed=undo.removed,
        included=[file.source for file in files],
        excluded=[],
        platforms={},
        auto_merge=AutoMerge(allowed=False, reasons=["a rollback is for a person to look at"]),
    )


def message_of(payload: Payload, entry: LedgerEntry) -> str:
    """Return the commit message of a rollback."""
    removed = [f"- remove {path}" for path in payload.removed]
    restored = [f"- restore {file.path} as it was before ({file.sha256[:12]})" for file in payload.files]
    return "\n".join([payload.title, "", f"Published in {entry.batch_id}.", "", *removed, *restored, ""])


def body_of(payload: Payload, entry: LedgerEntry) -> str:
    """Return the text of the pull request of a rollback, as Markdown."""
    rows = [f"| `{path}` | removed |" for path in payload.removed]
    rows += [f"| `{file.path}` | restored, `{file.sha256[:12]}` |" for file in payload.files]
    shown, missing = fit(rows, BODY_LIMIT - _FRAME_ROOM)
    return "\n".join(
        [
            f"# {payload.title}",
            "",
            f"Batch {entry.batch_id} was published at {entry.published_at}. This takes recipes of it out of use again:",
            "",
            "| recipe | what happens |",
            "|---|---|",
            *shown,
            *([f"| and {missing} more | the commit's message names all |"] if missing else []),
            "",
            "The packages are not made again until somebody asks for it: `doit requeue SOURCE`.",
            "",
        ]
    )


def _kept(books: Books, file: LedgerFile, previous: str) -> bytes:
    """Return the bytes that a recipe replaced; raises `PipelineError` when they were not kept."""
    place = books.paths.replaced(previous)
    content = read_bytes(place, purpose="replaced recipe") if is_there(place) else b""
    if sha256(content) != previous:
        raise PipelineError(
            f"{place}: the recipe that {file.path} replaced is not there as it was",
            remedy=f"put the version with the SHA-256 {previous[:12]} there (see the history of {file.path})",
        )
    return content
