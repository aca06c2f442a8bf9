"""The views say what the state says, and link to no page that is not written."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import msgspec
import pytest

from pipeline.dashboard.facts import Facts
from pipeline.dashboard.links import Links
from pipeline.dashboard.pages import pages
from pipeline.dashboard.reading import read_facts
from pipeline.dashboard.rendering import render
from pipeline.dashboard.views.batches import batch_page
from pipeline.dashboard.views.overview import Health, overview
from pipeline.dashboard.views.package import KeptIn, Packages
from pipeline.dashboard.views.queue import queue_rows
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.instants import timestamp
from pipeline.model import (
    AlarmKind,
    AlarmRecord,
    AttemptOutcome,
    BatchState,
    EntryStatus,
    Excluded,
    LedgerEntry,
    Stage,
    Subcategory,
)
from pipeline.selection.explain import explain
from pipeline.state import journal
from pipeline.state.jsonl import append_lines
from pipeline.store import Paths, encode, write_bytes
from tests.builders import NOW, config, entry, queue
from tests.builders_dashboard import HOSTILE
from tests.builders_journal import line
from tests.builders_ledger import ledger_entry
from tests.builders_payload import evidence, outcome

CONFIG = config()
HREF = re.compile(r'(?:href|src)="([^"]*)"')
ENTRIES = (
    entry("npm:a", status=EntryStatus.IN_REVIEW),
    entry("npm:Mixed/Case", status=EntryStatus.FAILED),
    entry("npm:_under"),
    entry(f"go:{'long/' * 42}x"),
    entry("pypi:waits", status=EntryStatus.BLOCKED, blocked_by=["missing-one"]),
)
BATCH = "2026-03-02-mixed-001"


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    """A published batch, a package that failed on one platform, one that is blocked, and an alarm."""
    paths = Paths(tmp_path)
    write_bytes(paths.root / CONFIG.queue, encode(queue(*ENTRIES)))
    failed = {"source": "npm:Mixed/Case", "batch_id": BATCH, "subcategory": Subcategory.VERIFY_ERROR}
    journal.append(
        paths,
        [
            line(0, **failed, stage=Stage.VALIDATE, platform="linux-debian-glibc-x86_64", message=HOSTILE[:400]),
            line(0, **failed, message=HOSTILE[:400]),
            line(0, source="npm:a", stage=Stage.PAYLOAD, outcome=AttemptOutcome.SUCCEEDED, batch_id=BATCH),
        ],
    )
    append_lines(paths.ledger, [ledger_entry(), ledger_entry(state=BatchState.PUBLISHED)])
    write_bytes(paths.recipe("recipes/a/a.toml"), b'[metadata]\nname = "a"\n')
    return read_facts(
        paths, CONFIG, {name: module.REVISION for name, module in ECOSYSTEMS.items()}, NOW + timedelta(40)
    )


def test_a_page_explains_as_why_does(facts):
    """One selection for all gives each package the explanation that it gets alone."""
    packages = Packages(facts=facts, links=Links(facts=facts))
    for source in facts.situation.first:
        attempts = facts.attempts.get(source, ())
        alone = explain(source, facts.situation, attempts=attempts)
        page = packages.page(source)
        assert msgspec.structs.replace(page.why, attempts=alone.attempts) == alone
        assert [each.attempt for each in page.attempts] == alone.attempts


def test_a_run_that_the_journal_remembers_is_a_measured_verdict(facts):
    """The other platforms of the package are not known."""
    page = Packages(facts=facts, links=Links(facts=facts)).page("npm:Mixed/Case")
    known = [(cell.platform, cell.status, cell.measured, cell.cause) for cell in page.verdicts if cell.status]
    assert known == [("linux-debian-glibc-x86_64", "failed", True, "verify_error")]
    assert len(page.verdicts) == 11


def test_the_recipe_of_a_source_is_found_by_the_ledger(facts):
    """Its text comes from recipes/."""
    page = Packages(facts=facts, links=Links(facts=facts)).page("npm:a")
    assert page.recipe is not None
    assert (page.recipe.path, page.recipe.published) == ("recipes/a/a.toml", True)


def test_the_queue_begins_with_what_is_tried_next(facts):
    """In the order of the line; then all else, in the order of the queue."""
    rows = queue_rows(facts)
    assert [row.place for row in rows] == [1, 2, 3, 4, None]
    first = list(facts.selection.places)
    rest = [each.source for each in ENTRIES if each.source not in first]
    assert [row.source for row in rows] == [*first, *rest]


def test_a_recipe_that_is_not_kept_says_where_it_was_made(facts):
    """A fresh clone has the state alone: the batch and its branch are named while it waits, and nothing untried."""
    packages = Packages(facts=replace(facts, recipes={}), links=Links(facts=facts))
    page = packages.page("npm:a")
    assert (page.recipe, page.evidence) == (None, None)
    at = facts.attempts["npm:a"][-1].at
    assert page.kept_in == KeptIn(batch=Links(facts=facts).batch(BATCH), at=at, branch=f"batch/{BATCH}")
    text = render("package.html", view=page, root="")
    assert text.count("Not kept here: it was made in batch") == 2
    untried = packages.page("npm:_under")
    assert untried.kept_in is None
    assert "Not kept here" not in render("package.html", view=untried, root="")


def test_what_a_recipe_was_made_from_is_shown_as_long_as_it_is_there(facts):
    """Also of a package whose batch is over."""
    kept = replace(facts, outcomes={"npm:a": outcome("npm:a")})
    page = Packages(facts=kept, links=Links(facts=kept)).page("npm:a")
    assert page.evidence == evidence()
    assert page.executables == ["aloft"]


def test_the_overview_names_reasons_blockers_and_reviews(facts):
    """A batch that waits too long is marked, and a missing recipe without an entry has no status."""
    links = Links(facts=facts)
    view = overview(facts, links, queue_rows(facts))
    assert [(each.cause, each.packages) for each in view.reasons] == [("verify_error", 1)]
    assert [(each.package.text, each.waiting, each.status) for each in view.blockers] == [("missing-one", 1, None)]
    assert [(each.batch.text, each.recipes, each.alarm) for each in view.reviews] == [(BATCH, 2, True)]
    assert view.queue_total.total == len(ENTRIES)
    assert view.health is Health.WARNING


def test_the_overview_judges_alarms_as_check_does(tmp_path, facts):
    """The waiting batch rings though nobody has written it down; what has ended lately stands beside it."""
    assert [(alarm.kind, alarm.subject) for alarm in facts.alarms] == [(AlarmKind.STALE_REVIEW, BATCH)]
    ended = AlarmRecord(
        kind=AlarmKind.BREAKER_OPEN, subject="npm", value="v", limit="l", remedy="r", at=timestamp(NOW + timedelta(38))
    )
    paths = Paths(tmp_path)
    append_lines(paths.alarms, [ended, msgspec.structs.replace(ended, cleared=True)])
    known = read_facts(
        paths, CONFIG, {name: module.REVISION for name, module in ECOSYSTEMS.items()}, facts.situation.now
    )
    view = overview(known, Links(facts=known), queue_rows(known))
    assert [(alarm.kind, alarm.subject.path) for alarm in view.alarms] == [
        (AlarmKind.STALE_REVIEW, f"batches/{BATCH}.html")
    ]
    assert [(alarm.kind, alarm.subject.path) for alarm in view.cleared] == [
        (AlarmKind.BREAKER_OPEN, "ecosystems/npm.html")
    ]


def test_a_published_batch_says_how_it_is_taken_back(facts):
    """All of it, or one of its packages."""
    links = Links(facts=facts)
    page = batch_page(facts, links, BATCH, {})
    assert page.rollback == f"doit rollback --batch {BATCH}"
    assert page.rollback_one == f"doit rollback --batch {BATCH} --source npm:a"
    assert [step.state for step in page.steps] == [BatchState.BUILT, BatchState.PUBLISHED]


def ended_batches() -> list[LedgerEntry]:
    """Return the lines of batches that ended, or stopped, in each way that there is."""
    built, published, merged, closed, back = BatchState
    courses = {
        "2026-03-02-npm-001": [built],
        "2026-03-02-npm-002": [built, published, merged],
        "2026-03-02-npm-003": [built, published, closed],
        "2026-03-02-npm-004": [built, published, merged, back],
        "2026-03-02-npm-005": [built, back],
    }
    url = "https://forge.example/tools/registry/pull/7"
    return [
        ledger_entry(
            batch_id=batch_id,
            state=state,
            branch=f"batch/{batch_id}",
            pull_request="" if state is built else url,
            rolled_back=["npm:a", "pypi:b"] if state is back else [],
            excluded=[Excluded(source="npm:left-the-queue", reason="it timed out", needs_person=True)],
        )
        for batch_id, states in courses.items()
        for state in states
    ]


def test_no_link_leads_to_a_page_that_is_not_written(facts):
    """All links and assets of all pages are among the pages, or stay on the page, or lead out by https.

    There are batches that are published, merged, declined, rolled back before and after their merge, and half
    published; and sources in them that the queue has not got any more.
    """
    ledger: dict[str, list[LedgerEntry]] = {}
    for entry_ in ended_batches():
        ledger.setdefault(entry_.batch_id, []).append(entry_)
    facts = replace(facts, ledger={**ledger, **facts.ledger})
    written = {page.path: page.content().decode() for page in pages(facts, render, "code")}
    assert len({path.lower() for path in written}) == len(written)
    dead = []
    for path, text in written.items():
        for found in HREF.findall(text):
            href = unquote(unescape(found).partition("#")[0])
            if href.startswith("https://") or not href:
                continue
            parts: list[str] = []
            for part in (PurePosixPath(path).parent / href).parts:
                if part == "..":
                    parts.pop()  # raises for what would leave the site
                else:
                    parts.append(part)
            target = "/".join(parts)
            if target not in written and not target.startswith("assets/"):
                dead.append((path, found))
    assert dead == []
    assert {f"batches/{batch_id}.html" for batch_id in facts.ledger} <= written.keys()


def test_the_same_facts_give_the_same_digests_and_other_code_others(facts):
    """So a run without a change writes nothing, and one after an upgrade all."""
    one, two, other = ([(page.path, page.digest) for page in pages(facts, render, code)] for code in ("a", "a", "b"))
    assert one == two
    assert set(one).isdisjoint(other)
