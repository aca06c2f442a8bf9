"""A package that is tried again gets new results: those up to its last try do not answer for it."""

from datetime import timedelta

import msgspec
import pytest

from pipeline.instants import timestamp
from pipeline.model import AttemptOutcome, EntryStatus, Tier, Verdict, VerdictStatus
from pipeline.plan import load
from pipeline.staleness import usable
from pipeline.state import journal
from pipeline.store import Paths, write
from pipeline.tasks import generate_tasks, validate_tasks
from tests.builders import NOW, entry
from tests.builders_selection import before, concluded
from tests.test_plan import REVISIONS, plan

LAST = before(days=2)


def tried(root):
    """Leave the line of an earlier try in a root's journal."""
    journal.append(Paths(root), [concluded(AttemptOutcome.DEFERRED, LAST)])


def digests(made):
    """Return the digest of each task that works on the package."""
    tasks = [*generate_tasks(made), *validate_tasks(made)]
    return {task.name: task.digest for task in tasks if task.digest}


def test_the_order_says_up_to_when_results_are_known(tmp_path):
    """First tries say nothing, so that their results stay as they are."""
    assert plan(tmp_path, entry("npm:a")).orders[0].after is None
    tried(tmp_path)
    again = plan(tmp_path, entry("npm:a"))
    assert again.batch.selected[0].after == LAST
    assert again.orders[0].after == LAST


def test_all_digests_of_another_try_are_others(tmp_path):
    """Else the records in `build/` would answer before anything is tried."""
    first = digests(plan(tmp_path, entry("npm:a")))
    tried(tmp_path)
    second = digests(plan(tmp_path, entry("npm:a")))
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] == second[name]] == []


def test_the_frozen_batch_stands_when_the_journal_changes(tmp_path):
    """What is under way is finished before anything new is chosen."""
    first = plan(tmp_path, entry("npm:a"))
    write(first.paths.batch, first.batch)
    tried(tmp_path)
    assert plan(tmp_path, entry("npm:a")).batch == first.batch


@pytest.mark.parametrize("key", ["retry.longest_hours", "quarantine.days", "batch.size"])
def test_a_change_of_what_selects_makes_a_new_batch(tmp_path, key):
    """The frozen batch stands while the configuration of the selection is unchanged."""
    first = plan(tmp_path, entry("npm:a"))
    write(first.paths.batch, first.batch)
    changed = load(
        first.paths, overrides=[(key, "31")], revisions=REVISIONS, host=first.host, now=NOW + timedelta(hours=1)
    )
    assert changed.batch.id != first.batch.id


def test_a_published_recipe_ends_the_wait_for_it(tmp_path):
    """Its name is read from recipes/."""
    waiting = entry("npm:a", status=EntryStatus.BLOCKED, blocked_by=["b"]), entry("pypi:b", status=EntryStatus.EXCLUDED)
    assert plan(tmp_path, *waiting).orders == ()
    recipe = tmp_path / "recipes" / "b" / "b.toml"
    recipe.parent.mkdir(parents=True)
    recipe.write_text("")
    assert [order.source for order in plan(tmp_path, *waiting).orders] == ["npm:a"]


def test_a_measurement_made_elsewhere_answers_when_it_is_newer_than_the_last_try():
    """A CI matrix brings it as a file; what lay there before the package was chosen again is old."""
    old = Verdict(
        source="npm:a",
        version="1",
        platform="darwin-arm64",
        recipe_sha256="1" * 64,
        made_from="2" * 64,
        tier=Tier.CI,
        status=VerdictStatus.FAILED,
        reason="",
        at=before(days=3),
    )
    new = msgspec.structs.replace(old, at=timestamp(NOW))
    assert usable(old, "1" * 64, "3" * 64, measure=False)
    assert not usable(old, "1" * 64, "3" * 64, measure=False, after=LAST)
    assert usable(new, "1" * 64, "3" * 64, measure=False, after=LAST)
    assert not usable(msgspec.structs.replace(old, at="2999-02-30T00:00:00Z"), "1" * 64, "", measure=False, after=LAST)
