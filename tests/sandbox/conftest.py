"""What every test of the sandbox is given."""

import secrets
from pathlib import Path

import pytest

from pipeline.sandbox.bwrap import BwrapSandbox, prepare_folder
from pipeline.sandbox.runtimes import Runtimes, find_runtimes
from tests.sandbox.lab import Lab


@pytest.fixture(scope="session")
def sandbox() -> BwrapSandbox:
    """The sandbox of this machine; tests that need one skip where there is none, and say why."""
    made = BwrapSandbox({})
    if reason := made.unavailable():
        pytest.skip(f"no sandbox here: {reason}")
    return made


@pytest.fixture(scope="session")
def runtimes() -> Runtimes:
    return find_runtimes()


@pytest.fixture
def lab(sandbox: BwrapSandbox, runtimes: Runtimes) -> Lab:
    return Lab(sandbox, runtimes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that a phase may write to when it is mounted so."""
    return prepare_folder(tmp_path / "writable")


@pytest.fixture
def token() -> str:
    """A text that stands nowhere else on this machine."""
    return f"token-{secrets.token_hex(16)}"
