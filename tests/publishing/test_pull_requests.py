"""Batches as pull requests: opened within the limits, read back as merged, edited or closed, never doubled."""

import json
import logging
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from pipeline.commands import publish, rollback
from pipeline.commands.sync import render as synced_words
from pipeline.config import PublishMode
from pipeline.errors import PipelineError
from pipeline.forge.connect import connect
from pipeline.forge.github import GitHub
from pipeline.lock import alone
from pipeline.model import Attempt, AttemptOutcome, AutoMerge, BatchState, EntryStatus, Payload, Stage
from pipeline.publishing.books import Books
from pipeline.publishing.limits import HOUR_RULE, OPEN_RULE
from pipeline.publishing.pull_requests import LISTED_RULE
from pipeline.publishing.requeue import Wanted, requeue
from pipeline.publishing.rollback import roll_back
from pipeline.publishing.sync import sync
from pipeline.state import journal
from pipeline.state.ledger import Ledger
from pipeline.store import SHIPPED, read, write
from tests.builders import NOW
from tests.fake_forge import FakeForge, Fault, out_of_order, primary_limit, secondary_limit
from tests.publishing.registry import Clone, Registry
from tests.screens import screen

LATER = NOW + timedelta(hours=2)


class Publisher:
    """A clone that shows the token, and works with the forge."""

    def __init__(self, forge: FakeForge, clone: Clone, **publish) -> None:
        self.forge, self.clone = forge, Clone(clone.paths.root, api=forge.api, write_seconds=0, **publish)
        self.clone.environment |= {"GH_TOKEN": forge.token}
        self.pauses: list[float] = []

    def github(self) -> GitHub:
        pulls = self.forge.pulls
        return GitHub(
            self.clone.config,
            api=self.forge.api,
            repository=pulls.repository,
            token=self.forge.token,
            pause=self.pauses.append,
        )

    def publish(self, recipes, number=1, now=NOW):
        """Leave a batch and publish it."""
        self.forge.pulls.clock = now.timestamp
        self.clone.leave(recipes, number=number)
        return self.clone.publish(now, forge=self.github())

    def sync(self, now=LATER):
        self.forge.pulls.clock = now.timestamp
        with alone(self.clone.paths, now):
            books = Books(self.clone.paths, self.clone.config)
            return sync(books, destination=self.clone.destination(), forge=self.github(), now=now)

    def entry(self, number=1):
        return Ledger(self.clone.paths).entry(f"2026-03-02-mixed-{number:03d}")

    def orders(self) -> list[str]:
        return sorted(place.stem[-3:] for place in self.clone.paths.pull_requests_folder.glob("*.json"))


@pytest.fixture
def forge(tmp_path):
    with FakeForge(tmp_path / "forge") as forge:
        yield forge


@pytest.fixture
def registry(forge, tmp_path):
    """Return a registry whose `main` lies on the forge; git here reads and writes it without the server."""
    registry = Registry(tmp_path, str(forge.bare.path))
    registry.editor.git("push", "-q", "-f", "origin", "main")
    return registry


@pytest.fixture
def one(forge, registry):
    return Publisher(forge, registry.clone("one"))


def test_a_batch_becomes_a_pull_request(one, forge):
    """With the payload's words; the ledger names it, and publishing again opens no second one."""
    told = one.publish({"npm:a": b"# a\n"})
    (pull,) = forge.pulls.open_ones()
    assert (pull.branch, pull.head, pull.title) == (told.branch, told.commit, "Add a (npm) [2026-03-02-mixed-001]")
    assert one.entry().pull_request == told.pull_request == f"{forge.url}/tools/registry/pull/1"
    assert pull.labels == one.clone.config.payload.labels
    again = one.clone.publish(LATER, forge=one.github())
    assert again.already
    assert len(forge.seen("POST", "/repos/tools/registry/pulls")) == 1
    assert forge.bare.files(told.branch) == [
        ".gitignore",
        "README.md",
        "data/queues/priority-queue.json",
        "recipes/a/a.toml",
        "recipes/o/old.toml",
    ]


def test_a_squash_settles_the_batch(one, forge):
    """Its packages succeed, its order is gone; the ledger bears the forge's time."""
    one.publish({"npm:a": b"# a\n"})
    forge.pulls.merge(1)
    told = one.sync()
    assert told.reviewed.merged == ["2026-03-02-mixed-001"]
    assert (one.entry().state, one.entry().pull_request[-7:]) == (BatchState.MERGED, "/pull/1")
    assert one.clone.entries()["npm:a"] is EntryStatus.SUCCESS
    assert one.orders() == []
    assert one.sync().reviewed.merged == []


def test_a_recipe_that_the_reviewer_took_out_is_no_success(one, forge):
    """The edited one succeeds; the other is declined until somebody asks for it again."""
    told = one.publish({"npm:a": b"# a\n", "npm:b": b"# b\n"})
    forge.bare.commit(told.branch, {"recipes/a/a.toml": b"# better\n", "recipes/b/b.toml": None}, "Edit")
    forge.pulls.merge(1)
    assert one.sync().reviewed.declined == ["npm:b"]
    assert one.entry().rolled_back == ["npm:b"]
    statuses = one.clone.entries()
    assert (statuses["npm:a"], statuses["npm:b"]) == (EntryStatus.SUCCESS, EntryStatus.REQUIRES_MANUAL)
    lines = [msgspec.json.decode(line, type=Attempt) for line in one.clone.lines()]
    declined = [(line.source, line.outcome) for line in lines if line.stage is Stage.REVIEW]
    assert declined == [("npm:b", AttemptOutcome.DECLINED)]


def test_a_closed_one_is_declined_and_comes_back_when_it_is_asked_for(one, forge):
    """The batch is closed, its package left to a person, and pending after a requeue; its path is free."""
    one.publish({"npm:a": b"# a\n"})
    forge.pulls.close(1)
    assert one.sync().reviewed.closed == ["2026-03-02-mixed-001"]
    assert one.entry().state is BatchState.CLOSED
    assert one.clone.entries()["npm:a"] is EntryStatus.REQUIRES_MANUAL
    assert one.orders() == []
    with pytest.raises(PipelineError, match="closed without a merge"):
        one.clone.roll_back("2026-03-02-mixed-001", now=LATER)
    later = LATER + timedelta(hours=1)
    requeue(one.clone.paths, one.clone.config, Wanted(sources=["npm:a"]), later, dry_run=False)
    assert one.clone.entries()["npm:a"] is EntryStatus.PENDING
    assert journal.history(one.clone.paths, later)["npm:a"].rolled_back_at is None
    assert one.publish({"npm:a": b"# a\n"}, number=2, now=later).pull_request.endswith("/pull/2")


@pytest.mark.parametrize("edited", [False, True], ids=["as it was", "edited"])
@pytest.mark.parametrize("seen", [False, True], ids=["merged at once", "seen open"])
def test_a_closed_one_that_is_opened_again_is_followed(one, forge, registry, seen, edited):
    """It waits again and can be merged or closed as any other; another clone comes to the same."""
    other = Publisher(forge, registry.clone("other"))
    told = one.publish({"npm:a": b"# a\n"})
    forge.pulls.close(1)
    one.sync(NOW)
    forge.pulls.reopen(1)
    if seen:
        assert one.sync().reviewed.reopened == [told.batch_id]
        assert (one.entry().state, one.clone.entries()["npm:a"]) == (BatchState.PUBLISHED, EntryStatus.IN_REVIEW)
        assert journal.history(one.clone.paths, LATER)["npm:a"].rolled_back_at is None
        assert one.sync().reviewed.reopened == []
    if edited:
        forge.bare.commit(told.branch, {"recipes/a/a.toml": b"# better\n"}, "Edit")
    forge.pulls.merge(1)
    assert one.sync().reviewed.merged == [told.batch_id]
    assert (one.entry().state, one.clone.entries()["npm:a"]) == (BatchState.MERGED, EntryStatus.SUCCESS)
    assert (one.sync().reviewed.reopened, one.orders()) == ([], [])
    other.clone.restore()
    assert other.clone.state() == one.clone.state()


def test_one_that_is_opened_and_closed_again_is_closed(one, forge):
    """The second decision counts as the first did, whether the opening between was seen or not."""
    told = one.publish({"npm:a": b"# a\n"})
    for hours in (1, 2):
        forge.pulls.close(1)
        assert one.sync(NOW + timedelta(hours=hours)).reviewed.closed == [told.batch_id]
        assert one.clone.entries()["npm:a"] is EntryStatus.REQUIRES_MANUAL
        forge.pulls.reopen(1)
        if hours == 1:
            one.sync(NOW + timedelta(hours=1))
    forge.pulls.close(1)
    told = one.sync(NOW + timedelta(hours=3))
    assert (told.reviewed.reopened, one.entry().state) == ([], BatchState.CLOSED)


@pytest.mark.parametrize(
    "fault",
    [
        primary_limit(3600, method="GET"),
        secondary_limit(403, method="GET"),
        secondary_limit(429, 120, method="GET"),
        secondary_limit(403, 120, date=True, method="GET"),
        out_of_order(502, method="GET"),
        Fault(cut="before", method="GET"),
        Fault(cut="after", method="GET"),
    ],
    ids=["primary", "unnamed", "seconds", "date", "502", "cut", "unanswered"],
)
def test_nothing_is_opened_unless_all_open_ones_are_listed(one, forge, fault):
    """The branch is pushed and the state saved all the same; the next sync opens it. No limit is waited for."""
    forge.fail(fault, times=100)
    told = one.publish({"npm:a": b"# a\n"})
    assert (told.state, told.pull_request) == (BatchState.PUBLISHED, "")
    assert [each.rule for each in told.asked.postponed] == [LISTED_RULE]
    assert forge.bare.tip(told.branch) == told.commit
    assert forge.writes() == []
    assert max(one.pauses, default=0) <= 10
    forge.heal()
    assert [shown.batch_id for shown in one.sync().asked.opened] == [told.batch_id]
    assert one.entry().pull_request


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_opening_without_an_answer_is_looked_for(one, forge, when):
    """Whether or not it was carried out, there is one in the end."""
    forge.fail(Fault(cut=when, method="POST", path="/repos/tools/registry/pulls"))
    one.publish({"npm:a": b"# a\n"})
    one.sync()
    assert [pull.branch for pull in forge.pulls.known.values()] == ["batch/2026-03-02-mixed-001"]
    assert one.entry().pull_request.endswith("/pull/1")


def test_the_limits_put_off_and_say_until_when(forge, registry):
    """Open ones: until one is merged; in an hour: until that has passed. The oldest goes first."""
    two = Publisher(forge, registry.clone("two"), open_pull_requests=1, pull_requests_per_hour=2)
    two.publish({"npm:a": b"# a\n"})
    told = two.publish({"npm:b": b"# b\n"}, number=2)
    assert [(each.rule, each.value) for each in told.asked.postponed] == [(OPEN_RULE, "1 are open")]
    two.publish({"npm:c": b"# c\n"}, number=3)
    assert two.orders() == ["001", "002", "003"]
    forge.pulls.close(1)
    assert [each.batch_id[-3:] for each in two.sync(NOW).asked.opened] == ["002"]
    forge.pulls.close(2)
    (put_off,) = two.sync(NOW).asked.postponed
    assert (put_off.rule, put_off.until) == (HOUR_RULE, "2026-03-02T13:00:01Z")
    assert [each.batch_id[-3:] for each in two.sync(LATER).asked.opened] == ["003"]


def test_a_stale_one_stops_nothing(forge, registry):
    """It is told of, its packages stay in review, and another one is opened."""
    two = Publisher(forge, registry.clone("two"), open_pull_requests=1)
    two.publish({"npm:a": b"# a\n"})
    told = two.publish({"npm:b": b"# b\n"}, number=2, now=NOW + timedelta(days=8))
    assert told.asked.postponed == []
    assert [shown.batch_id[-3:] for shown in told.asked.stale] == ["001"]
    assert [shown.batch_id[-3:] for shown in told.asked.opened] == ["002"]
    assert two.clone.entries()["npm:a"] is EntryStatus.IN_REVIEW


def test_an_open_one_without_the_order_s_text_is_given_it(one, forge):
    """It is not doubled, and given it once."""
    one.publish({"npm:a": b"# a\n"})
    forge.pulls.known[1].title = forge.pulls.known[1].body = "Something else"
    assert [shown.url[-7:] for shown in one.sync().asked.updated] == ["/pull/1"]
    assert forge.pulls.known[1].title == "Add a (npm) [2026-03-02-mixed-001]"
    assert one.sync().asked.updated == []


def test_what_a_person_has_edited_in_the_text_stays(one, forge):
    """Title, text and labels, at each sync and publication; a forge ends lines in its own way, too."""
    one.publish({"npm:a": b"# a\n"})
    pull = forge.pulls.known[1]
    pull.title, pull.body, pull.labels = "Better words", f"My notes\r\n{pull.body}".replace("\n", "\r\n"), ["mine"]
    edited = msgspec.structs.replace(pull)
    assert one.sync().asked.updated == []
    assert one.publish({"npm:b": b"# b\n"}, number=2, now=LATER).asked.updated == []
    assert forge.pulls.known[1] == edited


def test_all_pages_are_read(one, forge):
    """Of more open ones than a page holds, none is forgotten."""
    forge.pulls.largest_page = 2
    for number in range(5):
        forge.bare.git("update-ref", f"refs/heads/batch/{number}", "main")
        forge.bare.commit(f"batch/{number}", {"file": str(number).encode()}, "More")
        forge.pulls.answer(
            "POST", "/repos/tools/registry/pulls", {}, {"title": "T", "head": f"batch/{number}", "base": "main"}
        )
    assert [pull.number for pull in one.github().open_ones("batch/")] == [1, 2, 3, 4, 5]
    forge.fail(Fault(cut="before", path="/repositories/1/pulls"), times=9)
    assert not isinstance(one.github().open_ones("batch/"), list)


def test_a_fork_s_branch_of_that_name_is_nobody_s(one, forge):
    """A stranger's pull request settles no batch."""
    told = one.publish({"npm:a": b"# a\n"})
    document = forge.pulls._document(forge.pulls.known[1])
    document["head"]["repo"]["full_name"] = "stranger/registry"
    forge.pulls._document = lambda pull, whole=False: document
    assert one.github().of_branch(told.branch) == []


def _sync(forge_api, token, root):
    publisher = object.__new__(Publisher)
    clone = Clone(root, api=forge_api, write_seconds=0)
    clone.environment |= {"GH_TOKEN": token}
    publisher.clone = clone
    github = GitHub(clone.config, api=forge_api, repository="tools/registry", token=token)
    with alone(clone.paths, LATER):
        sync(Books(clone.paths, clone.config), destination=clone.destination(), forge=github, now=LATER)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_two_publishers_at_once_open_one(forge, registry, one):
    """Two processes, each with a clone that holds the order: the forge has one, both ledgers name it."""
    forge.fail(secondary_limit(429, 120, path="/repos"), times=100)
    one.publish({"npm:a": b"# a\n"})
    assert forge.pulls.known == {}
    forge.heal()
    other = Publisher(forge, registry.clone("other"))
    other.clone.restore()
    context = multiprocessing.get_context("fork")
    both = [
        context.Process(target=_sync, args=(forge.api, forge.token, each.clone.paths.root)) for each in (one, other)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert len(forge.pulls.known) == 1
    assert one.entry().pull_request == other.entry().pull_request == f"{forge.url}/tools/registry/pull/1"


def leave_to(one, auto_merge):
    """Leave a batch whose payload says whether it may be merged without a person, and publish it."""
    one.clone.leave({"npm:a": b"# a\n"})
    payload = read(one.clone.paths.payload, Payload, purpose="payload")
    write(one.clone.paths.payload, msgspec.structs.replace(payload, auto_merge=auto_merge))
    return one.clone.publish(NOW, forge=one.github())


ALLOWED = AutoMerge(allowed=True, reasons=[])


def test_auto_merge_is_asked_for_once_and_squashes_with_the_batch_s_words(one, forge):
    """Where the payload allows it; not again for one that is open."""
    told = leave_to(one, ALLOWED)
    assert forge.pulls.known[1].auto_merge is not None
    forge.bare.commit("main", {"README.md": b"Others work, too\n"}, "Between")
    one.sync()
    assert len(forge.seen("POST", "/graphql")) == 1
    forge.pulls.pass_checks(1)
    title, _, rest = forge.bare.git("log", "-1", "--format=%B", "main").partition("\n")
    assert title == f"Add a (npm) [{told.batch_id}] (#1)"
    assert f"batch_id: {told.batch_id}" in rest
    assert one.sync().reviewed.merged == [told.batch_id]


def test_auto_merge_is_not_asked_for_where_a_person_must_look(one, forge):
    """The payload names a reason."""
    leave_to(one, AutoMerge(allowed=False, reasons=["npm:a has an unknown licence"]))
    assert forge.seen("POST", "/graphql") == []
    assert forge.pulls.known[1].auto_merge is None


def test_a_repository_without_auto_merge_is_told_and_keeps_its_pull_request(one, forge):
    """It is a setting of the repository's."""
    forge.pulls.auto_merge = False
    told = leave_to(one, ALLOWED)
    assert told.pull_request.endswith("/pull/1")
    assert "Auto merge is not allowed" in told.asked.refused[0].message


def test_a_rollback_is_a_pull_request_of_its_own(one, forge):
    """It takes the place of the batch's, and merging it takes the recipe out, also in other words than ours."""
    told = one.publish({"npm:a": b"# a\n"})
    forge.pulls.merge(1)
    one.sync()
    clone = one.clone
    with alone(clone.paths, LATER):
        done = roll_back(
            Books(clone.paths, clone.config),
            destination=clone.destination(),
            batch_id=told.batch_id,
            sources=[],
            now=LATER,
            dry_run=False,
        )
    shown = screen(rollback.render(done, dry_run=False))
    assert "`doit sync` opens its pull request" in shown
    assert "git merge" not in shown
    (opened,) = one.sync().asked.opened
    assert opened.batch_id == told.batch_id
    pull = forge.pulls.known[2]
    assert (pull.branch, pull.title) == (done.branch, f"Roll back 1 recipe of {told.batch_id}")
    pull.title, pull.body = "Take it out", "It breaks for half of us."
    forge.pulls.merge(2)
    assert "recipes/a/a.toml" not in forge.bare.files("main")
    synced = one.sync()
    assert synced.reviewed.undone == [told.batch_id]
    assert f"✓ undone             {told.batch_id}: its rollback was merged" in screen(synced_words(synced))
    assert one.sync().reviewed.undone == []


def test_a_rollback_that_somebody_closed_is_told(one, forge):
    """Its recipes stay in use, which is not what was asked for."""
    told = one.publish({"npm:a": b"# a\n"})
    forge.pulls.merge(1)
    one.sync()
    one.clone.roll_back(told.batch_id, now=LATER)
    one.sync()
    forge.pulls.close(2)
    synced = one.sync()
    assert synced.reviewed.not_undone == [told.batch_id]
    assert f"! in use             {told.batch_id}: its rollback was closed" in screen(synced_words(synced))


def test_an_answer_that_takes_too_long_is_none(one, forge):
    """After `network.timeout_seconds`, three times: nothing is opened, and nothing is lost."""
    network = msgspec.structs.replace(one.clone.config.network, timeout_seconds=0.5)
    one.clone.config = msgspec.structs.replace(one.clone.config, network=network)
    forge.fail(Fault(delay=30, method="GET", path="/repos/"), times=50)
    told = one.publish({"npm:a": b"# a\n"})
    assert "the forge did not answer" in told.reviewed.unavailable.message
    assert forge.pulls.known == {}
    forge.heal()
    one.clone.config = Clone(one.clone.paths.root, api=forge.api, write_seconds=0).config
    assert len(one.sync().asked.opened) == 1


def test_the_words_of_a_publication_name_the_pull_request_and_no_merge_by_hand(one):
    """Who merges the branch here goes past the review."""
    told = one.publish({"npm:a": b"# a\n"})
    shown = screen(publish.render(told, dry_run=False, mode=PublishMode.GITHUB))
    assert f"{told.pull_request} for {told.batch_id}" in shown
    assert "git merge" not in shown


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_the_token_is_told_to_nobody(one, forge, caplog, status):
    """Not in logs, results or the state, also when a forge repeats it in each answer."""
    caplog.set_level(logging.DEBUG)
    forge.fail(Fault(answer=refusal_with(forge.token, status)), times=50)
    told = one.publish({"npm:a": b"# a\n"})
    assert told.reviewed.unavailable is not None
    assert forge.token not in repr(told) + caplog.text
    for content in one.clone.state().values():
        assert forge.token.encode() not in content


def refusal_with(token, status):
    """Return an answer that repeats the token."""
    return Fault(answer=out_of_order(status).answer).answer.__class__(
        status=status, body={"message": f"Bad {token}", "errors": [{"message": token}]}
    )


def test_without_a_token_nothing_begins(one):
    """One line says which variables are read."""
    with pytest.raises(PipelineError, match="neither GH_TOKEN nor GITHUB_TOKEN is set to a token"):
        connect(one.clone.config, {}, "https://forge.example/tools/registry.git")


def _publish(api, token, root):
    clone = Clone(root, api=api, write_seconds=0)
    clone.environment |= {"GH_TOKEN": token}
    clone.publish(NOW, forge=GitHub(clone.config, api=api, repository="tools/registry", token=token))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_publication_that_is_killed_before_the_opening_is_finished_by_the_next(one, forge):
    """The branch is pushed, the process gone; the next one opens one pull request."""
    one.clone.leave({"npm:a": b"# a\n"})
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_publish, args=(forge.api, forge.token, one.clone.paths.root))
    forge.fail(Fault(cut="before", method="POST", path="/repos/tools/registry/pulls"))
    forge.at_request("POST", "/repos/tools/registry/pulls", lambda: os.kill(process.pid, signal.SIGKILL))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert forge.bare.tip("batch/2026-03-02-mixed-001") is not None
    assert forge.pulls.known == {}
    told = one.clone.publish(LATER, forge=one.github())
    assert told.already
    assert len(forge.pulls.known) == 1
    assert told.pull_request.endswith("/pull/1")


def test_writes_keep_their_distance(one, forge, registry):
    """At least `publish.write_seconds` lie between two requests that change something."""
    one.clone.config = Clone(one.clone.paths.root, api=forge.api, write_seconds=0.4).config
    one.publish({"npm:a": b"# a\n"})
    times = [each.at for each in forge.writes()]
    assert len(times) >= 2
    assert min(after - before for before, after in pairwise(times)) >= 0.35


def doit(one, forge, *arguments, **more):
    """Run a command in a publisher's clone, with the token in the environment and some more variables."""
    settings = {"mode": "github", "api": forge.api, "repository": "tools/registry", "write_seconds": 0}
    one.clone.paths.config.write_text(json.dumps({"publish": settings}))
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(one.clone.paths.root.parent),
        "PYTHONPATH": str(SHIPPED),
        "PIPELINE_ROOT": str(one.clone.paths.root),
        "GH_TOKEN": forge.token,
        **more,
    }
    command = [str(Path(sys.executable).parent / "doit"), *arguments]
    return subprocess.run(
        command, cwd=SHIPPED, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_says_what_is_new(one, forge):
    """`doit sync`, in words and as JSON, with the token in the environment alone; `--read-only` needs and asks none."""
    one.publish({"npm:a": b"# a\n"})
    forge.pulls.merge(1)
    told = [doit(one, forge, "sync", *more) for more in (["--read-only", "--json"], [], ["--json"])]
    assert [each.returncode for each in told] == [0, 0, 0], told[0].stderr
    assert json.loads(told[0].stdout)["reviewed"]["listed"] is False
    assert re.search(r"merged +2026-03-02-mixed-001\n", told[1].stdout)
    assert json.loads(told[2].stdout)["reviewed"]["listed"] is True
    assert forge.token not in "".join(each.stdout + each.stderr for each in told)
