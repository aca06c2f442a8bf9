"""Pull requests that a forge refuses, whatever its reason: none of them keeps another one back, or is lost."""

from datetime import timedelta

import pytest

from pipeline.errors import PipelineError
from pipeline.forge.connect import api_of, repository_of
from pipeline.model import BatchState
from pipeline.publishing.limits import OPEN_RULE
from pipeline.publishing.pull_requests import ANSWERED_RULE
from tests.builders import NOW, config
from tests.fake_forge import FakeForge, Fault, secondary_limit
from tests.fake_forge_pulls import custom, invalid, refusal
from tests.publishing.registry import Registry
from tests.publishing.test_pull_requests import Publisher, doit

PULLS = "/repos/tools/registry/pulls"
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def forge(tmp_path):
    with FakeForge(tmp_path / "forge") as forge:
        yield forge


@pytest.fixture
def narrow(forge, tmp_path):
    """Return a publisher that may have one pull request open, and open one in an hour."""
    registry = Registry(tmp_path, str(forge.bare.path))
    registry.editor.git("push", "-q", "-f", "origin", "main")
    return Publisher(forge, registry.clone("one"), open_pull_requests=1, pull_requests_per_hour=1)


def test_one_that_is_always_refused_takes_no_place(narrow, forge):
    """Its branch was deleted before it was opened, so it is 422 each hour; with one place, the next one gets it."""
    forge.fail(secondary_limit(429, 120, path="/repos"), times=100)
    first = narrow.publish({"npm:a": b"# a\n"})
    forge.heal()
    forge.bare.git("update-ref", "-d", f"refs/heads/{first.branch}")
    second = narrow.publish({"npm:b": b"# b\n"}, number=2, now=LATER)
    third = narrow.publish({"npm:c": b"# c\n"}, number=3, now=LATER)
    assert [each.batch_id for each in second.asked.opened] == [second.batch_id]
    assert [(each.batch_id, each.rule) for each in third.asked.postponed] == [
        (first.batch_id, OPEN_RULE),
        (third.batch_id, OPEN_RULE),
    ]
    assert [pull.branch for pull in forge.pulls.open_ones()] == [second.branch]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            invalid({"resource": "PullRequest", "field": "base", "code": "invalid"}),
            "422: Validation Failed; base inval",
        ),
        (invalid(custom("No commits between main and batch/1")), "422: Validation Failed; No commits between main"),
        (refusal(403, "GitHub Actions is not permitted to create or approve pull requests."), "403: GitHub Actions is"),
        (refusal(403, "Resource not accessible by integration"), "403: Resource not accessible by integration"),
        (refusal(401, "Bad credentials"), "401: Bad credentials"),
        (refusal(404, "Not Found"), "404: Not Found"),
    ],
    ids=["no base", "no commits", "not permitted", "no scope", "expired", "unseen"],
)
def test_a_refusal_is_told_with_its_words_and_the_batch_waits(narrow, forge, answer, told):
    """No refusal is taken for a limit or asked again at once; the next sync opens it, once the cause is gone."""
    forge.fail(Fault(answer=answer, method="POST", path=PULLS))
    published = narrow.publish({"npm:a": b"# a\n"})
    (put_off,) = published.asked.postponed
    assert (put_off.rule, put_off.until, published.state) == (ANSWERED_RULE, None, BatchState.PUBLISHED)
    assert told in put_off.value
    assert put_off.remedy
    assert len(forge.seen("POST", PULLS)) == 1
    assert [each.batch_id for each in narrow.sync().asked.opened] == [published.batch_id]


@pytest.mark.parametrize(("method", "status"), [("GET", 401), ("POST", 403)])
def test_a_refused_token_is_told_to_ci_when_all_else_is_done(narrow, forge, method, status):
    """`doit publish` saves all and ends with 8, `doit sync` with 0: what comes behind it has no need of the forge."""
    forge.fail(Fault(answer=refusal(status, "Bad\n::error::credentials"), method=method, path="/repos"), times=50)
    narrow.clone.leave({"npm:a": b"# a\n"})
    told = [doit(narrow, forge, command, GITHUB_ACTIONS="true") for command in ("publish", "sync")]
    assert [each.returncode for each in told] == [8, 0], told[0].stderr
    for each, command in zip(told, ("publish", "sync"), strict=True):
        lines = each.stderr.splitlines()
        assert lines
        assert all(line.startswith(f"::warning title=doit {command}::") for line in lines)
        assert str(status) in lines[0]
    assert (narrow.entry().state, forge.pulls.known) == (BatchState.PUBLISHED, {})
    assert forge.bare.tip("recipeline-state") is not None


@pytest.mark.parametrize("status", [403, 404, 422])
def test_labels_that_are_refused_cost_nothing_else(narrow, forge, status):
    """The pull request is open and in the ledger, one line tells of it, and nothing of it is asked for again."""
    forge.fail(Fault(answer=refusal(status, "Label does not exist"), method="POST", path="/repos/tools/registry/issue"))
    told = narrow.publish({"npm:a": b"# a\n"})
    assert told.pull_request.endswith("/pull/1")
    assert forge.pulls.known[1].labels == []
    (refused,) = told.asked.refused
    labels = ", ".join(narrow.clone.config.payload.labels)
    assert refused.message.startswith(f"{told.pull_request} is without {labels}: the forge refused it with {status}")
    assert "payload.labels" in refused.remedy
    narrow.sync()
    assert len(forge.seen("POST", PULLS)) == 1


def test_an_opening_that_was_carried_out_without_an_answer_uses_its_place(narrow, forge):
    """A limit that cuts the answer of an opening leaves one pull request, which counts."""
    forge.fail(Fault(cut="after", method="POST", path=PULLS), times=1)
    first = narrow.publish({"npm:a": b"# a\n"})
    second = narrow.publish({"npm:b": b"# b\n"}, number=2)
    assert first.pull_request
    assert [each.batch_id for each in second.asked.postponed] == [second.batch_id]
    assert len(forge.pulls.known) == 1


def test_an_address_that_is_none_is_one_clear_line():
    """Of the API, and of a remote, with no word of a secret in them."""
    with pytest.raises(PipelineError, match="GITHUB_API_URL is no address") as api:
        api_of(config(), {"GITHUB_API_URL": "https://secret@[bad"})
    with pytest.raises(PipelineError, match="names none") as remote:
        repository_of(config(), {}, "https://secret@[bad/owner/name")
    assert "secret" not in str(api.value) + str(remote.value)
