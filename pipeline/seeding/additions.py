"""What people add to the queue by name: all of it, or nothing and why. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from pipeline import text
from pipeline.checks import nearest, shorten
from pipeline.errors import BadInput, Defect, PipelineError, UnknownName
from pipeline.model import Confidence, EntryStatus, Queue, QueueEntry
from pipeline.seeding.naming import Reason, Refused, Rules, refusal, tool_name
from pipeline.source import ecosystem_of

PLACE = "doit add"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a person names; `name` ("": as the source says) is for a single source."""

    sources: Sequence[str]
    name: str = ""
    priority: int = 2
    heavy: bool = False


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; `known` were in the queue before, and are as they were."""

    dry_run: bool
    added: list[QueueEntry]
    known: list[QueueEntry]


def additions(
    queue: Queue, asked: Asked, rules: Rules, ecosystems: Mapping[str, bool], *, at: str, dry_run: bool
) -> Added:
    """Return what is new and what is known; raises `BadInput` or `UnknownName` for the first that is wrong."""
    sources = list(dict.fromkeys(asked.sources))
    if not sources:
        raise _bad("names no source", "name them: `doit add npm:prettier`")
    if asked.name and len(sources) > 1:
        raise _bad(f"--name is for one source, got {len(sources)}", "add the others in a call of their own")
    there = {entry.source: entry for entry in reversed(queue.entries)}
    taken = {text.kebab(entry.name): entry for entry in queue.entries if entry.status is not EntryStatus.EXCLUDED}
    done = Added(dry_run=dry_run, added=[], known=[])
    for source in sources:
        if source in there:
            done.known.append(there[source])
            continue
        name = asked.name or tool_name(source)
        refused = refusal(source, name, rules, ecosystems)
        if refused is not None:
            raise _of(refused, source, ecosystems)
        other = taken.get(text.kebab(name))
        if other is not None:
            raise _same_name(source, name, other)
        entry = _entry(source, name, asked, at)
        taken[text.kebab(name)] = entry
        done.added.append(entry)
    return done


def _entry(source: str, name: str, asked: Asked, at: str) -> QueueEntry:
    return QueueEntry(
        name=name,
        source=source,
        priority=asked.priority,
        status=EntryStatus.PENDING,
        confidence=Confidence.CURATED,
        disambiguated_at=at,
        heavy=asked.heavy,
        added_at=at,
    )


def _of(refused: Refused, source: str, ecosystems: Mapping[str, bool]) -> PipelineError:
    if refused.reason is Reason.UNKNOWN_ECOSYSTEM:
        close = nearest(ecosystem_of(source), ecosystems)
        return UnknownName(refused.message, remedy=f"did you mean {close}?" if close else refused.remedy)
    remedy = "give it one with --name" if refused.reason is Reason.BAD_NAME else refused.remedy
    return _bad(f"{shorten(source)}: {refused.message}", remedy)


def _same_name(source: str, name: str, other: QueueEntry) -> BadInput:
    rule = f"{shorten(source)}: its recipe would be that of {other.source}: both are called {text.kebab(name)}"
    return _bad(rule, f"call it otherwise with --name, or set the status of {other.source} to excluded first")


def _bad(rule: str, remedy: str) -> BadInput:
    return BadInput(PLACE, Defect(pointer="", rule=rule, remedy=remedy))
