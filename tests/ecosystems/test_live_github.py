"""Releases of well-known tools, from GitHub itself, where it answers."""

import os
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import yaml

from pipeline.clients import Clients
from pipeline.config import to_config
from pipeline.ecosystems import github
from pipeline.ecosystems.base import Draft
from pipeline.model import WorkOrder
from tests.fakes_fetcher import PlainFetcher

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]

ROOT = Path(__file__).resolve().parents[2]
# Requests to the API that one tool costs. Others of this address may have used up the quota of the hour.
WANTED = 2


@pytest.mark.parametrize(
    ("repository", "name", "executables", "actions"),
    [
        ("BurntSushi/ripgrep", "ripgrep", ["rg"], {"github_archive"}),
        ("cli/cli", "gh", ["gh"], {"github_archive"}),
        ("jqlang/jq", "jq", ["jq"], {"github_file"}),
    ],
)
def test_a_known_tool_is_drafted(repository, name, executables, actions):
    """musl beside glibc, a zip for macOS alone, a file that is the program itself; two requests for metadata."""
    config = to_config(yaml.safe_load((ROOT / "pipeline.yaml").read_text(encoding="utf-8")))
    registry = Clients(os.environ, ROOT, ecosystems=config.ecosystems).registry("github")
    order = WorkOrder(source=f"github:{repository}", name=name)
    with httpx2.Client(timeout=30) as client:
        try:
            quota = client.get(f"{registry}/rate_limit")
            if quota.status_code != 200 or quota.json()["resources"]["core"]["remaining"] < WANTED:
                pytest.skip(f"GitHub answers with status {quota.status_code}, or this address has no quota left")
            found = github.make(order, registry=registry, fetcher=PlainFetcher(client), now=datetime.now(UTC))
        except httpx2.TransportError as error:
            pytest.skip(f"GitHub does not answer: {type(error).__name__}")
    assert isinstance(found, Draft), found
    assert found.recipe.executables == executables
    assert {step.action for step in found.recipe.steps} == actions
    assert found.evidence.license.spdx
    assert found.evidence.builds
