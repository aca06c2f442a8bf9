"""The labs of these tests."""

import pytest

from tests.fake_registry import FakeRegistry
from tests.hostile.lab import Lab
from tests.kept import Kept


@pytest.fixture
def lab(tmp_path):
    """An empty root beside a registry of its own."""
    with FakeRegistry() as registry:
        yield Lab(tmp_path / "root", registry)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A lab after a whole run of two packages, kept so."""
    root = tmp_path_factory.mktemp("finished") / "root"
    with FakeRegistry() as registry:
        lab = Lab(root, registry)
        for name in ("a", "b"):
            lab.npm(name)
        lab.queue("npm:a", "npm:b")
        assert lab.doit().returncode == 0
        kept = Kept(root)
        kept.keep()
        yield lab, kept


@pytest.fixture
def done(finished):
    """A lab after a whole run of two packages, with a registry that nobody has asked since."""
    lab, kept = finished
    kept.restore()
    lab.registry.forget()
    return lab
