"""A remote that refuses a branch, loses its history or holds what nobody can read; and a root below its top."""

from datetime import timedelta

import pytest

from pipeline.errors import PipelineError
from pipeline.lock import alone
from pipeline.model import BatchState
from pipeline.publishing.books import Books
from pipeline.publishing.requeue import Wanted, requeue
from pipeline.publishing.sync import sync, take_in
from pipeline.state.ledger import Ledger
from pipeline.store import encode
from tests.builders import NOW, entry, queue
from tests.publishing.registry import QUEUE, STATE, Clone, Registry

LATER = NOW + timedelta(hours=1)
CONTROL = "batch-control.json"


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path)


def refuse(registry, branch, words):
    """Have the server refuse pushes to a branch, with some words."""
    hook = registry.bare / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!/bin/sh\nwhile read -r old new name; do\n[ $name != refs/heads/{branch} ] || {{ {words} }}\ndone\n"
    )
    hook.chmod(0o755)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("echo 'error: GH006: Protected branch update failed' >&2; exit 1;", "the branch is protected"),
        ("echo 'error: GH013: Repository rule violations found' >&2; exit 1;", "the branch is protected"),
        ("echo 'a rule of ours' >&2; exit 1;", "pre-receive hook declined"),
    ],
    ids=["protected", "rules", "hook"],
)
def test_a_state_branch_that_is_refused_is_one_line_and_the_root_has_it_all(registry, words, told):
    """The batch is pushed, the ledger here knows it; once the rule is gone, the next one saves it."""
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    refuse(registry, STATE, words)
    with pytest.raises(PipelineError) as caught:
        clone.publish()
    line = caught.value.line()
    assert f"git push origin {STATE}: " in line
    assert told in line
    assert (caught.value.exit_code, line.count("\n")) == (3, 0)
    (known,) = Ledger(clone.paths).entries().values()
    assert (known.state, known.commit) == (BatchState.PUBLISHED, registry.tips()[known.branch])
    assert STATE not in registry.tips()
    (registry.bare / "hooks/pre-receive").unlink()
    again = clone.publish(LATER)
    assert (again.already, again.state_commit) == (True, registry.tips()[STATE])
    assert registry.statuses()["npm:a"] == "in_review"


def test_a_job_that_may_only_read_takes_in_the_state_and_leaves_the_rest(registry):
    """A merge meanwhile is not written down there, as it could not be saved; the next job that may write does it."""
    one, reader = registry.clone("one"), registry.clone("reader")
    one.leave({"npm:a": b"# a\n"})
    told = one.publish()
    registry.merge(told.branch)
    refuse(registry, STATE, "exit 1;")
    with alone(reader.paths, LATER):
        assert take_in(reader.destination()).restored
    assert Ledger(reader.paths).entry(told.batch_id).state is BatchState.PUBLISHED
    (registry.bare / "hooks/pre-receive").unlink()
    assert one.publish(LATER).settled.merged == [told.batch_id]


def test_what_is_written_down_before_the_first_batch_is_saved(registry):
    """A line of the journal, or an alarm: a job in CI has no other place to keep it; without any, nothing is saved."""
    one, two = registry.clone("one"), registry.clone("two")
    for clone, saved in ((one, False), (two, True)):
        if saved:
            requeue(clone.paths, clone.config, Wanted(sources=["npm:a"]), NOW, dry_run=False)
        with alone(clone.paths, LATER):
            books = Books(clone.paths, clone.config)
            synced = sync(books, destination=clone.destination(), forge=None, now=LATER)
        assert (bool(synced.state_commit), STATE in registry.tips()) == (saved, saved)
    assert one.restore()
    assert one.lines() == two.lines() != []


def overwrite(registry, files):
    """Have somebody commit some files to the state branch, by force, without its history."""
    editor = registry.editor
    editor.git("fetch", "-q", "origin")
    editor.git("checkout", "-q", "--detach", f"origin/{STATE}")
    for path, text in files.items():
        editor.write(path, text)
    editor.git("add", "-A", "-f")
    tree = editor.git("write-tree")
    commit = editor.git("commit-tree", tree, "-m", "Rewritten")
    editor.git("push", "-q", "-f", "origin", f"{commit}:refs/heads/{STATE}")
    editor.git("checkout", "-q", "-f", "main")


@pytest.mark.parametrize("path", [QUEUE, CONTROL])
def test_a_damaged_file_of_the_state_branch_is_named_and_nothing_is_written(registry, path):
    """Where it stands and what is wrong; the root's own state is as it was, and that of the branch, too."""
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    clone.publish()
    overwrite(registry, {path: "{ cut off"})
    before, tips = clone.state(), registry.tips()
    for one in (clone, registry.clone("fresh")):
        with pytest.raises(PipelineError) as caught:
            one.restore(LATER)
        assert path in caught.value.message
        assert caught.value.exit_code == 4
    assert (clone.state(), registry.tips()) == (before, tips)


@pytest.mark.parametrize("path", ["data/batches.jsonl", "data/journal/2026-03.jsonl"])
def test_a_line_that_nobody_can_read_is_passed_over(registry, path):
    """The others count; a line is never lost for the sake of one that is damaged."""
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    told = clone.publish()
    overwrite(registry, {path: '{"batch_id": "cut o\n' + registry.show(STATE, path)})
    assert clone.restore(LATER)
    fresh = registry.clone("fresh")
    fresh.restore(LATER)
    for one in (clone, fresh):
        known = Ledger(one.paths).entry(told.batch_id)
        assert known is not None
        assert known.state is BatchState.PUBLISHED
        assert any(b"npm:a" in line for line in one.lines())


def test_a_state_branch_that_was_rewritten_or_deleted_gets_back_what_a_root_knows(registry):
    """Whoever took lines away, or the branch: what this root has seen is there after its next publication."""
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    told = clone.publish()
    overwrite(registry, {"data/batches.jsonl": "", QUEUE: registry.show("main", QUEUE)})
    assert clone.publish(LATER).already
    assert told.batch_id in registry.show(STATE, "data/batches.jsonl")
    registry.editor.git("push", "-q", "origin", "--delete", STATE)
    assert clone.publish(LATER).already
    assert told.batch_id in registry.show(STATE, "data/batches.jsonl")


def test_a_base_that_was_rewritten_by_force_is_what_counts(registry):
    """A merge that it no longer has stays merged in the ledger; the next batch is made on top of it."""
    clone = registry.clone("one")
    clone.leave({"npm:a": b"# a\n"})
    first = clone.publish()
    registry.merge(first.branch)
    assert clone.publish(LATER).settled.merged == [first.batch_id]
    editor = registry.editor
    editor.git("reset", "-q", "--hard", "HEAD~1")
    editor.git("commit", "-q", "--amend", "-m", "History made anew")
    editor.git("push", "-q", "-f", "origin", "main")
    clone.leave({"npm:b": b"# b\n"}, number=2)
    second = clone.publish(LATER)
    assert second.state is BatchState.PUBLISHED
    assert registry.files(second.branch) == [*registry.files("main")[:3], "recipes/b/b.toml", "recipes/o/old.toml"]
    assert Ledger(clone.paths).entry(first.batch_id).state is BatchState.MERGED
    registry.merge(second.branch)
    assert clone.publish(LATER).settled.merged == [second.batch_id]


def test_a_root_below_the_top_of_its_repository(registry):
    """Published, settled, taken in by another clone and taken back: nothing outside the folder is written."""
    registry.editor.write(f"tools/{QUEUE}", encode(queue(entry("npm:a"))).decode())
    registry.commit("A registry below")
    registry.push()
    one, two = (Clone(registry.clone(name).paths.root / "tools") for name in ("one", "two"))
    one.leave({"npm:a": b"# a\n"})
    told = one.publish()
    outside = [path for path in registry.files("main") if not path.startswith("tools/")]
    assert registry.files(told.branch) == [*outside, f"tools/{QUEUE}", "tools/recipes/a/a.toml"]
    registry.merge(told.branch)
    with alone(two.paths, LATER):
        synced = sync(Books(two.paths, two.config), destination=two.destination(), forge=None, now=LATER)
    assert (synced.restored, synced.settled.merged) == (True, [told.batch_id])
    undone = one.roll_back(told.batch_id, now=LATER)
    registry.merge(undone.branch)
    assert registry.files("main") == [*outside, f"tools/{QUEUE}"]
    assert {path.partition("/")[0] for path in registry.files(STATE)} == {"tools"}
    two.restore(LATER)
    assert two.state() == one.state()
