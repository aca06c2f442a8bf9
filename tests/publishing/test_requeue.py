"""`doit requeue`: which packages are asked for again, and what is written."""

import msgspec
import pytest

from pipeline.commands.requeue import render
from pipeline.errors import AlreadyRunning, BadInput, EmptySelection, PipelineError, UnknownName
from pipeline.lock import alone
from pipeline.model import AttemptOutcome, Confidence, EntryStatus, Queue, Subcategory
from pipeline.publishing.requeue import Wanted, causes_of, chosen, requeue
from pipeline.state import journal
from pipeline.store import Paths
from tests.builders import NOW, config, entry, queue
from tests.builders_selection import before, concluded, failed, told
from tests.publishing.batches import Root
from tests.publishing.lab import Checkout
from tests.screens import screen

ECOSYSTEMS = ("npm", "pypi", "cargo")
FAILED, REVIEW = EntryStatus.FAILED, EntryStatus.IN_REVIEW


def asked_for(*entries, history=None, held=None, **wanted):
    """Return which sources of a queue are asked for, and which are in review."""
    found = chosen(queue(*entries), history or {}, Wanted(**wanted), ECOSYSTEMS, NOW, held=held or {})
    return found.sources, found.in_review


@pytest.mark.parametrize("status", EntryStatus)
def test_a_source_is_asked_for_whatever_its_status_is(status):
    """Also one that succeeded, as its recipe is made anew; also one in review that no batch knows of any more."""
    assert asked_for(entry("npm:a", status=status), sources=["npm:a", "npm:a"]) == (["npm:a"], [])


def test_a_source_whose_batch_waits_for_its_merge_is_refused():
    """With the batch, and the command that takes it back."""
    with pytest.raises(PipelineError, match="npm:a is in review: its recipe waits in 2026-03-02-mixed-001") as refused:
        asked_for(entry("npm:a", status=REVIEW), held={"npm:a": "2026-03-02-mixed-001"}, sources=["npm:a"])
    assert "`doit rollback --batch 2026-03-02-mixed-001 --source npm:a`" in refused.value.remedy


def test_an_ecosystem_asks_for_all_that_is_held_back():
    """What was never tried, is done or was excluded by a person stays as it is; what is in review is told."""
    entries = [entry(f"npm:{status.value}", status=status) for status in EntryStatus] + [entry("pypi:x", status=FAILED)]
    entries += [entry("npm:waits"), entry("npm:later", next_retry_at=before(days=-1))]
    entries += [entry("npm:past", next_retry_at=before(days=1))]
    history = {"npm:waits": told(concluded(AttemptOutcome.TRANSIENT, before(hours=1)))}
    sources, in_review = asked_for(*entries, history=history, ecosystem="npm")
    assert sources == ["npm:failed", "npm:blocked", "npm:requires_manual", "npm:waits", "npm:later"]
    assert in_review == ["npm:in_review"]


def test_what_is_doubtful_is_asked_for_by_its_source_alone():
    """Whether it is a tool of its own is decided for each; a filter decides nothing."""
    manual = {"status": EntryStatus.REQUIRES_MANUAL}
    entries = [entry("npm:a", **manual, confidence=Confidence.DOUBTFUL), entry("npm:b", **manual)]
    assert asked_for(*entries, ecosystem="npm")[0] == ["npm:b"]
    assert asked_for(*entries, sources=["npm:a"])[0] == ["npm:a"]


def test_a_category_asks_for_all_that_failed_for_one_of_its_causes():
    """By the taxonomy's categories, or by one cause; both filters together mean what they have in common."""
    history = {
        "npm:a": told(concluded(AttemptOutcome.TRANSIENT, before(days=1), subcategory=Subcategory.TIMEOUT)),
        "npm:b": told(failed(before(days=1), subcategory=Subcategory.YANKED)),
        "pypi:c": told(concluded(AttemptOutcome.TRANSIENT, before(days=1), subcategory=Subcategory.DNS_ERROR)),
    }
    entries = entry("npm:a"), entry("npm:b", status=FAILED), entry("pypi:c"), entry("npm:d", status=FAILED)
    assert asked_for(*entries, history=history, category="network_error")[0] == ["npm:a", "pypi:c"]
    assert asked_for(*entries, history=history, category="network_error", ecosystem="npm")[0] == ["npm:a"]
    assert asked_for(*entries, history=history, category="yanked")[0] == ["npm:b"]


def test_a_second_entry_of_a_source_is_not_asked_for():
    """It is never worked on."""
    assert asked_for(entry("npm:a", status=FAILED), entry("npm:a", status=FAILED), ecosystem="npm")[0] == ["npm:a"]


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        ({"sources": ["npm:aa"]}, UnknownName, "did you mean `doit requeue npm:a`"),
        ({"sources": ["a"]}, UnknownName, "did you mean `doit requeue npm:a`"),
        ({"category": "instal_failed"}, UnknownName, "did you mean install_failed"),
        ({"ecosystem": "pypl"}, UnknownName, "did you mean pypi"),
        ({"ecosystem": "npm"}, EmptySelection, "no package of npm is held back"),
        ({"category": "timeout", "ecosystem": "npm"}, EmptySelection, "no package of timeout and npm is held back"),
        ({}, BadInput, "doit requeue: names no package"),
        ({"sources": ["npm:a"], "category": "timeout"}, BadInput, "give either sources or a filter"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_one_line(wanted, error, words):
    """With the nearest name, and the exit code of its kind."""
    with pytest.raises(error) as refused:
        asked_for(entry("npm:a"), **wanted)
    assert words in refused.value.line()
    assert type(refused.value) is error


def test_every_cause_has_a_category():
    """So that each failure can be asked for by it."""
    assert causes_of("no_executables") == {Subcategory.NO_EXECUTABLES}
    assert Subcategory.TLS_ERROR in causes_of("network_error")


# ------------------------------------------------------------------------------------ on disk


@pytest.fixture
def paths(tmp_path):
    """A root with one failed and one finished package."""
    found = Paths(tmp_path)
    file = tmp_path / config().queue
    file.parent.mkdir(parents=True)
    entries = entry("npm:a", status=FAILED, failure_count=2), entry("npm:b", status=EntryStatus.SUCCESS)
    file.write_bytes(msgspec.json.encode(queue(*entries)))
    journal.append(found, [failed(before(days=1))])
    return found


def on_disk(paths) -> Queue:
    return msgspec.json.decode((paths.root / config().queue).read_bytes(), type=Queue)


def test_asking_again_writes_the_journal_and_then_the_queue(paths):
    """History forgets the failure, and the entry is pending."""
    done = requeue(paths, config(), Wanted(ecosystem="npm"), NOW, dry_run=False)
    assert done.sources == ["npm:a"]
    known = journal.history(paths)["npm:a"]
    assert (known.failure, known.tries, known.last_outcome) == (None, 1, AttemptOutcome.REQUEUED)
    assert known.last_message == "asked for again with all of npm"
    first = on_disk(paths).entries[0]
    assert (first.status, first.failure_count) == (EntryStatus.PENDING, 0)
    assert screen(render(done)) == "✓ 1 package pending again\n  npm:a\n"


def test_asking_again_twice_does_no_harm(paths):
    """A command that was killed between its two writes is given again."""
    for _ in range(2):
        requeue(paths, config(), Wanted(sources=["npm:a"]), NOW, dry_run=False)
    assert [line.outcome for line in journal.of_source(paths, "npm:a", 9)] == ["failed", "requeued"]


def test_a_dry_run_writes_nothing(paths):
    """It only says what it would do."""
    before_it = on_disk(paths), journal.of_source(paths, "npm:a", 9)
    done = requeue(paths, config(), Wanted(sources=["npm:b"]), NOW, dry_run=True)
    assert screen(render(done)) == "· 1 package would be pending again\n  npm:b\n"
    assert (on_disk(paths), journal.of_source(paths, "npm:a", 9)) == before_it


def test_nothing_is_written_while_somebody_works_on_the_root(paths):
    """A run that publishes would lose it, or this would lose the run's."""
    paths.build.mkdir()
    with alone(paths, NOW), pytest.raises(AlreadyRunning):
        requeue(paths, config(), Wanted(sources=["npm:a"]), NOW, dry_run=False)
    assert on_disk(paths).entries[0].status is FAILED


def test_what_is_in_review_may_be_asked_for_once_no_batch_waits_with_it(tmp_path):
    """A ledger that was lost must not lock a package for ever; one that holds it does."""
    root = Root(tmp_path / "root")
    Checkout(root.paths.root)
    root.queue("npm:a")
    batch_id = root.leave({"npm:a": b"# a\n"})
    root.publish()
    assert root.entries() == {"npm:a": REVIEW}
    with pytest.raises(PipelineError, match=batch_id):
        requeue(root.paths, config(), Wanted(sources=["npm:a"]), NOW, dry_run=False)
    root.paths.ledger.unlink()
    requeue(root.paths, config(), Wanted(sources=["npm:a"]), NOW, dry_run=False)
    assert root.entries() == {"npm:a": EntryStatus.PENDING}
