"""Batches taken out of use again, in a git checkout and in a plain folder."""

import json
from datetime import timedelta

import pytest

from pipeline.body import BODY_LIMIT, size
from pipeline.commands.rollback import render
from pipeline.errors import PipelineError, UnknownName
from pipeline.model import Attempt, AttemptOutcome, BatchState, EntryStatus, LedgerFile, Payload, Stage
from pipeline.publishing.undo import Undo, body_of, message_of, payload_of
from pipeline.state import journal
from pipeline.state.ledger import Ledger
from pipeline.store import read
from tests.builders import NOW
from tests.builders_ledger import ledger_entry
from tests.publishing.batches import Root
from tests.publishing.lab import Checkout
from tests.screens import screen

LATER = NOW + timedelta(hours=1)
MUCH_LATER = NOW + timedelta(hours=2)
ID = "2026-03-02-mixed-001"
OLD_B = b"# b, old\n"
A, B = "recipes/a/a.toml", "recipes/b/b.toml"


class Merging(Root):
    """A root whose branches are merged by somebody at once; without git that is done anyway."""

    def __init__(self, folder, checkout=None):
        super().__init__(folder)
        self.checkout = checkout

    def merge(self, branch):
        if self.checkout is not None and branch:
            self.checkout.git("merge", "-q", branch, "-m", "Merge")

    def released(self, made, number=1, replaces=None):
        """Publish and merge a batch; return its id."""
        self.leave(made, number=number, replaces=replaces)
        published = self.publish()
        self.merge(published.branch)
        self.publish()  # notes the merge
        return published.batch_id

    def undone(self, *sources, batch_id=ID, now=LATER):
        """Roll back and merge that."""
        done = self.roll_back(batch_id, *sources, now=now)
        self.merge(done.branch)
        return done

    def recipes(self):
        found = {path: self.destination().current(path) for path in (A, B)}
        return {path: content for path, content in found.items() if content is not None}


@pytest.fixture(params=["git", "folder"])
def root(request, tmp_path):
    top = tmp_path / "root"
    checkout = Checkout(top) if request.param == "git" else None
    found = Merging(top, checkout)
    (top / "recipes/b").mkdir(parents=True)
    (top / B).write_bytes(OLD_B)
    if checkout is not None:
        checkout.write(".gitignore", "build/\ndata/\nbatch-control.json\n")
        checkout.git("add", "-A")
        checkout.git("commit", "-q", "-m", "b")
    found.queue("npm:a", "npm:b", "npm:other")
    return found


@pytest.fixture
def released(root):
    root.released({"npm:a": b"# a\n", "npm:b": b"# b, new\n"}, replaces={"npm:b": OLD_B})
    return root


def test_a_whole_batch(released):
    """What was new is removed, what was replaced comes back, and the packages are not made again."""
    done = released.undone()
    assert (done.removed, done.restored, done.state) == ([A], [B], BatchState.ROLLED_BACK)
    assert released.recipes() == {B: OLD_B}
    assert released.entries() == {
        "npm:a": EntryStatus.REQUIRES_MANUAL,
        "npm:b": EntryStatus.REQUIRES_MANUAL,
        "npm:other": EntryStatus.PENDING,
    }
    lines = [(line.source, line.outcome) for line in journal.of_batch(released.paths, ID) if line.stage == "rollback"]
    assert lines == [("npm:a", "rolled_back"), ("npm:b", "rolled_back")]
    assert Ledger(released.paths).entry(ID).state is BatchState.ROLLED_BACK


def test_it_has_a_payload_of_its_own(released):
    """With what is removed, the restored bytes, a text and a commit message."""
    released.roll_back(ID, now=LATER)
    folder = released.paths.rollback_folder / ID
    payload = read(folder / "pr.json", Payload, purpose="payload")
    assert (payload.branch, payload.removed, payload.included) == (f"rollback/{ID}", [A], ["npm:a", "npm:b"])
    assert [file.path for file in payload.files] == [B]
    assert (folder / "files" / B).read_bytes() == OLD_B
    assert f"| `{A}` | removed |" in (folder / payload.body_file).read_text()
    assert f"- remove {A}" in (folder / payload.commit_message_file).read_text()


def test_one_package_of_a_batch(released):
    """The rest stands; rolling back the others later ends the batch."""
    done = released.undone("npm:b")
    assert (done.removed, done.restored, done.state) == ([], [B], BatchState.MERGED)
    assert released.recipes() == {A: b"# a\n", B: OLD_B}
    assert Ledger(released.paths).entry(ID).rolled_back == ["npm:b"]
    assert released.entries()["npm:a"] is EntryStatus.SUCCESS
    released.undone("npm:a", now=MUCH_LATER)
    assert released.recipes() == {B: OLD_B}
    assert Ledger(released.paths).entry(ID).state is BatchState.ROLLED_BACK


def test_two_packages_one_after_the_other_before_anybody_merges(released):
    """The branch holds both then."""
    released.roll_back(ID, "npm:b", now=LATER)
    released.merge(released.roll_back(ID, "npm:a", now=MUCH_LATER).branch)
    assert released.recipes() == {B: OLD_B}


def test_repeating_it_changes_nothing(released):
    """Nor does a repetition once it is merged."""
    first = released.roll_back(ID, now=LATER)
    before = released.state()
    again = released.roll_back(ID, now=MUCH_LATER)
    assert again.already == ["npm:a", "npm:b"]
    assert (again.branch, again.commit) == (first.branch, first.commit)
    assert released.state() == before
    released.merge(first.branch)
    merged = released.roll_back(ID, now=MUCH_LATER)
    assert (merged.removed, merged.restored, merged.not_to_merge) == ([], [], "")
    assert released.recipes() == {B: OLD_B}


def test_a_dry_run_writes_nothing(released):
    """It names what would be removed and restored."""
    before = released.state()
    told = released.roll_back(ID, now=LATER, dry_run=True)
    assert (told.removed, told.restored, told.branch) == ([A], [B], "")
    assert released.state() == before
    assert not (released.paths.rollback_folder).exists()


def test_a_part_of_a_batch_that_is_half_published_is_refused(released):
    """Finishing the publication would bring it back; all of it may be taken back as ever."""
    ledger = released.paths.ledger
    first, *_ = ledger.read_text().splitlines(keepends=True)
    ledger.write_text(first)
    assert Ledger(released.paths).is_unfinished(ID)
    with pytest.raises(PipelineError, match="was cut off") as refused:
        released.undone("npm:a")
    assert "doit publish" in refused.value.remedy
    assert ledger.read_text() == first
    assert len(released.undone().sources) == 2


def test_what_was_changed_since_is_left_alone_and_named(released):
    """With what was found and what was expected; nothing at all is done then."""
    released.paths.recipe(A).write_bytes(b"# edited by hand\n")
    released.paths.recipe(B).unlink()
    if released.checkout is not None:
        released.checkout.git("commit", "-q", "-a", "-m", "By hand")
    before = released.state()
    with pytest.raises(PipelineError) as caught:
        released.roll_back(ID, now=LATER)
    line = caught.value.line()
    assert caught.value.exit_code == 3
    assert f"{A} (found " in line
    assert f"{B} (found none, expected " in line
    assert f"remedy: edit or remove by hand what a person has edited ({A}), or name the others with --source" in line
    assert released.state() == before


def test_a_later_batch_is_named(released):
    """It has to be rolled back first; then the earlier one can be."""
    second = released.released({"npm:b": b"# b, newer\n"}, number=2, replaces={"npm:b": b"# b, new\n"})
    with pytest.raises(PipelineError, match=f"{B} .found [0-9a-f]* of batch {second}, expected"):
        released.roll_back(ID, now=LATER)
    released.undone(batch_id=second)
    assert released.recipes()[B] == b"# b, new\n"
    released.undone(now=MUCH_LATER)
    assert released.recipes() == {B: OLD_B}


def test_a_later_batch_that_made_the_same_bytes_anew_is_named(released):
    """Its recipe is that batch's by now; it has to be rolled back first."""
    second = released.released({"npm:a": b"# a\n"}, number=2, replaces={"npm:a": b"# a\n"})
    before = released.state()
    with pytest.raises(PipelineError, match=f"{A} .found [0-9a-f]* of batch {second}, expected"):
        released.roll_back(ID, "npm:a", now=LATER)
    assert released.state() == before
    released.undone(batch_id=second)
    assert released.undone("npm:a", now=MUCH_LATER).removed == [A]


def test_what_has_been_undone_by_hand_needs_nothing(released):
    """The packages are given up all the same."""
    released.paths.recipe(A).unlink()
    if released.checkout is not None:
        released.checkout.git("commit", "-q", "-a", "-m", "By hand")
    done = released.undone("npm:a")
    assert (done.removed, done.restored, done.branch) == ([], [], "")
    assert released.entries()["npm:a"] is EntryStatus.REQUIRES_MANUAL


def test_a_package_that_was_asked_for_again_is_not_given_up_twice(released):
    """Finishing a rollback does not undo what a person did after it."""
    released.undone("npm:a")
    journal.append(released.paths, [requeue_line("npm:a")])
    path = released.paths.root / "data/queues/priority-queue.json"
    raw = json.loads(path.read_text())
    raw["entries"][0]["status"] = "pending"
    path.write_text(json.dumps(raw))
    again = released.released({"npm:a": b"# a\n"}, number=2)
    done = released.undone("npm:a", now=MUCH_LATER)
    assert (done.removed, released.recipes()[A]) == ([], b"# a\n")
    assert released.entries()["npm:a"] is EntryStatus.SUCCESS
    assert Ledger(released.paths).entry(again).state is BatchState.MERGED


def requeue_line(source):
    return Attempt(source=source, stage=Stage.REQUEUE, outcome=AttemptOutcome.REQUEUED, at="2026-03-02T13:30:00Z")


def test_replaced_bytes_that_are_gone_are_told_before_anything_is_done(released):
    """With the place and the digest that is wanted."""
    for path in released.paths.replaced_folder.iterdir():
        path.write_bytes(b"something else")
    before = released.state()
    with pytest.raises(PipelineError, match="is not there as it was"):
        released.roll_back(ID, now=LATER)
    assert released.state() == before


def test_names_that_the_ledger_does_not_know(released):
    """The nearest one is named."""
    with pytest.raises(UnknownName, match="no batch 2026-03-02-mixed-002") as caught:
        released.roll_back("2026-03-02-mixed-002")
    assert ID in caught.value.remedy
    assert caught.value.exit_code == 5
    with pytest.raises(UnknownName, match="no recipe of npm:bb") as caught:
        released.roll_back(ID, "npm:bb")
    assert "npm:b?" in caught.value.remedy


# ------------------------------------------------------------------------------------ not merged yet


@pytest.fixture
def waiting(tmp_path):
    checkout = Checkout(tmp_path / "root")
    found = Merging(tmp_path / "root", checkout)
    found.queue("npm:a", "npm:b", "npm:other")
    found.leave({"npm:a": b"# a\n", "npm:b": b"# b\n"})
    found.publish()
    return found


def test_a_batch_that_is_not_merged_yet(waiting):
    """Its recipes are not there; its branch must not be merged any more."""
    done = waiting.roll_back(ID, now=LATER)
    assert (done.removed, done.restored, done.branch) == ([], [], "")
    assert done.not_to_merge == f"batch/{ID}"
    assert waiting.entries()["npm:a"] is EntryStatus.REQUIRES_MANUAL
    assert waiting.roll_back(ID, now=MUCH_LATER).not_to_merge == f"batch/{ID}"


def test_a_branch_that_was_merged_all_the_same_can_be_undone(waiting):
    """By the same command; the entries are not taken for a success."""
    waiting.roll_back(ID, now=LATER)
    waiting.merge(f"batch/{ID}")
    waiting.publish(MUCH_LATER)
    assert waiting.entries()["npm:a"] is EntryStatus.REQUIRES_MANUAL
    done = waiting.undone(now=MUCH_LATER)
    assert (done.removed, done.not_to_merge) == ([A, B], "")
    assert waiting.recipes() == {}


def test_a_part_of_a_batch_that_is_not_merged_yet_ends_all_of_it(waiting):
    """What was named is given up; the others are made again by a later batch, and the journal says why."""
    done = waiting.roll_back(ID, "npm:b", now=LATER)
    assert (done.state, done.sources, done.given_back) == (BatchState.ROLLED_BACK, ["npm:b"], ["npm:a"])
    assert "pending            npm:a: they were in the same batch" in screen(render(done, dry_run=False))
    entries = waiting.entries()
    assert (entries["npm:a"], entries["npm:b"]) == (EntryStatus.PENDING, EntryStatus.REQUIRES_MANUAL)
    ends = {line.source: line for line in journal.of_batch(waiting.paths, ID) if line.at == "2026-03-02T13:00:00Z"}
    assert (ends["npm:a"].stage, ends["npm:b"].stage) == (Stage.REQUEUE, Stage.ROLLBACK)
    assert "others of it were rolled back" in ends["npm:a"].message


def test_repeating_that_changes_nothing_also_after_a_later_batch(waiting):
    """What the later batch has in review stays there."""
    waiting.roll_back(ID, "npm:b", now=LATER)
    state = waiting.state()
    assert waiting.roll_back(ID, "npm:b", now=MUCH_LATER).given_back == ["npm:a"]
    assert waiting.state() == state
    waiting.leave({"npm:a": b"# a\n"}, number=2)
    waiting.publish(MUCH_LATER)
    waiting.roll_back(ID, "npm:b", now=MUCH_LATER)
    assert waiting.entries()["npm:a"] is EntryStatus.IN_REVIEW


def test_the_rest_of_it_may_be_rolled_back_too(waiting):
    """Then it is given up as well."""
    waiting.roll_back(ID, "npm:b", now=LATER)
    done = waiting.roll_back(ID, now=MUCH_LATER)
    assert (done.already, done.given_back) == (["npm:b"], [])
    assert waiting.entries()["npm:a"] is EntryStatus.REQUIRES_MANUAL


def test_a_branch_that_is_merged_though_a_part_was_rolled_back_can_be_undone(waiting):
    """Only what was named goes; nothing counts as a success of that batch."""
    waiting.roll_back(ID, "npm:b", now=LATER)
    waiting.merge(f"batch/{ID}")
    waiting.publish(MUCH_LATER)
    statuses = waiting.entries()
    assert (statuses["npm:a"], statuses["npm:b"]) == (EntryStatus.PENDING, EntryStatus.REQUIRES_MANUAL)
    assert waiting.undone("npm:b", now=MUCH_LATER).removed == [B]
    assert waiting.recipes() == {A: b"# a\n"}


def test_a_batch_without_recipes_cannot_be_rolled_back(waiting):
    """There is nothing to do, and that is said."""
    waiting.leave({}, {}, number=3)
    waiting.publish()
    with pytest.raises(PipelineError, match="holds no recipes"):
        waiting.roll_back("2026-03-02-mixed-003")


@pytest.mark.parametrize("count", [1, 400, 3000])
def test_the_text_of_a_rollback_fits_into_a_pull_request_and_says_what_it_leaves_out(count):
    """However many recipes with names of the greatest length it takes back; the commit names them all."""
    names = [f"recipes/a/{'a' * 90}{number:04d}.toml" for number in range(count)]
    entry = ledger_entry(files=[])
    files = [LedgerFile(source=f"npm:a{number}", path=path, sha256="a" * 64) for number, path in enumerate(names)]
    payload = payload_of(entry, files, Undo(removed=names), [])
    body = body_of(payload, entry)
    shown = body.count("| removed |")
    assert size(body) <= BODY_LIMIT
    assert (shown == count) == ("more | the commit's message names all |" not in body)
    assert shown == count or f"| and {count - shown} more |" in body
    assert all(name in message_of(payload, entry) for name in names)
