"""A registry on loopback and a pipeline of its own for each test; the sandbox is the real one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import WatchedRegistry, World


@pytest.fixture
def registry() -> Iterator[WatchedRegistry]:
    with WatchedRegistry() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, registry: WatchedRegistry) -> World:
    return World(tmp_path, registry)
