"""Publishing to a remote: what is pushed, what is refused, and what other publishers do meanwhile."""

from datetime import timedelta

import msgspec
import pytest

from pipeline.digests import sha256
from pipeline.errors import PipelineError
from pipeline.model import BatchState, PullRequestOrder
from pipeline.publishing.destination import Change
from pipeline.publishing.shared_state import PAUSES
from pipeline.state.ledger import Ledger
from pipeline.store import read
from tests.builders import NOW, config
from tests.publishing.batches import NO_PROGRAM, OUTAGE
from tests.publishing.lab import Checkout
from tests.publishing.registry import QUEUE, STATE, Registry

ID = "2026-03-02-mixed-001"
BATCH = f"batch/{ID}"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path)


def own(clone):
    """Return all that belongs to the user of a clone."""
    checkout = object.__new__(Checkout)
    checkout.top = clone.paths.root
    return {name: content for name, content in checkout.own().items() if not name.startswith("data/")}


def test_a_batch_is_a_branch_on_top_of_the_remote_s_base(registry):
    """The clone may lie behind; its work tree, index and HEAD are left alone."""
    clone = registry.clone("one")
    registry.editor.write("README.md", "newer\n")
    registry.commit("Newer")
    registry.push()
    clone.leave({"npm:a": b"# a\n"}, {"npm:b": NO_PROGRAM})
    before = own(clone)
    published = clone.publish()
    assert registry.tips().keys() == {"main", BATCH, STATE}
    assert registry.show(BATCH, "README.md") == "newer\n"
    assert registry.show(BATCH, "recipes/a/a.toml") == "# a\n"
    assert (published.state, published.commit) == (BatchState.PUBLISHED, registry.tips()[BATCH])
    assert own(clone) == {**before, "batch-control.json": clone.paths.control.read_bytes()}
    assert registry.statuses()["npm:a"] == "in_review"
    assert not [path for path in registry.files(STATE) if path.startswith(("recipes", "README"))]


def test_the_order_of_the_pull_request_is_kept_with_the_state(registry):
    """It names the batch in both parts of the squash, as the ledger does not depend on it."""
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    clone.publish()
    order = read(clone.paths.pull_request(ID), PullRequestOrder, purpose="order")
    digest = sha256(f"{order.title}\nWhat is in it\n".encode())[:16]
    assert (order.branch, order.body) == (BATCH, f"What is in it\n\n<!-- recipeline:{digest} -->\n")
    assert ID in order.squash_title
    assert f"batch_id: {ID}" in order.squash_body
    assert f"data/pull-requests/{ID}.json" in registry.files(STATE)


def test_publishing_again_changes_nothing(registry):
    """Neither here nor there."""
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    clone.publish()
    before, tips = clone.state(), registry.tips()
    again = clone.publish(LATER)
    assert (again.already, again.state_commit) == (True, "")
    assert (clone.state(), registry.tips()) == (before, tips)


def test_a_fresh_clone_goes_on_where_the_others_are(registry):
    """It takes the state from the branch, notes the merge and frees what waited."""
    one = registry.clone("one")
    one.leave({"npm:a": b"# a\n"})
    one.publish()
    registry.merge(BATCH)
    two = registry.clone("two")
    assert two.restore()
    assert not two.restore()
    assert two.state() == {**one.state(), "recipes/a/a.toml": b"# a\n"}
    two.leave({"npm:b": b"# b\n"}, number=2)
    published = two.publish(LATER)
    assert published.settled.merged == [ID]
    assert registry.statuses() == {
        "npm:a": "success",
        "npm:b": "in_review",
        "npm:c": "pending",
        "pypi:d": "pending",
        "pypi:e": "pending",
    }


def test_a_shallow_clone_with_a_detached_head_publishes(registry):
    """So does actions/checkout leave it."""
    for text in ("one\n", "two\n"):
        registry.editor.write("README.md", text)
        registry.commit(text)
    registry.push()
    first = registry.clone("one")
    first.leave({"npm:a": b"# a\n"})
    first.publish()
    clone = registry.clone("two", "--depth=1")
    Checkout.git(_checkout(clone), "checkout", "-q", "--detach")
    clone.restore()
    clone.leave({"npm:b": b"# b\n"}, number=2)
    published = clone.publish(LATER)
    assert registry.show(published.branch, "recipes/b/b.toml") == "# b\n"
    assert registry.statuses()["npm:a"] == "in_review"


def _checkout(clone):
    found = object.__new__(Checkout)
    found.top = clone.paths.root
    return found


# ------------------------------------------------------------------------------------ refused


def blocked(registry, clone, message):
    """Hold publishing, and trying it, to one refusal that writes nothing."""
    before, tips = clone.state(), registry.tips()
    for options in ({"dry_run": True}, {}):
        with pytest.raises(PipelineError, match=message):
            clone.publish(**options)
        assert (clone.state(), registry.tips()) == (before, tips)


def test_a_branch_of_somebody_else_is_refused(registry):
    """Also in a dry run."""
    registry.editor.git("push", "-q", "origin", f"main:refs/heads/{BATCH}")
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    blocked(registry, clone, "holds commits of somebody else")


def test_a_branch_named_batch_is_refused(registry):
    """git can hold no branch below it."""
    registry.editor.git("push", "-q", "origin", "main:refs/heads/batch")
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    blocked(registry, clone, f"origin cannot hold the branch {BATCH} beside batch")


def test_a_branch_of_that_batch_with_other_recipes_is_refused(registry):
    """Two machines that gave the same id to other work: the second is told, before anything is written."""
    one, two = registry.clone("one"), registry.clone("two")
    one.leave({"npm:a": b"# a\n"})
    one.destination().place(_change())
    two.leave({"npm:b": b"# b\n"})
    blocked(registry, two, "holds a batch with other recipes")


def test_a_batch_id_that_others_have_used_for_other_recipes_is_refused(registry):
    """The state says so; the batch that stands there is left alone."""
    one, two = registry.clone("one"), registry.clone("two")
    one.leave({"npm:a": b"# a\n"})
    one.publish()
    two.leave({"npm:b": b"# b\n"})
    tips = registry.tips()
    with pytest.raises(PipelineError, match="was made twice, with other recipes"):
        two.publish(LATER)
    assert registry.tips() == tips
    assert [entry.files[0].source for entry in Ledger(two.paths).entries().values()] == ["npm:a"]


def test_a_remote_without_the_base_is_one_clear_line(registry):
    """So is a remote that is not there, and a state branch that is the base."""
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    for changed, message in (
        ({"base": "trunk"}, "origin has no branch trunk"),
        ({"remote": "upstream"}, "has no such remote"),
        ({"state_branch": "main"}, "are both main"),
    ):
        clone.config = config(publish={"mode": "github", **changed})
        blocked(registry, clone, message)


def _change():
    return Change(branch=BATCH, files={"recipes/a/a.toml": b"# a\n"}, message="Add a\n", at="2026-03-02T12:00:00Z")


# ------------------------------------------------------------------------------------ two at once


def test_two_that_publish_the_same_payload_make_one_batch(registry):
    """The later one finds the branch, takes over what the first has written, and adds nothing."""
    one, two = registry.clone("one"), registry.clone("two")
    for clone in (one, two):
        clone.leave({"npm:a": b"# a\n"}, {"npm:b": NO_PROGRAM})
    one.publish()
    tips = registry.tips()
    that_is_late(two).publish(LATER)
    assert registry.tips() == tips
    assert two.state() == one.state()


def that_is_late(clone):
    """Return a clone that publishes with what it saw of the state before others saved theirs."""
    opened = clone.destination
    clone.destination = lambda: _Late(opened())
    return clone


class _Late:
    """A destination that has looked at the state before others have changed it."""

    def __init__(self, real):
        self._real = real

    def __getattr__(self, name):
        return getattr(self._real, name)

    def restore_state(self):
        return False


def test_two_batches_at_once_lose_nothing_of_each_other(registry):
    """The one that saves later takes in what the other has saved, and carries its own out again on top."""
    one, two, alone = registry.clone("one"), registry.clone("two"), registry.clone("alone")
    one.leave({"npm:a": b"# a\n"}, {"npm:b": NO_PROGRAM})
    for clone in (two, alone):
        clone.leave({"pypi:d": b"# d\n"}, {"pypi:e": OUTAGE, "npm:c": OUTAGE}, number=2)
    one.publish()
    that_is_late(two).publish(LATER)
    assert registry.statuses() == {
        "npm:a": "in_review",
        "npm:b": "requires_manual",
        "npm:c": "pending",
        "pypi:d": "in_review",
        "pypi:e": "pending",
    }
    assert set(two.lines()) >= set(one.lines())
    assert len(two.lines()) == len(set(two.lines())) == len(one.lines()) + 7
    assert list(Ledger(two.paths).ids) == [ID, "2026-03-02-mixed-002"]
    assert len(two.lines("metrics")) == 2
    one.restore()
    assert one.state() == two.state()


def test_a_state_that_others_always_save_first_is_an_error_that_loses_nothing(registry):
    """After eight tries, with growing pauses; the next publication saves it."""
    one, other = registry.clone("one"), registry.clone("other")
    one.leave({"npm:a": b"# a\n"})
    one.paths.data.joinpath("mine.txt").write_text("mine")
    destination = one.destination()
    remote = destination._shared._remote
    count = 0

    def others():
        nonlocal count
        count += 1
        other.paths.data.joinpath("note.txt").write_text(str(count))
        other.destination().save_state("State", "2026-03-02T12:00:00Z", lambda: "2026-03-02T12:00:00Z")

    class Contended(type(remote)):
        def push(self, branch, commit, *, expected):
            others()
            return super().push(branch, commit, expected=expected)

    destination._shared._remote = Contended(repository=remote.repository, name=remote.name, token="")
    with pytest.raises(PipelineError, match="8 times while this one"):
        destination.save_state("State", "2026-03-02T12:00:00Z", lambda: "2026-03-02T12:00:00Z")
    assert one.clock.pauses == list(PAUSES)
    assert one.destination().save_state("State", "2026-03-02T12:00:00Z", lambda: "2026-03-02T12:00:00Z")
    assert registry.show(STATE, "data/mine.txt") == "mine"
    assert registry.show(STATE, "data/note.txt") == "8"


# ------------------------------------------------------------------------------------ people


def test_a_switch_that_people_commit_to_the_base_reaches_every_clone(registry):
    """And leaves again when they say so; breakers and budget are not theirs."""
    one, two = registry.clone("one"), registry.clone("two")
    one.leave({"npm:a": b"# a\n"})
    one.publish()
    registry.editor.write(
        "batch-control.json", '{"enabled": false, "reason": "look", "budget": {"linux_minutes_used": 9}}\n'
    )
    registry.commit("Stop")
    registry.push()
    two.restore()
    told = msgspec.json.decode(two.paths.control.read_bytes())
    assert (told["enabled"], told["reason"]) == (False, "look")
    assert told["budget"]["linux_minutes_used"] != 9
    two.destination().save_state("State", "2026-03-02T12:00:00Z", lambda: "2026-03-02T12:00:00Z")
    registry.editor.write("batch-control.json", '{"enabled": true}\n')
    registry.commit("Go on")
    registry.push()
    one.restore()
    assert msgspec.json.decode(one.paths.control.read_bytes())["enabled"] is True


def test_an_edit_of_the_base_counts_once(registry):
    """What the pipeline has made of an entry since is not taken back by an edit that it knew already."""
    one = registry.clone("one")
    queue = registry.editor.top / QUEUE
    queue.write_text(queue.read_text().replace('"priority": 2', '"priority": 1', 1))
    registry.commit("Want a first")
    registry.push()
    one.leave({"npm:a": b"# a\n"})
    one.publish()
    one.publish(LATER)
    assert registry.statuses()["npm:a"] == "in_review"
    assert '"priority": 1' in registry.show(STATE, QUEUE)
    old = registry.clone("old")
    Checkout.git(_checkout(old), "reset", "-q", "--hard", "HEAD~1")
    old.restore()
    assert '"priority": 1' in (old.paths.root / QUEUE).read_text()


def test_a_rollback_is_a_branch_of_the_remote_with_its_own_order(registry):
    """The recipe is in use on the remote's base, not in this clone."""
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    clone.publish()
    registry.merge(BATCH)
    done = registry.clone("two").roll_back(ID, now=LATER)
    assert done.branch == f"rollback/{ID}"
    assert "recipes/a/a.toml" not in registry.files(done.branch)
    order = msgspec.json.decode(registry.show(STATE, f"data/pull-requests/{ID}.json"), type=PullRequestOrder)
    assert (order.branch, order.auto_merge) == (done.branch, False)
    assert registry.statuses()["npm:a"] == "requires_manual"


def test_a_rollback_before_the_merge_drops_the_order(registry):
    """Nobody is to open that pull request any more."""
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    clone.publish()
    clone.roll_back(ID, now=LATER)
    assert f"data/pull-requests/{ID}.json" not in registry.files(STATE)
