"""docs/coverage.md says what was measured: made from records, by the same code, without a word of the machine."""

import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from benchmarks.coverage import PAGE, kept
from benchmarks.covered.page import render
from benchmarks.covered.records import FINDINGS, PACKAGES, Kept, Measured, Row, findings, listed, measured, public
from pipeline.digests import sha256
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.model import (
    Category,
    Failed,
    Generated,
    OutcomeRecord,
    Recipe,
    Step,
    Subcategory,
    Tier,
    Verdict,
    VerdictStatus,
)
from pipeline.source import ecosystem_of
from pipeline.store import Paths, write
from tests.builders_payload import HOST, evidence

FIXTURES = Path(__file__).with_name("fixtures") / "coverage"
AT = "2026-03-14T12:00:00Z"
WANTED = {"npm": 60, "pypi": 40, "cargo": 25, "go": 20}


def test_the_page_is_what_the_program_renders_from_a_recorded_result() -> None:
    """Shares, causes, owners, notes, and a recipe that differs from its install: as on the page kept beside it."""
    recorded = msgspec.json.decode((FIXTURES / "measured.json").read_bytes(), type=Kept)
    notes = findings("# a comment\n\ncargo:slow  It is `large`.\n")
    assert render(recorded.results, notes, ["npm", "cargo", "rubygems", "cask"]) == (FIXTURES / "page.md").read_text(
        "utf-8"
    )


def test_the_published_page_is_that_of_the_last_measurement() -> None:
    """Whoever edits it by hand, or measures and forgets to render, is told."""
    ecosystems = dict.fromkeys(ecosystem_of(entry.source) for entry in listed(PACKAGES.read_text("utf-8"), {}))
    assert PAGE.read_text("utf-8") == render(kept(), findings(FINDINGS.read_text("utf-8")), list(ecosystems))


def test_the_list_is_long_enough_and_each_package_stands_there_once() -> None:
    """The least that was asked for, in each ecosystem; a finding is about a package of the list."""
    entries = listed(PACKAGES.read_text("utf-8"), {})
    sources = [entry.source for entry in entries]
    assert len(set(sources)) == len(sources)
    counts = Counter(map(ecosystem_of, sources))
    assert {name: counts[name] >= least for name, least in WANTED.items()} == dict.fromkeys(WANTED, True)
    assert set(counts) <= set(ECOSYSTEMS)
    assert set(findings(FINDINGS.read_text("utf-8"))) <= set(sources)


def test_neither_a_machine_nor_a_registry_is_on_the_page() -> None:
    """Where it was measured is told by the platform alone."""
    page = PAGE.read_text("utf-8")
    assert re.findall(r"https?:|/work|/root|/tmp|/home/(?!sandbox)|Users", page) == []


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("GET https://mirror.example/x/@v/list: the registry answered 403", "the registry answered 403"),
        ("getaddrinfo ENOTFOUND files.example", "getaddrinfo ENOTFOUND"),
        ("see http://10.0.0.1:80/a?b for more", "see for more"),
        ("no `bin`", "no `bin`"),
    ],
)
def test_a_message_loses_its_addresses(message: str, shown: str) -> None:
    """Which registry was asked is not for the page."""
    assert public(message) == shown


def test_an_entry_is_called_as_in_the_queue_or_by_its_last_part() -> None:
    """A major version is no name; `heavy` gives it more room."""
    text = "npm:@babel/cli\ngo:example.com/tool/v2 heavy\n# npm:not-this\ncargo:fd-find # a comment\n"
    found = [(entry.source, entry.name, entry.heavy) for entry in listed(text, {"cargo:fd-find": "fd"})]
    assert found == [
        ("npm:@babel/cli", "babel-cli", False),
        ("go:example.com/tool/v2", "tool", True),
        ("cargo:fd-find", "fd", False),
    ]


def test_rows_are_read_from_the_records_of_a_root(tmp_path: Path) -> None:
    """What passed, what was refused, and what has no record yet; the day and the tools are those of the verdicts."""
    paths = Paths(tmp_path)
    step = Step(action="npm_install", params={"package": "a", "executables": ["b", "a"]})
    recipe = Recipe(name="a", description="", homepage="", steps=[step], executables=["b", "a"])
    made = Generated(recipe=recipe, recipe_sha256=sha256(b""), evidence=evidence())
    refused = Failed(
        category=Category.NETWORK_ERROR,
        subcategory=Subcategory.UPSTREAM_REFUSED,
        transient=False,
        message="GET https://mirror.example/b: refused",
    )
    for source, outcome in (("npm:a", made), ("npm:b", refused)):
        record = OutcomeRecord(source=source, name="x", made_from="0" * 64, at=AT, seconds=1, outcome=outcome)
        write(paths.outcome(source), record)
    verdict = Verdict(
        source="npm:a",
        version="1.0.0",
        platform=HOST,
        recipe_sha256="0" * 64,
        made_from="0" * 64,
        tier=Tier.NATIVE,
        status=VerdictStatus.VALIDATED,
        reason="a --version: printed 1.0.0",
        found_executables=["a", "b"],
        runtime_versions={"node": "24.1.0"},
        at=AT,
    )
    write(paths.verdict(HOST, "npm:a"), verdict)
    assert measured(paths, "npm", HOST, ["npm:a", "npm:b", "npm:c"]) == Measured(
        ecosystem="npm",
        day="2026-03-14",
        platform=HOST,
        runtimes={"node": "24.1.0"},
        rows=[
            Row(source="npm:a", ending="validated", executables=["a", "b"], installed=["a", "b"]),
            Row(source="npm:b", ending="failed", cause=Subcategory.UPSTREAM_REFUSED, message="refused"),
            Row(source="npm:c", ending="not measured"),
        ],
    )
