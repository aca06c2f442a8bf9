"""The lab of these tests."""

import pytest

from tests.fake_registry import FakeRegistry
from tests.hostile.lab import Lab


@pytest.fixture
def lab(tmp_path):
    """An empty root beside a registry of its own."""
    with FakeRegistry() as registry:
        yield Lab(tmp_path / "root", registry)
