"""The first few of real rankings, as the clients of this machine are set up."""

import os
from pathlib import Path

import httpx2
import pytest

from pipeline.clients import Clients
from pipeline.errors import NoClient, UnknownName
from pipeline.model import Failed
from pipeline.seed import RULES
from pipeline.seeding import SEEDERS
from pipeline.settings import load_config
from pipeline.source import identifier_of
from pipeline.store import Paths
from tests.fakes_fetcher import PlainFetcher

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]


@pytest.mark.parametrize("name", SEEDERS)
def test_a_registry_ranks_its_own(name, tmp_path):
    """Three sources that its own rule for identifiers admits, ranked from 1; a mirror may offer none."""
    try:
        config = load_config(Paths(tmp_path), [])
        registry = Clients(os.environ, Path.cwd(), ecosystems=config.ecosystems).registry(name)
        with httpx2.Client(timeout=30) as client:
            found = SEEDERS[name].propose(registry=registry, fetcher=PlainFetcher(client), limit=3)
    except (NoClient, UnknownName) as error:
        pytest.skip(error.line())
    except httpx2.TransportError as error:
        pytest.skip(f"the registry does not answer: {type(error).__name__}")
    if isinstance(found, Failed):
        pytest.skip(f"the registry here offers no ranking: {found.message}")
    assert [one.rank for one in found] == [1, 2, 3]
    assert not [one.source for one in found if RULES[name](identifier_of(one.source))]
