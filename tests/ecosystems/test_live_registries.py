"""Well-known tools through the real registries, as the clients of this machine are set up."""

import os
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from pipeline.clients import Clients
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Draft
from pipeline.errors import NoClient
from pipeline.model import WorkOrder
from pipeline.settings import load_config
from pipeline.store import Paths
from tests.fakes_fetcher import PlainFetcher

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]


@pytest.mark.parametrize(
    ("source", "name", "executables"),
    [
        ("npm:@biomejs/biome", "biome", ["biome"]),
        ("pypi:ruff", "ruff", ["ruff"]),
        ("cargo:ripgrep", "ripgrep", ["rg"]),
        ("go:mvdan.cc/sh/v3/cmd/shfmt", "shfmt", ["shfmt"]),
        ("rubygems:asciidoctor", "asciidoctor", ["asciidoctor"]),
        ("cpan:ack", "ack", ["ack"]),
    ],
)
def test_a_known_tool_is_drafted(source, name, executables, tmp_path):
    """A scope, an executable in the wheel's data folder, another name, a folder below the module's root."""
    try:
        clients = Clients(os.environ, Path.cwd(), ecosystems=load_config(Paths(tmp_path), []).ecosystems)
        registry = clients.registry(source.partition(":")[0], source.partition(":")[2])
    except NoClient as error:
        pytest.skip(error.line())
    with httpx2.Client(timeout=30) as client:
        fetcher = PlainFetcher(client)
        try:
            found = ECOSYSTEMS[source.partition(":")[0]].make(
                WorkOrder(source=source, name=name), registry=registry, fetcher=fetcher, now=datetime.now(UTC)
            )
        except httpx2.TransportError as error:
            pytest.skip(f"the registry does not answer: {type(error).__name__}")
    assert isinstance(found, Draft)
    assert found.recipe.executables == executables
    assert found.evidence.license.spdx
