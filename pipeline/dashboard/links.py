"""Links to the pages that there are, and plain text where there is none. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pipeline.dashboard import addresses
from pipeline.dashboard.facts import Facts
from pipeline.dashboard.views.base import PageLink
from pipeline.selection.blockers import recipe_name
from pipeline.source import ecosystem_of


@dataclass(frozen=True, kw_only=True)
class Links:
    """Which sources, batches and ecosystems have a page."""

    facts: Facts

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The sources that have a page: each of the queue once, in its order."""
        return tuple(self.facts.situation.first)

    @cached_property
    def batches(self) -> tuple[str, ...]:
        """The batches that have a page: those of the ledger, oldest first, and the one under way."""
        frozen = [self.facts.frozen.id] if self.facts.frozen is not None and self.facts.stands else []
        return tuple(dict.fromkeys([*self.facts.ledger, *frozen]))

    @cached_property
    def ecosystems(self) -> tuple[str, ...]:
        """The ecosystems that have a page, by name: those of the configuration and of the queue."""
        return tuple(sorted({*self.facts.situation.config.ecosystems, *map(ecosystem_of, self.sources)}))

    @cached_property
    def _sources(self) -> frozenset[str]:
        return frozenset(self.sources)

    @cached_property
    def _batches(self) -> frozenset[str]:
        return frozenset(self.batches)

    @cached_property
    def _ecosystems(self) -> dict[str, PageLink]:
        return {name: addresses.ecosystem_link(name) for name in self.ecosystems}

    @cached_property
    def _by_name(self) -> dict[str, str]:
        """The first source of the queue that would make a recipe of a name."""
        found: dict[str, str] = {}
        for entry in self.facts.situation.queue.entries:
            found.setdefault(recipe_name(entry.name), entry.source)
        return found

    def package(self, source: str, text: str = "") -> PageLink:
        """Return a source as a link, under its own name unless another is given."""
        path = addresses.package_path(source) if source in self._sources else ""
        return PageLink(text=text or source, path=path)

    def packages(self, sources: Iterable[str]) -> list[PageLink]:
        """Return sources as links."""
        return [self.package(source) for source in sources]

    def batch(self, batch_id: str | None) -> PageLink | None:
        """Return a batch as a link, None for none."""
        if not batch_id:
            return None
        return addresses.batch_link(batch_id) if batch_id in self._batches else PageLink(text=batch_id)

    def ecosystem(self, name: str) -> PageLink:
        """Return an ecosystem as a link."""
        return self._ecosystems.get(name) or PageLink(text=name)

    def recipe(self, name: str) -> PageLink:
        """Return a recipe that something waits for as a link to the package of the queue that would be it."""
        source = self.source_of(name)
        return self.package(source, name) if source else PageLink(text=name)

    def source_of(self, name: str) -> str:
        """Return the source of the queue that would make a recipe of a name, "" for none."""
        return self._by_name.get(recipe_name(name), "")

    def subject(self, text: str) -> PageLink:
        """Return what an alarm is about as a link: a batch, an ecosystem, a source, or none of them."""
        if text in self._batches:
            return addresses.batch_link(text)
        return self._ecosystems.get(text) or self.package(text)
