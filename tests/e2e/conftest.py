"""A registry on loopback and a pipeline of its own for each test; the sandbox is the real one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import World
from tests.fake_registry import FakeRegistry


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, registry: FakeRegistry) -> World:
    return World(tmp_path, registry)
