"""Well-known formulae and a cask through Homebrew's real services, where they answer."""

import os
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from pipeline.clients import Clients
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Draft
from pipeline.model import WorkOrder
from pipeline.recipe import render
from pipeline.recipe_rules import strict_check
from pipeline.settings import load_config
from pipeline.store import Paths
from tests.fakes_fetcher import NOT_FOUND, PlainFetcher

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]


@pytest.mark.parametrize(
    ("source", "executables"),
    [
        ("homebrew:jq", ["jq"]),
        ("homebrew:postgresql@16", None),  # the path of its bottles has a `/` for the `@`
        ("cask:sublime-text", ["subl"]),
    ],
)
def test_a_known_tool_is_drafted(source: str, executables: list[str] | None, tmp_path: Path) -> None:
    """A formula, one of several versions, an application with a command; each a recipe that the reader takes."""
    ecosystem, _, name = source.partition(":")
    clients = Clients(os.environ, tmp_path, ecosystems=load_config(Paths(tmp_path), []).ecosystems)
    with httpx2.Client(timeout=30) as client:
        fetcher = PlainFetcher(client, clients.credentials(ecosystem))
        try:
            registry = clients.registry(ecosystem, name)
            order = WorkOrder(source=source, name=name)
            found = ECOSYSTEMS[ecosystem].make(order, registry=registry, fetcher=fetcher, now=datetime.now(UTC))
        except httpx2.TransportError as error:
            pytest.skip(f"the service does not answer: {type(error).__name__}")
    if found == NOT_FOUND:  # what the fetcher says of every refusal, a proxy's too
        pytest.skip("the service is not reached from here")
    assert isinstance(found, Draft)
    assert found.recipe.executables == executables or executables is None
    assert strict_check(render(found.recipe)) == []
    assert found.evidence.builds
