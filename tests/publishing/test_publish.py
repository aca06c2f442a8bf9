"""A batch made public, in a git checkout and in a plain folder."""

import json
from datetime import timedelta

import msgspec
import pytest

from pipeline.errors import PipelineError
from pipeline.history.ledger import held_paths
from pipeline.model import AttemptOutcome, BatchState, EntryStatus, Stage
from pipeline.state import journal
from pipeline.state.ledger import Ledger
from pipeline.state.queue_file import change
from tests.builders import NOW, config
from tests.publishing.batches import NEEDS_A, NO_PROGRAM, OUTAGE, Root
from tests.publishing.lab import Checkout

LATER = NOW + timedelta(hours=1)
SOURCES = ("npm:a", "npm:b", "npm:lib", "pypi:needs", "pypi:slow", "npm:other")
OTHERS = {"npm:lib": NO_PROGRAM, "pypi:needs": NEEDS_A, "pypi:slow": OUTAGE}
OLD_B = b"# b, old\n"


@pytest.fixture
def checkout(tmp_path):
    found = Checkout(tmp_path / "root")
    found.write("recipes/b/b.toml", OLD_B.decode())
    found.git("add", "-A")
    found.git("commit", "-q", "-m", "b")
    return found


@pytest.fixture
def in_git(checkout):
    return filled(Root(checkout.top))


@pytest.fixture
def in_folder(tmp_path):
    root = Root(tmp_path / "plain")
    recipe = root.paths.recipe("recipes/b/b.toml")
    recipe.parent.mkdir(parents=True)
    recipe.write_bytes(OLD_B)
    return filled(root)


@pytest.fixture(params=["git", "folder"])
def root(request):
    return request.getfixturevalue(f"in_{request.param}")


def filled(root):
    root.queue(*SOURCES)
    root.leave({"npm:a": b"# a\n", "npm:b": b"# b, new\n"}, OTHERS, replaces={"npm:b": OLD_B})
    return root


def entry_of(root, number=1):
    return Ledger(root.paths).entry(f"2026-03-02-mixed-{number:03d}")


def test_a_checkout_gets_a_branch_that_waits_for_its_merge(in_git, checkout):
    """The entries are in review; the work tree keeps its recipes."""
    published = in_git.publish()
    assert (published.state, published.branch) == (BatchState.PUBLISHED, "batch/2026-03-02-mixed-001")
    assert checkout.git("diff", "--name-status", "main", published.branch).splitlines() == [
        "A\trecipes/a/a.toml",
        "M\trecipes/b/b.toml",
    ]
    assert in_git.entries() == {
        "npm:a": EntryStatus.IN_REVIEW,
        "npm:b": EntryStatus.IN_REVIEW,
        "npm:lib": EntryStatus.REQUIRES_MANUAL,  # it has no executables
        "pypi:needs": EntryStatus.BLOCKED,
        "pypi:slow": EntryStatus.PENDING,
        "npm:other": EntryStatus.PENDING,
    }
    assert in_git.paths.recipe("recipes/b/b.toml").read_bytes() == OLD_B
    assert checkout.git("log", "-1", "--format=%aI", published.branch) == "2026-03-02T12:00:00+00:00"


def test_a_folder_gets_the_recipes_and_frees_who_waited_for_them(in_folder):
    """There is nobody who would merge."""
    published = in_folder.publish()
    assert (published.state, published.branch, published.commit) == (BatchState.MERGED, "", "")
    assert in_folder.paths.recipe("recipes/a/a.toml").read_bytes() == b"# a\n"
    assert in_folder.paths.recipe("recipes/b/b.toml").read_bytes() == b"# b, new\n"
    statuses = in_folder.entries()
    assert (statuses["npm:a"], statuses["npm:b"]) == (EntryStatus.SUCCESS, EntryStatus.SUCCESS)
    assert statuses["pypi:needs"] is EntryStatus.PENDING  # `a` is there now


def test_the_ledger_says_what_was_replaced(root):
    """And the bytes are kept, with git or without."""
    root.publish()
    entry = entry_of(root)
    old = {file.path: file.previous_sha256 for file in entry.files}
    assert old["recipes/a/a.toml"] is None
    assert root.paths.replaced(old["recipes/b/b.toml"]).read_bytes() == OLD_B
    assert next(line.state for line in Ledger(root.paths).lines(entry.batch_id)) is BatchState.BUILT
    assert [each.source for each in entry.excluded] == list(OTHERS)


def test_everything_that_is_remembered_is_written(root):
    """Journal, numbers, minutes: each with the time of the publication."""
    root.publish()
    written = [json.loads(line) for line in (root.paths.journal_folder / "2026-03.jsonl").read_text().splitlines()]
    ends = {line["source"]: line["outcome"] for line in written if line["stage"] == "payload"}
    assert ends == {
        "npm:a": "succeeded",
        "npm:b": "succeeded",
        "npm:lib": "failed",
        "pypi:needs": "blocked",
        "pypi:slow": "transient",
    }
    (numbers,) = (json.loads(line) for line in (root.paths.metrics_folder / "2026-03.jsonl").read_text().splitlines())
    assert (numbers["batch_id"], numbers["at"]) == ("2026-03-02-mixed-001", "2026-03-02T12:00:00Z")
    control = json.loads(root.paths.control.read_text())
    assert control["budget"]["week_start"] == "2026-03-02"
    assert control["budget"]["linux_minutes_used"] > 0


def test_publishing_again_changes_nothing(root):
    """Not even an hour later; it says so."""
    root.publish()
    before = root.state()
    again = root.publish(LATER)
    assert (again.already, again.state_commit) == (True, "")
    assert root.state() == before


def test_a_dry_run_writes_nothing(root):
    """It says what a publication would do."""
    before = root.state()
    told = root.publish(dry_run=True)
    assert (len(told.files), len(told.excluded), told.commit) == (2, 3, "")
    assert root.state() == before


@pytest.mark.parametrize("way", ["another branch", "somebody else", "a lock", "a lock of the state", "checked out"])
def test_a_dry_run_sees_what_blocks_a_branch(in_git, checkout, way):
    """As the publication itself does, before it has written anything."""
    branch = "batch/2026-03-02-mixed-001"
    heads = checkout.top / ".git/refs/heads"
    match way:
        case "another branch":
            checkout.git("branch", "batch")
        case "somebody else":
            checkout.git("branch", branch)
        case "a lock":
            (heads / "batch").mkdir()
            (heads / f"{branch}.lock").touch()
        case "a lock of the state":
            (heads / "recipeline-state.lock").touch()
        case _:
            checkout.git("checkout", "-q", "-b", "recipeline-state")
    before, refs = in_git.state(), checkout.refs()
    for options in ({"dry_run": True}, {}):
        with pytest.raises(PipelineError, match=r"the branch (batch/2026-03-02-mixed-001|recipeline-state) "):
            in_git.publish(**options)
        assert (in_git.state(), checkout.refs()) == (before, refs)


def test_a_payload_of_another_batch_with_the_same_id_is_refused(root):
    """It was made elsewhere: publishing it silently would lose it."""
    root.publish()
    root.leave({"npm:other": b"# other\n"})
    with pytest.raises(PipelineError, match="was made twice, with other recipes"):
        root.publish(LATER)


def test_the_merge_is_noted_by_the_next_publication(in_git, checkout):
    """The entries succeed, and who waited for them is pending again."""
    published = in_git.publish()
    assert in_git.publish(LATER).settled.merged == []
    checkout.git("merge", "-q", published.branch)
    settled = in_git.publish(LATER).settled
    assert (settled.merged, settled.unblocked) == (["2026-03-02-mixed-001"], ["pypi:needs"])
    statuses = in_git.entries()
    assert (statuses["npm:a"], statuses["pypi:needs"]) == (EntryStatus.SUCCESS, EntryStatus.PENDING)
    assert entry_of(in_git).state is BatchState.MERGED
    assert in_git.publish(LATER).settled.merged == []


def test_a_merge_is_noted_also_when_there_is_nothing_to_publish(in_git, checkout):
    """Else, with everything in review and `build/` removed, no run would ever find work again."""
    published = in_git.publish()
    checkout.git("merge", "-q", published.branch)
    in_git.paths.batch.unlink()
    with pytest.raises(PipelineError, match="there is no batch yet"):
        in_git.publish(LATER)
    assert in_git.entries()["npm:a"] is EntryStatus.SUCCESS
    ledger = checkout.git("show", "recipeline-state:data/batches.jsonl")
    assert json.loads(ledger.splitlines()[-1])["state"] == "merged"


def test_the_state_is_on_its_own_branch(in_git, checkout):
    """Byte for byte as in the root; the recipes' branch holds none of it."""
    published = in_git.publish()
    assert checkout.git("rev-parse", "recipeline-state") == published.state_commit
    for path, content in in_git.state().items():
        if not path.startswith("recipes/"):
            assert checkout.git("show", f"recipeline-state:{path}").encode() == content.rstrip(b"\n")
    assert "data" not in checkout.git("ls-tree", "--name-only", published.branch)


def test_nothing_of_the_user_s_is_touched(in_git, checkout):
    """Index, HEAD and the edits of the work tree stay, but for the state's own files."""
    checkout.write("README.md", "staged\n")
    checkout.git("add", "README.md")
    checkout.write("README.md", "edited\n")
    before = checkout.own()
    in_git.publish()
    after = checkout.own()
    differ = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert {path for path in differ if not path.startswith("data/")} == {"batch-control.json"}


def test_a_batch_without_recipes_needs_no_branch(in_git, checkout):
    """What was tried is remembered all the same; there is nothing to wait for, so it counts as merged."""
    in_git.leave({}, OTHERS, number=2)
    published = in_git.publish()
    assert (published.state, published.branch, published.files) == (BatchState.MERGED, "", [])
    assert "batch/" not in checkout.refs()
    assert in_git.entries()["npm:lib"] is EntryStatus.REQUIRES_MANUAL


def test_an_edit_of_the_queue_meanwhile_stays(root):
    """The batch changes its own entries, and only those that still wait."""
    path = root.paths.root / config().queue
    raw = json.loads(path.read_text())
    raw["entries"][5]["priority"] = 1
    raw["entries"][0]["status"] = "excluded"
    raw["entries"] = raw["entries"][::-1]
    path.write_text(json.dumps(raw))
    root.publish()
    after = json.loads(path.read_text())["entries"]
    assert [each["source"] for each in after] == list(SOURCES[::-1])
    assert (after[0]["priority"], after[5]["status"]) == (1, "excluded")


def test_a_path_in_an_open_branch_is_put_off_without_backoff(in_git):
    """The later batch is published without it, each time the same; the package stays pending."""
    first = in_git.publish().batch_id
    waiting = held_paths(Ledger(in_git.paths).waiting(), "2026-03-02-mixed-002")
    assert waiting == {"recipes/a/a.toml": first, "recipes/b/b.toml": first}
    in_git.queue(*SOURCES, "pypi:a")
    second = in_git.leave({"pypi:a": b"# another a\n", "npm:other": b"# o\n"}, number=2, held=waiting)
    published = in_git.publish()
    assert [file.path for file in published.files] == ["recipes/o/other.toml"]
    assert [each.reason for each in published.excluded] == [f"name_collision: {first} has recipes/a/a.toml"]
    ends = {line.source: line.outcome for line in journal.of_batch(in_git.paths, second) if line.stage is Stage.PAYLOAD}
    assert ends == {"pypi:a": AttemptOutcome.DEFERRED, "npm:other": AttemptOutcome.SUCCEEDED}
    assert in_git.entries()["pypi:a"] is EntryStatus.PENDING
    before = in_git.state()
    assert in_git.publish(LATER).already
    assert in_git.state() == before


def test_a_payload_that_came_to_share_a_path_with_an_open_branch_is_refused(in_git, checkout):
    """Nothing is written; once that branch is merged or taken back, it may be published."""
    first = in_git.publish()
    in_git.leave({"npm:a": b"# a\n"}, number=2)
    before = in_git.state()
    with pytest.raises(PipelineError, match=f"{first.batch_id} waits for its merge with recipes/a/a.toml, too"):
        in_git.publish()
    assert in_git.state() == before
    checkout.git("merge", "-q", first.branch)
    assert [file.path for file in in_git.publish(dry_run=True).files] == ["recipes/a/a.toml"]
    assert len(in_git.publish().files) == 1


def test_what_is_said_of_the_recipes_is_kept_with_the_state(in_git, checkout):
    """The payload goes with the next batch, its statements do not; the pull request carries recipes only."""
    said = b"".join(in_git.paths.statements(path).read_bytes() for path in ("recipes/a/a.toml", "recipes/b/b.toml"))
    published = in_git.publish()
    kept = f"data/provenance/{published.batch_id}.jsonl"
    assert in_git.state()[kept] == said
    assert checkout.git("show", f"recipeline-state:{kept}").encode() + b"\n" == said
    assert "data/" not in checkout.git("show", "--name-only", "--format=", published.branch)
    in_git.leave({"npm:c": b"# c\n"}, number=2)
    in_git.publish()
    assert in_git.state()[kept] == said


def test_a_batch_without_recipes_says_nothing(root):
    """There is no empty file for each hour in which nothing passed."""
    root.leave({}, OTHERS, number=2)
    published = root.publish()
    assert f"data/provenance/{published.batch_id}.jsonl" not in root.state()


# ------------------------------------------------------------------------------------ refusals


def tamper(root):
    (root.paths.payload_files / "recipes/a/a.toml").write_bytes(b"rm -rf\n")


def other_payload(root):
    payload = json.loads(root.paths.payload.read_text())
    root.paths.payload.write_text(json.dumps({**payload, "batch_id": "2026-03-02-mixed-009"}))


def forget_one(root):
    payload = json.loads(root.paths.payload.read_text())
    root.paths.payload.write_text(json.dumps({**payload, "excluded": payload["excluded"][1:]}))


def drop_statements(root):
    root.paths.statements("recipes/a/a.toml").unlink()


def reword(root):
    place = root.paths.statements("recipes/a/a.toml")
    place.write_bytes(place.read_bytes().replace(b"WARNED", b"PASSED").replace(b"npm", b"nqm"))


def swap(root):
    payload = json.loads(root.paths.payload.read_text())
    root.paths.payload.write_text(json.dumps({**payload, "included": payload["included"][::-1]}))


def drop_file(root):
    (root.paths.payload_files / "recipes/a/a.toml").unlink()


def escape(root):
    payload = json.loads(root.paths.payload.read_text())
    payload["files"][0]["path"] = "recipes/../../x.toml"
    root.paths.payload.write_text(json.dumps(payload))


REFUSED = {
    "no batch": (lambda root: root.paths.batch.unlink(), "there is no batch yet"),
    "no payload": (lambda root: root.paths.payload.unlink(), "has no payload yet"),
    "another payload": (other_payload, "it is the payload of 2026-03-02-mixed-009"),
    "a changed recipe": (tamper, "the recipe was changed after it was validated"),
    "a missing recipe": (drop_file, "the recipe is missing"),
    "missing statements": (drop_statements, "the file of statements is missing"),
    "changed statements": (reword, "the statements were changed after they were written"),
    "a package too few": (forget_one, "does not name each package"),
    "recipes of each other": (swap, "is older than the result of"),
    "a path that leaves": (escape, "/files/0/path"),
    "no result": (lambda root: root.paths.root.joinpath(root.paths.constraints("npm:a")).unlink(), "is missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_whole_is_refused_and_nothing_is_written(root, name):
    """In one line, with its place and a remedy."""
    spoil, told = REFUSED[name]
    spoil(root)
    before = root.state()
    with pytest.raises(PipelineError, match=told) as caught:
        root.publish()
    assert caught.value.exit_code in {3, 4}
    assert root.state() == before


def test_a_recipe_that_was_changed_since_is_not_overwritten(root):
    """Neither in a folder nor at HEAD: the payload was made from another version."""
    recipe = root.paths.recipe("recipes/b/b.toml")
    recipe.write_bytes(b"# somebody's\n")
    if (root.paths.root / ".git").exists():
        Checkout.git(at(root), "commit", "-q", "-a", "-m", "Edit")
    before = root.state()
    with pytest.raises(PipelineError, match=r"recipes/b/b\.toml: the recipe in use is not the one"):
        root.publish()
    assert root.state() == before


def at(root):
    """Return the checkout that a root is."""
    found = object.__new__(Checkout)
    found.top = root.paths.root
    return found


def test_a_half_published_batch_is_not_taken_for_a_merged_one(in_git):
    """A line `built` is the current batch's own, until that is finished."""
    ledger = Ledger(in_git.paths)
    published = in_git.publish(dry_run=True)
    assert ledger.entries() == {}
    in_git.publish()
    lines = Ledger(in_git.paths).lines(published.batch_id)
    in_git.paths.ledger.write_bytes(msgspec.json.encode(lines[0]) + b"\n")
    again = in_git.publish(LATER)
    assert not again.already
    assert (entry_of(in_git).published_at, again.settled.merged) == ("2026-03-02T12:00:00Z", [])


def test_requeued_packages_stay_requeued(root):
    """Publishing again does not repeat what a person has undone since."""
    root.publish()

    def wanted(queue):
        entries = [msgspec.structs.replace(each, status=EntryStatus.PENDING) for each in queue.entries]
        return msgspec.structs.replace(queue, entries=entries)

    change(root.paths, config(), wanted)
    root.publish(LATER)
    assert set(root.entries().values()) == {EntryStatus.PENDING}
