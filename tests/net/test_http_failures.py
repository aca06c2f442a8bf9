"""Each way in which a registry can fail, as the value that the caller gets."""

import socket
import ssl
import threading
import time
from email.utils import formatdate

import httpcore2
import msgspec
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import SystemClock
from pipeline.http_failures import printable, shown, transport_failure
from pipeline.model import Failed, Held
from tests.fake_registry import Reply
from tests.fakes_net import CLOSED, ScriptedGate
from tests.net.conftest import LIMITS


def what(failure):
    assert isinstance(failure, Failed), failure
    return f"{failure.category}/{failure.subcategory}", failure.transient


@pytest.mark.parametrize(
    ("status", "expected", "transient"),
    [
        (404, "recipe_not_found/not_found", False),
        (410, "recipe_not_found/not_found", False),
        (400, "network_error/upstream_refused", False),
        (401, "network_error/upstream_refused", False),
        (403, "network_error/upstream_refused", False),
        (451, "network_error/upstream_refused", False),
        (416, "network_error/upstream_refused", False),
        (300, "network_error/upstream_refused", False),
        (599, "network_error/upstream_unavailable", True),
        (500, "network_error/upstream_unavailable", True),
        (503, "network_error/upstream_unavailable", True),
        (408, "network_error/timeout", True),
        (429, "network_error/rate_limited", True),
    ],
)
def test_a_status_that_is_no_answer(kit, registry, status, expected, transient):
    """Each status has its cause; what passes by itself is tried again, the rest costs one request."""
    url = registry.reply("/x", Reply(status=status))
    failure = kit.get(url)
    assert what(failure) == (expected, transient)
    assert len(registry.seen()) == (LIMITS.attempts if transient else 1)
    assert str(status) in failure.message
    assert url in failure.message


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(status=502),
        Reply(hang_up=True),
        Reply(body=b"0123456789", cut_after=4),
        Reply(raw=b"HTTP/1.1 200 OK\r\nX: \x00\x01\r\n\r\n"),
        Reply(raw=b"SSH-2.0-OpenSSH_9.6\r\n"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc"),
        Reply(headers={"Content-Encoding": "gzip"}, body=b"this is not gzip"),
    ],
)
def test_trouble_that_passes_is_tried_again(kit, registry, trouble):
    """After two broken answers of any kind, the third, sound one is returned, and each try had its permit."""
    url = registry.add("/x", b"sound")
    registry.script("/x", trouble, trouble)
    assert kit.get(url).content == b"sound"
    assert len(registry.seen()) == 3
    assert len(kit.limiter.asked) == 3
    assert kit.limiter.departures == [registry.host] * 3
    assert kit.gate.asked == 3
    assert kit.counts.total().failed_tries == 2


@pytest.mark.parametrize("trouble", [Reply(hang_up=True), Reply(body=b"0123456789", cut_after=4)])
def test_trouble_that_stays_is_a_failure(kit, registry, trouble):
    """When no try succeeds, the cause and the number of tries are named."""
    failure = kit.get(registry.reply("/x", trouble))
    assert what(failure) == ("network_error/connection_error", True)
    assert failure.message.endswith("tried 3 times")


def test_nobody_listens(kit, registry):
    """A refused connection is a transient failure."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        failure = kit.get(f"http://127.0.0.1:{taken.getsockname()[1]}/x")
    assert what(failure) == ("network_error/connection_error", True)
    assert "refused" in failure.message


def test_no_tls_where_tls_is_asked_for(kit, registry):
    """A server that does not speak TLS is named as such."""
    failure = kit.get(registry.add("/x", b"x").replace("http:", "https:"))
    assert what(failure) == ("network_error/tls_error", True)


def test_an_untrusted_certificate_is_not_tried_again():
    """The next try would be shown the same certificate; the next run may have another trust store."""
    error = httpcore2.ConnectError(ssl.SSLCertVerificationError("certificate verify failed"))
    problem = transport_failure("https://a.example/x", error)
    assert what(problem.failed) == ("network_error/tls_error", True)
    assert not problem.again


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label")])
def test_a_name_that_does_not_resolve(error):
    """DNS failures are told apart from refused connections."""
    problem = transport_failure("https://a.example/x", httpcore2.ConnectError(error))
    assert what(problem.failed) == ("network_error/dns_error", True)
    assert problem.again


def test_an_answer_that_does_not_come(make, registry):
    """A server that takes longer than `timeout_seconds` is given up on, each time."""
    kit = make(config=msgspec.structs.replace(LIMITS, timeout_seconds=0.1, attempts=2))
    failure = kit.get(registry.reply("/x", Reply(delay=30.0)))
    assert what(failure) == ("network_error/timeout", True)
    assert len(registry.seen()) == 2


def test_silence_ends_with_the_total_time(make, registry):
    """One read does not last longer than what is left of `total_seconds`."""
    config = msgspec.structs.replace(LIMITS, timeout_seconds=20, total_seconds=0.2, attempts=1)
    kit = make(config=config, clock=SystemClock())
    began = time.monotonic()
    failure = kit.get(registry.reply("/x", Reply(delay=20.0)))
    assert what(failure) == ("network_error/timeout", True)
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize("headers_too", [False, True])
def test_an_answer_that_drips(make, registry, headers_too):
    """A byte now and then, in the head or in the body, resets no clock: `total_seconds` ends it."""
    config = msgspec.structs.replace(LIMITS, timeout_seconds=0.3, total_seconds=0.3, attempts=1)
    kit = make(config=config, clock=SystemClock())
    url = registry.reply("/x", Reply(body=b"x" * 1_000, drip=0.02, drip_headers=headers_too))
    began = time.monotonic()
    failure = kit.get(url)
    assert what(failure) == ("network_error/timeout", True)
    assert 0.25 < time.monotonic() - began < 2.0


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize("status", [429, 503])
def test_patience_is_asked_of_everybody(kit, registry, status, as_date):
    """`Retry-After`, as seconds or as a date, penalises the host for all, and the next try succeeds."""
    with time_machine.travel(1_750_000_000, tick=False):
        named = formatdate(1_750_000_000 + 30, usegmt=True) if as_date else "30"
        registry.script("/x", Reply(status=status, headers={"Retry-After": named}))
        url = registry.add("/x", b"x")
        assert kit.get(url).content == b"x"
    assert kit.limiter.penalties == [(registry.host, 30.0)]
    assert kit.counts.total().penalties == 1


@pytest.mark.parametrize("seconds", ["61", "3600"])
def test_too_much_patience_ends_the_tries(kit, registry, seconds):
    """A `Retry-After` beyond `max_wait_seconds` is not waited for; others are held back for at most that."""
    url = registry.reply("/x", Reply(status=429, headers={"Retry-After": seconds}))
    failure = kit.get(url)
    assert what(failure) == ("network_error/rate_limited", True)
    assert f"{seconds} s" in failure.message
    assert "60 s" in failure.message
    assert len(registry.seen()) == 1
    assert kit.limiter.penalties == [(registry.host, 60.0)]


@pytest.mark.parametrize("value", ["soon", "-5", "9" * 400, "Fri, 99 Foo 9999", "\xff"])
def test_a_retry_after_that_makes_no_sense(kit, registry, value):
    """It counts as none: a moment of patience for a 429, then the next try."""
    registry.script("/x", Reply(status=429, headers={"Retry-After": value}))
    assert kit.get(registry.add("/x", b"x")).content == b"x"
    assert kit.limiter.penalties == [(registry.host, 5.0)]


def test_an_exhausted_quota_is_heeded_before_the_wall(kit, registry):
    """`RateLimit-Remaining: 0` on a good answer holds everybody back until the reset."""
    headers = {"RateLimit-Limit": "10", "RateLimit-Remaining": "0", "RateLimit-Reset": "7"}
    url = registry.reply("/x", Reply(body=b"x", headers=headers))
    assert kit.get(url).content == b"x"
    assert kit.limiter.penalties == [(registry.host, 7.0)]


def test_github_says_403_for_rate_limited(kit, registry):
    """403 with an exhausted quota is a rate limit, not a refusal."""
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 20)}
    registry.script("/x", Reply(status=403, headers=headers))
    assert kit.get(registry.add("/x", b"x")).content == b"x"
    assert 17 <= kit.limiter.penalties[0][1] <= 20


# Quota is left over in all of these: the reset in the headers means nothing.
SECONDARY_MESSAGE = (
    b'{"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}'
)


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (403, {"Retry-After": "30"}, b'{"message": "Must have push access"}', 30.0),
        (403, {"gh-limited-by": "search-elapsed-time-shared-grouped"}, SECONDARY_MESSAGE, 60.0),
        (403, {}, SECONDARY_MESSAGE, 60.0),
        (403, {}, b'{"message": "You have triggered an abuse detection mechanism."}', 60.0),
        (429, {"gh-limited-by": "search-elapsed-time-shared-grouped"}, SECONDARY_MESSAGE, 60.0),
        (429, {"Retry-After": "8"}, SECONDARY_MESSAGE, 8.0),
    ],
    ids=["retry-after", "header", "message", "older message", "429", "429 with retry-after"],
)
def test_githubs_secondary_limits_are_rate_limits(kit, registry, status, headers, body, seconds):
    """With quota left over, a header or the message alone tells a limit; without a time, a minute is waited."""
    quota = {"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": "1700000003", **headers}
    registry.script("/x", Reply(status=status, headers=quota, body=body))
    assert kit.get(registry.add("/x", b"x")).content == b"x"
    assert kit.limiter.penalties == [(registry.host, seconds)]


@pytest.mark.parametrize("body", [b'{"message": "Resource not accessible"}', b"", b"x" * 100_000])
def test_a_plain_refusal_is_no_rate_limit(kit, registry, body):
    """A repository that is closed to everybody is not asked for again, and nobody waits."""
    url = registry.reply("/x", Reply(status=403, headers={"X-RateLimit-Remaining": "12"}, body=body))
    assert what(kit.get(url)) == ("network_error/upstream_refused", False)
    assert kit.limiter.penalties == []
    assert len(registry.seen()) == 1


def test_the_gate_is_asked_before_each_request(make, registry):
    """An operator's stop between two tries ends the request there, and is passed on as it is."""
    kit = make(gate=ScriptedGate([None, CLOSED]))
    url = registry.reply("/x", Reply(status=503))
    assert kit.get(url) == CLOSED
    assert len(registry.seen()) == 1
    assert (kit.gate.asked, len(kit.limiter.asked)) == (2, 2)


def test_a_closed_gate_lets_nothing_out(make, registry):
    """No request leaves, not even the first, nor one that only asks whether a copy holds."""
    url = registry.add("/x", b"x", cache_control="max-age=0", etag='"1"')
    make().get(url)
    assert make(gate=ScriptedGate([CLOSED])).get(url) == CLOSED
    assert len(registry.seen()) == 1


def test_a_stopped_run_sends_nothing(kit, registry, monkeypatch):
    """When waiting for the permit was cut short, the answer is `Held`, so that the package stays pending."""
    kit.stop.set()
    monkeypatch.setattr(kit.limiter, "acquire", lambda *_arguments: None)
    assert isinstance(kit.get(registry.add("/x", b"x")), Held)
    assert registry.seen() == []


def test_backoff_does_not_outlast_a_stop(kit, registry):
    """Between two tries a stopped run does not wait."""
    problem = transport_failure("http://a.example/", httpcore2.ReadTimeout())
    assert kit.fetcher._backoff(problem) is True
    kit.stop.set()
    assert kit.fetcher._backoff(problem) == 0.0
    assert kit.fetcher._backoff(ValueError()) is False


def test_many_threads_share_one_fetcher(kit, registry):
    """16 threads ask for 64 addresses at the same time, and each gets its own."""
    urls = [registry.add(f"/{number}", str(number).encode()) for number in range(64)]
    answers = {}

    def ask(mine):
        for url in mine:
            answers[url] = kit.get(url)

    threads = [threading.Thread(target=ask, args=(urls[start::16],)) for start in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[url].content for url in urls] == [str(number).encode() for number in range(64)]


@given(text=st.text(max_size=400))
def test_what_is_printed_is_one_line(text):
    """No text from outside breaks a line or moves the cursor."""
    line = printable(text)
    assert line.isprintable()
    assert len(line) <= 4 * 200


@given(
    user=st.from_regex(r"[a-z]{8,12}", fullmatch=True),
    secret=st.from_regex(r"[A-Z0-9]{12,20}", fullmatch=True),
)
def test_no_secret_is_shown(user, secret):
    """Messages name host and path, neither credentials nor a query's values."""
    line = shown(f"https://{user}:{secret}@a.example:8443/p?token={secret}&x=1#f")
    assert line == "https://a.example:8443/p?…"


@given(url=st.text(max_size=100) | st.text(max_size=60).map("http://{}".format))
def test_any_address_can_be_shown(url):
    """Whatever stands in metadata as an address, a message about it is one line."""
    assert shown(url).isprintable()
