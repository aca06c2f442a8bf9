"""The webhook against a real server: what it takes, what is tried again, and what stays secret."""

import pytest

from pipeline.clock import SystemClock
from pipeline.webhook import VARIABLE, post
from tests.fake_webhook import SECRET, FakeWebhook

BODY = b'{"text": "x", "alarms": []}'


@pytest.fixture
def webhook():
    with FakeWebhook() as server:
        yield server


def send(url, seconds=5.0):
    return post(url, BODY, SystemClock(), try_seconds=seconds)


def test_a_receiver_gets_one_post_of_json(webhook):
    """Once, with its type, as it was given."""
    assert send(webhook.url) == ""
    assert (webhook.bodies, webhook.types) == ([{"text": "x", "alarms": []}], ["application/json"])


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_passes_is_tried_again(webhook, status):
    """A receiver that is restarted is no reason to be silent for an hour."""
    webhook.statuses = [status, status]
    assert send(webhook.url) == ""
    assert len(webhook.bodies) == 3


def test_tries_are_few(webhook):
    """One that is ill for long is asked again by the next check."""
    webhook.statuses = [500] * 9
    assert send(webhook.url) == "it answered 500"
    assert len(webhook.bodies) == 3


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_is_not_tried_again(webhook, status):
    """It would be refused again."""
    webhook.statuses = [status]
    assert send(webhook.url) == f"it answered {status}"
    assert len(webhook.bodies) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_takes_the_alarms_nowhere(webhook, status):
    """Whoever answers in its place must not learn what is sent."""
    with FakeWebhook() as other:
        webhook.statuses, webhook.location = [status], other.url
        assert send(webhook.url) == f"it answered {status}"
        assert other.bodies == []


def test_a_receiver_that_hangs_is_left_in_time(webhook):
    """Each try has its time."""
    webhook.hanging = True
    assert send(webhook.url, 0.2) == "no answer in time"
    assert len(webhook.bodies) == 3


def test_nobody_there_is_no_connection():
    """The port was just closed."""
    with FakeWebhook() as gone:
        url = gone.url
    assert send(url) == "no connection"


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://chat.example/{SECRET}",
        f"chat.example/{SECRET}",
        f"http://{SECRET}\n/",
        f"http://user:{SECRET}@chat.example/",
        f"http://{'a' * 64}.example/{SECRET}",
        f"https://\udcff.example/{SECRET}",
    ],
    ids=ascii,
)
def test_an_address_that_is_none_is_not_repeated(url):
    """What is wrong is said with the variable's name, never with its value."""
    why = send(url)
    assert VARIABLE in why
    assert SECRET not in why


def test_the_log_of_the_retries_does_not_know_the_address(webhook, caplog):
    """A library that logs what it tries again must not log the secret."""
    webhook.statuses = [500]
    with caplog.at_level("DEBUG"):
        assert send(webhook.url) == ""
    told = "".join(str(vars(record)) for record in caplog.records)
    assert "retry" in told
    assert SECRET not in told
