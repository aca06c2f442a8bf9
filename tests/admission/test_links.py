"""The link between a package and its repository, and what of it costs a request."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.admission.base import Link
from pipeline.admission.links import MANIFESTS, manifest_address, named_by, proven
from pipeline.config import FILES_TEMPLATE, NetworkConfig
from pipeline.model import Category, Failed, Gate, Held, LedgerFile, Subcategory
from pipeline.state.ledger import Ledger
from pipeline.store import Paths
from pipeline.surroundings import Around, for_repositories
from tests.builders import config
from tests.builders_admission import gates
from tests.builders_ledger import ledger_entry
from tests.builders_payload import evidence
from tests.fakes_fetcher import NOT_FOUND, DictFetcher

TEMPLATE = "https://raw.example/{repository}/HEAD/{file}"
CONFIG = gates(repository_host="git.example", repository_files=TEMPLATE)
ADDRESS = "https://raw.example/owner/tool/HEAD/package.json"
DOWN = Failed(
    category=Category.NETWORK_ERROR, subcategory=Subcategory.DNS_ERROR, transient=True, message="no such host"
)
OURS = evidence(repository="https://git.example/owner/tool")


def around(tmp_path: Any, pages: Mapping[str, Any]) -> tuple[Around, DictFetcher]:
    """Return surroundings whose repositories answer from a dictionary."""
    fetcher = DictFetcher(pages)
    return Around(Paths(tmp_path), CONFIG, "2026-03-02-npm-001", lambda _: fetcher), fetcher


@pytest.mark.parametrize(
    ("source", "fields", "shown"),
    [
        ("npm:tool", {"has_attestations": True}, True),
        ("npm:tool", {"repository": "https://git.example/owner/tool"}, False),
        ("go:git.example/owner/tool/v2/cmd/x", {"repository": "https://git.example/owner/tool"}, True),
        ("go:git.example/owner/toolbox", {"repository": "https://git.example/owner/tool"}, False),
        ("go:vanity.example/tool", {"repository": "https://git.example/owner/tool"}, False),
        ("go:git.example/owner/tool", {}, False),
        ("github:owner/tool", {}, True),
    ],
)
def test_the_registry_itself_can_prove_the_link(source, fields, shown):
    """Attestations, the path of a module, a source that is its repository."""
    assert proven(source, evidence(**fields)) is shown


@pytest.mark.parametrize(
    ("source", "repository", "address"),
    [
        ("npm:tool", "https://git.example/owner/tool", ADDRESS),
        ("npm:tool", "https://git.example/owner/tool/tree/main/packages/x", ADDRESS),
        ("rubygems:tool", "https://git.example/owner/tool", ADDRESS.replace("package.json", "tool.gemspec")),
        ("npm:tool", "https://git.example/owner", ""),
        ("npm:tool", "https://other.example/owner/tool", ""),
        ("npm:tool", "", ""),
        ("cask:tool", "https://git.example/owner/tool", ""),
        (
            "npm:tool",
            "https://git.example/%2e%2e/{file}",
            "https://raw.example/%252e%252e/%7Bfile%7D/HEAD/package.json",
        ),
    ],
)
def test_a_manifest_lies_on_the_default_branch(source, repository, address):
    """Of a repository at the host that is configured; nothing that upstream writes leaves its place."""
    assert manifest_address(source, repository, "git.example", TEMPLATE) == address


@pytest.mark.parametrize(
    ("source", "manifest", "link"),
    [
        ("npm:@scope/tool", b'{"name": "@scope/tool"}', Link.CONFIRMED),
        ("npm:tool", b'{"name": "other"}', Link.CONTRADICTED),
        ("npm:tool", b'{"name": "root", "workspaces": ["packages/*"]}', Link.UNKNOWN),
        ("npm:tool", b'{"name": 7}', Link.UNKNOWN),
        ("npm:tool", b"[" * 100_000, Link.UNKNOWN),
        ("pypi:My.Tool", b'[project]\nname = "my_tool"', Link.CONFIRMED),
        ("pypi:tool", b'[tool.poetry]\nname = "tool"', Link.CONFIRMED),
        ("pypi:tool", b'[project]\nname = "other"', Link.CONTRADICTED),
        ("pypi:tool", b"[build-system]\nrequires = []", Link.UNKNOWN),
        ("pypi:tool", b"\xff", Link.UNKNOWN),
        ("cargo:tool", b'[package]\nname = "tool"', Link.CONFIRMED),
        ("cargo:tool", b'[package]\nname = "tool"\n[workspace]\nmembers = ["x"]', Link.CONFIRMED),
        ("cargo:tool", b'[package]\nname = "root"\n[workspace]\nmembers = ["tool"]', Link.UNKNOWN),
        ("cargo:tool", b'[workspace]\nmembers = ["tool"]', Link.UNKNOWN),
        ("rubygems:tool", b"Gem::Specification.new", Link.CONFIRMED),
    ],
)
def test_a_manifest_names_its_package(source, manifest, link):
    """What holds a whole workspace says nothing of its members; what cannot be read says nothing at all."""
    assert named_by(source, manifest) is link


@given(st.sampled_from(sorted(MANIFESTS)), st.binary(max_size=60))
def test_any_manifest_gets_an_answer(ecosystem, manifest):
    """It is written by strangers."""
    assert named_by(f"{ecosystem}:tool", manifest) in Link


# ------------------------------------------------------------------------------------ asking


@pytest.mark.parametrize(
    ("answer", "link"),
    [
        (b'{"name": "tool"}', Link.CONFIRMED),
        (b'{"name": "other"}', Link.CONTRADICTED),
        (NOT_FOUND, Link.UNKNOWN),
        (DOWN, Link.UNKNOWN),
        (Held(gate=Gate.ECOSYSTEM_DISABLED, message="off"), Link.UNKNOWN),
    ],
    ids=["ours", "another's", "no manifest", "no answer", "held"],
)
def test_one_request_answers_for_a_package(tmp_path, answer, link):
    """Whatever comes, it is no failure of the package."""
    asked, fetcher = around(tmp_path, {ADDRESS: answer})
    assert asked.link("npm:tool", OURS) is link
    assert [url for url, *_ in fetcher.requests] == [ADDRESS]


def test_a_host_that_did_not_answer_is_left_alone(tmp_path):
    """A hundred packages do not wait for it one after another; a missing file is an answer."""
    silent, fetcher = around(tmp_path, {ADDRESS: DOWN})
    assert [silent.link("npm:tool", OURS) for _ in range(3)] == [Link.UNKNOWN] * 3
    assert len(fetcher.requests) == 1
    there, fetcher = around(tmp_path, {})
    assert [there.link("npm:tool", OURS) for _ in range(3)] == [Link.UNKNOWN] * 3
    assert len(fetcher.requests) == 3


def test_what_is_proven_or_cannot_be_looked_at_costs_no_request(tmp_path):
    """Attestations; a repository at another host."""
    asked, fetcher = around(tmp_path, {})
    assert asked.link("npm:tool", evidence(has_attestations=True)) is Link.CONFIRMED
    assert asked.link("npm:tool", evidence(repository="https://other.example/owner/tool")) is Link.UNKNOWN
    assert fetcher.requests == []


def test_a_repository_gets_one_try_of_seconds():
    """However patient the registry's own requests are; a shorter patience is kept."""
    shipped = config().network
    limits = for_repositories(shipped)
    assert (limits.attempts, limits.timeout_seconds, limits.total_seconds, limits.max_wait_seconds) == (1, 5, 5, 5)
    short = NetworkConfig(**{key: getattr(shipped, key) for key in shipped.__struct_fields__} | {"timeout_seconds": 1})
    assert for_repositories(short).timeout_seconds == 1


@pytest.mark.parametrize(
    ("template", "fits"),
    [
        (TEMPLATE, True),
        ("https://raw.example/{file}/{repository}", False),
        ("ftp://raw.example/{repository}/{file}", False),
        ("https://raw.example/{repository}/{other}/{file}", False),
        ("https://raw.example/{repository}/{file}\n", False),
    ],
)
def test_a_template_has_both_places(template, fits):
    """Once each, in this order, on the web."""
    assert bool(re.search(FILES_TEMPLATE, template)) is fits


# ------------------------------------------------------------------------------------ recipes


def test_recipes_that_are_published_or_wait_for_their_merge_provide_their_executables(tmp_path):
    """A file that is no recipe provides nothing; what this very batch waits with is not another's."""
    recipes = {
        "recipes/a/aloft.toml": '[[steps]]\naction = "npm_install"\nexecutables = ["aloft", "glide"]\n',
        "recipes/b/bright.toml": '[[steps]]\naction = "install_binaries"\nbinaries = ["bin/shine", 7]\n',
        "recipes/b/broken.toml": "[[steps]\n",
    }
    for path, text in recipes.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    waiting = [LedgerFile(source="npm:c", path="recipes/c/c.toml", sha256="c" * 64, executables=["see"])]
    own = [LedgerFile(source="npm:d", path="recipes/d/d.toml", sha256="d" * 64, executables=["dee"])]
    ledger = Ledger(Paths(tmp_path))
    ledger.append(ledger_entry(batch_id="2026-03-01-npm-001", files=waiting))
    ledger.append(ledger_entry(batch_id="2026-03-02-npm-001", files=own))
    asked, _ = around(tmp_path, {})
    assert asked.provider("glide", "recipes/x/x.toml") == "recipes/a/aloft.toml"
    assert asked.provider("glide", "recipes/a/aloft.toml") == ""
    assert asked.provider("shine", "recipes/x/x.toml") == "recipes/b/bright.toml"
    assert asked.provider("see", "recipes/x/x.toml") == "recipes/c/c.toml"
    assert asked.provider("dee", "recipes/x/x.toml") == ""
    assert asked.provider("nothing", "recipes/x/x.toml") == ""
