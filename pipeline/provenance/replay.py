"""A batch made again from its recorded answers, and compared byte for byte; nothing is asked and nothing written."""

import difflib
from enum import StrEnum

import msgspec

from pipeline.checks import shorten
from pipeline.constraints import derive
from pipeline.digests import sha256
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Answer, Draft, range_header
from pipeline.merging import final_text
from pipeline.model import Failed, Gate, Held, Recipe, WorkOrder
from pipeline.provenance.addresses import public
from pipeline.provenance.answers import Lost, read
from pipeline.provenance.recorded import RecordedAnswer, Told, recorded
from pipeline.recipe import recipe_path, render
from pipeline.source import ecosystem_of
from pipeline.store import Paths, is_there, read_bytes

# Lines of a difference that are shown, and characters of each.
DIFF_LINES, DIFF_WIDTH = 20, 120
# Bytes of a recipe that are compared line by line; recipes have a few hundred.
LARGEST_COMPARED = 64 * 1024


class Ending(StrEnum):
    """What came of making a recipe again."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_REPLAYED = "not_replayed"


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """One recipe; `reason` is "" when its bytes are the same, `difference` a short unified diff if there is one."""

    path: str
    sha256: str
    ending: Ending
    source: str = ""
    reason: str = ""
    difference: list[str] = []


class RecordedFetcher:
    """Implements `Fetcher` from recorded answers. What it cannot answer it holds, and says why in `trouble`."""

    def __init__(self, paths: Paths, answers: list[RecordedAnswer]) -> None:
        self._folder = paths.answers_folder
        self._answers = {(each.url, each.notes.accept, each.notes.range): each for each in answers}
        self.trouble: tuple[Ending, str] | None = None

    def get(
        self, url: str, *, accept: str = "", tail_bytes: int = 0, span: tuple[int, int] | None = None, pinned: str = ""
    ) -> Answer | Failed | Held:
        """Return the answer that was given to this request, from the store."""
        del pinned  # what was answered stands, however it was come by
        part = range_header(tail_bytes, span)
        answer = self._answers.get((public(url), accept, part))
        if answer is None:
            what = f"{part} of " if part else ""
            return self._held(Ending.DIFFERENT, f"it asks for {what}{shorten(public(url))}, which it did not ask then")
        if answer.notes.failed is not None:
            return answer.notes.failed
        if answer.sha256 is None:
            return self._held(Ending.NOT_REPLAYED, f"the statement gives {shorten(answer.url)} no digest")
        content = read(self._folder, answer.sha256, answer.notes.size)
        if isinstance(content, Lost):
            told = f"the answer {answer.sha256} of {shorten(answer.url)} {content}"
            return self._held(Ending.NOT_REPLAYED, told)
        notes = answer.notes
        return Answer(url=url, status=notes.status, content=content, total_size=notes.total_size, stale=notes.stale)

    def _held(self, ending: Ending, reason: str) -> Held:
        self.trouble = self.trouble or (ending, reason)
        # Every ecosystem passes on at once what control holds back.
        return Held(gate=Gate.PIPELINE_DISABLED, message=reason)


def replay(paths: Paths, batch_id: str) -> list[Replayed]:
    """Make each recipe of a batch again, in the batch's order; raises as `recorded` does."""
    kept = recorded(paths, batch_id)
    replayed = [_replayed(paths, path, digest, kept.told.get(path)) for path, digest in kept.files.items()]
    return replayed if kept.published else [_held_against_file(paths, each) for each in replayed]


def _held_against_file(paths: Paths, replayed: Replayed) -> Replayed:
    """Say that a recipe of the payload, which was made again as it was, is not what lies there now."""
    place = paths.payload_files / replayed.path
    now = read_bytes(place, purpose="recipe") if is_there(place) else None
    if replayed.ending is not Ending.SAME or (now is not None and sha256(now) == replayed.sha256):
        return replayed
    reason = "its file in the payload is not there any more" if now is None else "its file in the payload was changed"
    return _with(replayed, ending=Ending.DIFFERENT, reason=reason)


def _replayed(paths: Paths, path: str, digest: str, told: Told | None) -> Replayed:
    known = Replayed(path=path, sha256=digest, ending=Ending.NOT_REPLAYED)
    if told is None:
        return _with(known, reason="no statement of it is kept here")
    known = _with(known, source=told.definition.external_parameters.source)
    objection = _objection(told, digest)
    if objection:
        return _with(known, reason=objection)
    published = _bytes_of(paths, path, told.replaces) if told.replaces else None
    if told.replaces and published is None:
        return _with(known, reason=f"the recipe {told.replaces} that it replaced is not kept here")
    fetcher = RecordedFetcher(paths, told.answers)
    asked = told.definition.external_parameters
    order = WorkOrder(source=asked.source, name=asked.name, heavy=asked.heavy, after=asked.after)
    ecosystem = ECOSYSTEMS[ecosystem_of(asked.source)]
    made = ecosystem.make(order, registry=asked.registry, fetcher=fetcher, now=told.now)
    if fetcher.trouble is not None:
        ending, reason = fetcher.trouble
        return _with(known, ending=ending, reason=reason)
    different = _with(known, ending=Ending.DIFFERENT)
    if not isinstance(made, Draft):
        return _with(different, reason=f"there is no recipe now: {shorten(made.message)}")
    return _compared(paths, different, told, made.recipe, published)


def _objection(told: Told, digest: str) -> str:
    """Return why a recipe cannot be made again by this code, or ""."""
    asked = told.definition.external_parameters
    ecosystem = ecosystem_of(asked.source)
    module = ECOSYSTEMS.get(ecosystem)
    then = told.definition.internal_parameters.generator_revision
    requests = [(each.url, each.notes.accept, each.notes.range) for each in told.answers]
    if told.sha256 != digest:
        return f"the statement is about other bytes, {told.sha256}"
    if module is None:
        return f"there is no generator of {ecosystem} here"
    if not asked.registry:
        return "its generator, a program of its own, noted no answers"
    if then != module.REVISION:
        return f"revision {then} of the {ecosystem} generator made it, here is revision {module.REVISION}"
    if len(set(requests)) != len(requests):
        return "two of its answers have one address"
    return ""


def _compared(paths: Paths, different: Replayed, told: Told, recipe: Recipe, published: bytes | None) -> Replayed:
    """Merge what was measured into the recipe, as `constrain` did, and compare."""
    derived = derive(told.statuses, predictions=told.definition.internal_parameters.predictions, reasons=told.reasons)
    before = None if published is None else published.decode(errors="surrogateescape")
    text, refusal = final_text(recipe, render(recipe), before, derived, told.verify)
    content = text.encode(errors="surrogateescape")
    if refusal:
        return _with(different, reason=refusal)
    if recipe_path(recipe.name) != told.path:
        return _with(different, reason=f"it would be {recipe_path(recipe.name)}")
    if sha256(content) == told.sha256:
        return _with(different, ending=Ending.SAME)
    then = _bytes_of(paths, told.path, told.sha256)
    reason = f"its digest is {sha256(content)} now"
    return _with(different, reason=reason, difference=_difference(then, content) if then is not None else [])


def _bytes_of(paths: Paths, path: str, digest: str) -> bytes | None:
    """Return the bytes of a recipe by their digest, from where they may be: replaced, in use, in the payload."""
    for place in (paths.replaced(digest), paths.recipe(path), paths.payload_files / path):
        content = read_bytes(place, purpose="recipe") if is_there(place) else None
        if content is not None and sha256(content) == digest:
            return content
    return None


def _difference(then: bytes, now: bytes) -> list[str]:
    if max(len(then), len(now)) > LARGEST_COMPARED:
        return []
    before, after = (content.decode(errors="replace").splitlines() for content in (then, now))
    lines = list(difflib.unified_diff(before, after, "then", "now", n=1, lineterm=""))
    more = [f"... and {len(lines) - DIFF_LINES} lines more"] if len(lines) > DIFF_LINES else []
    return [shorten(line, DIFF_WIDTH) for line in lines[:DIFF_LINES]] + more


def _with(known: Replayed, **changes: object) -> Replayed:
    return msgspec.structs.replace(known, **changes)
