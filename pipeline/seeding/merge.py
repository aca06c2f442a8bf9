"""Proposals laid over the queue: what is new, what is known, what is the same tool elsewhere, what is refused. Pure.

A tool is known by its repository, else by its name; never by how often it is downloaded. Nothing that stands in the
queue is moved or lost, and of what is there only `alternatives` grow.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pipeline import text
from pipeline.model import Confidence, EntryStatus, Queue, QueueEntry
from pipeline.seeding.base import Proposal
from pipeline.seeding.naming import Reason, Refused, Rules, home_of, refusal, repository_key, tool_name
from pipeline.seeding.published import Published
from pipeline.source import ecosystem_of

OTHER_REPOSITORY = "has another repository"
UNKNOWN_REPOSITORY = "of one of the two the repository is not known"
SHARED_REPOSITORY = "several packages are made from its repository"
IN_DOUBT = "what has its repository waits for a person too"


class Alike(msgspec.Struct, frozen=True, kw_only=True):
    """A source that is like another, `of`, which stands in the queue or has a recipe; `why` says what is doubtful."""

    source: str
    of: str
    why: str = ""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What came of some proposals: each of them is in exactly one of the lists.

    `added` are new and to be tried, `doubtful` new and for a person. `alternatives` are the same tool as what is there.
    """

    queue: Queue
    added: list[QueueEntry]
    doubtful: list[Alike]
    alternatives: list[Alike]
    known: list[str]
    refused: list[Refused]


class _Tool(msgspec.Struct, frozen=True):
    """Something that stands already; `position` is that of its entry, None for a recipe without one."""

    source: str
    recipe: str
    repository: str
    position: int | None
    settled: bool


class _Shelf:
    """All that stands already, by name and by repository; it grows as proposals are taken."""

    def __init__(self) -> None:
        self.sources: set[str] = set()
        self._by_name: dict[str, list[_Tool]] = defaultdict(list)
        self._by_repository: dict[str, list[_Tool]] = defaultdict(list)

    def put(self, tool: _Tool) -> None:
        self.sources.add(tool.source)
        self._by_name[tool.recipe].append(tool)
        if tool.repository:
            self._by_repository[tool.repository].append(tool)

    def same_repository(self, recipe: str, repository: str, ecosystem: str) -> tuple[list[_Tool], bool]:
        """Return what is made from a repository, and whether by that name; in one registry, names alone tell apart."""
        there = self._by_repository.get(repository, []) if repository else []
        named = [tool for tool in there if tool.recipe == recipe]
        others = [tool for tool in there if ecosystem_of(tool.source) != ecosystem]
        return _settled(named or others), bool(named)

    def same_name(self, recipe: str) -> list[_Tool]:
        return _settled(self._by_name.get(recipe, []))


class Seedbed(msgspec.Struct, frozen=True, kw_only=True):
    """What proposals are laid over.

    `repositories` are those of sources that were read before, `bands` the last ranks of priority 1 and 2; `rules` and
    `ecosystems` as for `refusal`. `at` is the time of what is added.
    """

    queue: Queue
    published: Sequence[Published]
    repositories: Mapping[str, str]
    rules: Rules
    ecosystems: Mapping[str, bool]
    bands: Sequence[int]
    at: str


def merge(bed: Seedbed, proposals: Iterable[Proposal]) -> Merged:
    """Return the queue with what is new at its end, and what became of each proposal, whatever their order.

    Within a registry the more popular one comes first; those of two registries are not compared.
    """
    entries = list(bed.queue.entries)
    shelf = _shelf(bed)
    done = Merged(queue=bed.queue, added=[], doubtful=[], alternatives=[], known=[], refused=[])
    chosen = _once(proposals, done.refused)
    crowd = _crowd(bed, chosen)
    late: list[tuple[Proposal, str]] = []
    for proposal in chosen:
        name = tool_name(proposal.source)
        refused = refusal(proposal.source, name, bed.rules, bed.ecosystems)
        if refused is not None:
            done.refused.append(refused)
        elif proposal.source in shelf.sources:
            done.known.append(proposal.source)
        elif _may_find_an_entry(proposal, name, shelf):
            late.append((proposal, name))
        else:
            _take(proposal, name, bed, entries, shelf, crowd, done)
    for proposal, name in late:
        _take(proposal, name, bed, entries, shelf, crowd, done)
    changed = entries != bed.queue.entries
    queue = msgspec.structs.replace(bed.queue, entries=entries, updated_at=bed.at) if changed else bed.queue
    new = entries[len(bed.queue.entries) :]
    added = [entry for entry in new if entry.status is EntryStatus.PENDING]
    return msgspec.structs.replace(done, queue=queue, added=added)


def _may_find_an_entry(proposal: Proposal, name: str, shelf: _Shelf) -> bool:
    """Return whether all that has a proposal's repository so far are recipes of other names, without an entry.

    An entry of its name, which may come with these proposals, is nearer; and only entries keep their alternatives.
    """
    ecosystem = ecosystem_of(proposal.source)
    alike, by_name = shelf.same_repository(text.kebab(name), _repository(proposal), ecosystem)
    return not by_name and bool(alike) and all(tool.position is None for tool in alike)


def _take(
    proposal: Proposal,
    name: str,
    bed: Seedbed,
    entries: list[QueueEntry],
    shelf: _Shelf,
    crowd: Counter[tuple[str, str]],
    done: Merged,
) -> None:
    """Find out what a proposal that is not known is, and note it."""
    ecosystem, recipe = ecosystem_of(proposal.source), text.kebab(name)
    repository = _repository(proposal)
    alike, by_name = shelf.same_repository(recipe, repository, ecosystem)
    alone = len(alike) == 1 and crowd[ecosystem, repository] == 1
    if alike and alike[0].settled and (by_name or alone):
        _add_alternative(proposal.source, alike[0], entries, shelf, done)
        return
    if alike:
        why = SHARED_REPOSITORY if alike[0].settled else IN_DOUBT
    else:
        alike = shelf.same_name(recipe)
        both = bool(repository) and all(tool.repository for tool in alike)
        why = OTHER_REPOSITORY if both else UNKNOWN_REPOSITORY
    shelf.put(_Tool(proposal.source, recipe, repository, len(entries), not alike))
    entries.append(_entry(proposal, name, bed, alike))
    if alike:
        done.doubtful.append(Alike(source=proposal.source, of=alike[0].source or alike[0].recipe, why=why))


def _add_alternative(source: str, tool: _Tool, entries: list[QueueEntry], shelf: _Shelf, done: Merged) -> None:
    shelf.sources.add(source)
    if tool.position is not None:
        entry = entries[tool.position]
        entries[tool.position] = msgspec.structs.replace(entry, alternatives=[*entry.alternatives, source])
    done.alternatives.append(Alike(source=source, of=tool.source or tool.recipe))


def _entry(proposal: Proposal, name: str, bed: Seedbed, alike: Sequence[_Tool]) -> QueueEntry:
    repository = text.repository(proposal.repository)
    return QueueEntry(
        name=name,
        source=proposal.source,
        priority=min(3, 1 + sum(proposal.rank > last for last in bed.bands)),
        status=EntryStatus.REQUIRES_MANUAL if alike else EntryStatus.PENDING,
        confidence=Confidence.DOUBTFUL if alike else Confidence.AUTO,
        added_at=bed.at,
        rank=proposal.rank,
        repository=repository,
        alternatives=[tool.source for tool in alike if tool.source],
    )


def _shelf(bed: Seedbed) -> _Shelf:
    """Return what stands: entries, then recipes that none of them has made. A doubtful one has no alternatives yet."""
    shelf = _Shelf()
    for position, entry in enumerate(bed.queue.entries):
        if entry.source in shelf.sources:  # a second entry is never worked on
            continue
        address = entry.repository or bed.repositories.get(entry.source, "")
        repository = repository_key(address) or repository_key(home_of(entry.source))
        settled = entry.confidence != Confidence.DOUBTFUL
        shelf.put(_Tool(entry.source, text.kebab(entry.name), repository, position, settled))
    for entry in bed.queue.entries:
        if entry.confidence != Confidence.DOUBTFUL:
            shelf.sources.update(entry.alternatives)
    for recipe in bed.published:
        if not any(tool.source == recipe.source for tool in shelf.same_name(recipe.name)):
            repository = repository_key(recipe.homepage) or repository_key(home_of(recipe.source))
            shelf.put(_Tool(recipe.source, recipe.name, repository, None, settled=True))
    shelf.sources.discard("")
    return shelf


def _once(proposals: Iterable[Proposal], refused: list[Refused]) -> list[Proposal]:
    """Return each source once, at its best rank, in one order."""
    first: dict[str, Proposal] = {}
    for proposal in sorted(proposals, key=_order):
        if proposal.source in first:
            message = f"offered a second time, at rank {proposal.rank}"
            source = text.one_line(proposal.source[:300])
            refused.append(Refused(source=source, reason=Reason.DUPLICATE, message=message, remedy="nothing"))
        else:
            first[proposal.source] = proposal
    return list(first.values())


def _order(proposal: Proposal) -> tuple[str, int, str, str]:
    return ecosystem_of(proposal.source), proposal.rank, proposal.source, proposal.repository


def _crowd(bed: Seedbed, proposals: Iterable[Proposal]) -> Counter[tuple[str, str]]:
    """Return how many packages of an ecosystem are made from one repository, as far as is known."""
    homes = {entry.source: entry.repository or bed.repositories.get(entry.source, "") for entry in bed.queue.entries}
    homes |= {proposal.source: proposal.repository for proposal in proposals}
    return Counter(
        (ecosystem_of(source), repository_key(address) or repository_key(home_of(source)))
        for source, address in homes.items()
    )


def _repository(proposal: Proposal) -> str:
    """Return the key of the repository of a proposal: what it names, else where its source itself lies."""
    return repository_key(proposal.repository) or repository_key(home_of(proposal.source))


def _settled(tools: list[_Tool]) -> list[_Tool]:
    """Return those that are not in doubt themselves, else all."""
    return [tool for tool in tools if tool.settled] or tools
