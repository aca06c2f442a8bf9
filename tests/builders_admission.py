"""Candidates for the gates on what is generated; each keyword overrides one field."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.admission.base import Candidate, Link
from pipeline.ecosystems.base import Draft
from pipeline.model import Evidence, Knowledge, Recipe
from tests.builders import NOW, config
from tests.builders_payload import evidence
from tests.builders_recipe import recipe

SHIPPED = config().gates


class FakeSurroundings:
    """Knows some executables and one link; `asked` counts the questions about the link."""

    def __init__(self, providers: Mapping[str, str] | None = None, link: Link = Link.UNKNOWN) -> None:
        self.providers = providers or {}
        self.answer = link
        self.asked = 0

    def provider(self, executable: str, path: str) -> str:
        found = self.providers.get(executable, "")
        return found if found != path else ""

    def link(self, source: str, evidence: Evidence) -> Link:
        self.asked += 1
        return self.answer


def candidate(**fields: Any) -> Candidate:
    """Return a candidate with which nothing is wrong: `npm:tool`, released two months ago."""
    given: dict[str, Any] = {
        "source": "npm:tool",
        "recipe": recipe("tool"),
        "evidence": evidence(),
        "knowledge": Knowledge(),
        "config": SHIPPED,
        "around": FakeSurroundings(),
        "now": NOW,
    }
    return Candidate(**{**given, **fields})


def installing(*executables: str, name: str = "tool") -> Recipe:
    """Return a recipe with these executables."""
    return msgspec.structs.replace(recipe(name), executables=list(executables))


def draft(**fields: Any) -> Draft:
    """Return what an ecosystem made; keywords override its evidence."""
    return Draft(recipe=recipe("tool"), evidence=evidence(**fields))


def gates(**over: Any) -> Any:
    """Return the shipped configuration of the gates with some keys laid over it."""
    return config(gates=over).gates
