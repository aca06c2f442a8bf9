"""What came of a seeding, for people. Pure."""

from collections.abc import Iterator, Sequence

from pipeline.seeding.merge import Merged
from pipeline.text import counted

# Sources that are named of each kind; the queue has those that came into it.
NAMED = 20


def lines_of(merged: Merged) -> Iterator[str]:
    """Yield a line for each source that something came of, then what was there already."""
    added = [f"{entry.source}, rank {entry.rank}, priority {entry.priority}" for entry in merged.added]
    yield from _some("added", added)
    yield from _some("alternative", [f"{like.source} is the same tool as {like.of}" for like in merged.alternatives])
    doubtful = [f"{like.source}, like {like.of}: {like.why}" for like in merged.doubtful]
    yield from _some("doubtful", doubtful)
    yield from _some("refused", [f"{one.source}: {one.reason}: {one.message}" for one in merged.refused])
    if merged.known:
        yield f"{'known':<11} {counted(len(merged.known), 'source')} already"


def _some(word: str, told: Sequence[str]) -> Iterator[str]:
    yield from (f"{word:<11} {line}" for line in told[:NAMED])
    if len(told) > NAMED:
        yield f"{word:<11} and {len(told) - NAMED} more"
