"""Answers that were made to do harm: each ends as a value, within its limits."""

import gzip
import time
import tracemalloc
import zlib

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ecosystems.base import Answer
from pipeline.http_requests import Wanted, address, cached_request, headers_to_send, redirected
from pipeline.model import Failed
from tests.fake_registry import Reply

MEGABYTE = 1024 * 1024


def what(failure):
    assert isinstance(failure, Failed), failure
    return f"{failure.category}/{failure.subcategory}", failure.transient


def test_an_announced_size_above_the_limit_is_not_read(kit, registry):
    """`Content-Length` above `max_answer_mb` ends it before the body."""
    reply = Reply(headers={"Content-Length": str(10**15)}, body=b"x" * 10)
    failure = kit.get(registry.reply("/x", reply))
    assert what(failure) == ("generation_failed/answer_too_large", False)
    assert "1048576 bytes" in failure.message
    assert len(registry.seen()) == 1


def test_a_body_without_an_end_stops_at_the_limit(kit, registry):
    """Without `Content-Length` the bytes are counted as they come."""
    endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (3 * MEGABYTE)
    failure = kit.get(registry.reply("/x", Reply(raw=endless)))
    assert what(failure) == ("generation_failed/answer_too_large", False)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("gzip, gzip", lambda content: gzip.compress(gzip.compress(content))),
    ],
)
def test_a_bomb_is_unpacked_no_further_than_the_limit(kit, registry, encoding, pack):
    """100 KB that unpack to 100 MB, or 1 KB that unpack to that, are stopped at 1 MB with little memory."""
    bomb = pack(bytes(100 * MEGABYTE))
    url = registry.reply("/x", Reply(headers={"Content-Encoding": encoding}, body=bomb))
    tracemalloc.start()
    failure = kit.get(url)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert what(failure) == ("generation_failed/answer_too_large", False)
    assert peak < 20 * MEGABYTE


def test_twenty_encodings_are_refused(kit, registry):
    """Nobody packs an answer six times."""
    reply = Reply(headers={"Content-Encoding": ", ".join(["gzip"] * 20)}, body=b"x")
    assert what(kit.get(registry.reply("/x", reply))) == ("network_error/connection_error", True)


def test_honest_compression_is_unpacked(kit, registry):
    """A compressed packument arrives as it was meant."""
    body = b'{"name": "prettier"}' * 1_000
    reply = Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(body))
    assert kit.get(registry.reply("/x", reply)).content == body
    assert kit.counts.total().bytes < len(body) / 10


def test_a_part_larger_than_asked_for_is_refused(kit, registry):
    """A server that answers a request for 10 bytes with 1,000 gets no memory for them."""
    headers = {"Content-Range": "bytes 0-999/5000"}
    url = registry.reply("/x", Reply(status=206, headers=headers, body=bytes(1_000)))
    assert what(kit.get(url, span=(0, 9))) == ("generation_failed/answer_too_large", False)


@pytest.mark.parametrize(
    "content_range",
    [
        "",
        "bytes 5-9/100",
        "bytes 0-3/100",
        "bytes 0-4/2",
        "bytes 4-0/100",
        "bytes */100",
        "items 0-4/100",
        "\xff",
    ],
)
def test_another_part_than_asked_for_is_refused(kit, registry, content_range):
    """The bytes of a part are used only where they belong."""
    reply = Reply(status=206, headers={"Content-Range": content_range}, body=b"01234")
    assert what(kit.get(registry.reply("/x", reply), span=(0, 4))) == ("generation_failed/bad_metadata", True)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [({"tail_bytes": 5}, "bytes 0-4/100"), ({}, "bytes 0-4/100"), ({"tail_bytes": 5}, "bytes 90-94/100")],
)
def test_a_part_from_the_wrong_place_is_refused(kit, registry, asked, sent):
    """The end of a file is its end, and who asked for all does not get a part."""
    reply = Reply(status=206, headers={"Content-Range": sent}, body=b"01234")
    assert what(kit.get(registry.reply("/x", reply), **asked)) == ("generation_failed/bad_metadata", True)


def test_a_web_page_instead_of_json_is_neither_used_nor_stored(kit, registry):
    """The log-in page of a hotel's network does not stay in the cache for an hour."""
    url = registry.add("/x", b"<html>Please log in", "text/html; charset=utf-8")
    assert what(kit.get(url, accept="application/json")) == ("generation_failed/bad_metadata", True)
    registry.add("/x", b"{}")
    assert kit.get(url, accept="application/json").content == b"{}"


def test_a_wrong_content_type_is_the_callers_business(kit, registry):
    """Mirrors call JSON `application/octet-stream`; the body is handed over."""
    url = registry.add("/x", b"{}", "application/octet-stream")
    assert kit.get(url, accept="application/json").content == b"{}"


def test_not_modified_without_a_question(kit, registry):
    """304 to an unconditional request is no answer."""
    assert what(kit.get(registry.reply("/x", Reply(status=304)))) == ("generation_failed/bad_metadata", True)


def test_redirects_are_followed_and_each_passes_its_own_limit(kit, registry, elsewhere):
    """Each hop asks the limiter of its host and the gate."""
    target = elsewhere.add("/file", b"content")
    registry.reply("/b", Reply(status=307, headers={"Location": target}))
    url = registry.reply("/a", Reply(status=301, headers={"Location": "b"}))
    assert kit.get(url) == Answer(url=url, status=200, content=b"content")
    assert [host for host, _ in kit.limiter.asked] == [registry.host, registry.host, elsewhere.host]
    assert kit.gate.asked == 3


def test_no_password_follows_a_redirect(kit, registry, elsewhere):
    """Credentials for one host are not shown to another."""
    target = elsewhere.add("/file", b"content")
    url = registry.reply("/a", Reply(status=302, headers={"Location": target}))
    kit.get(url.replace("http://", "http://user:secret@"))
    assert "authorization" in registry.seen()[0].headers
    assert "authorization" not in elsewhere.seen()[0].headers


def test_credentials_go_to_their_host_alone(make, registry, elsewhere):
    """A token of the service is sent to its address, to no other host that it redirects to, and to no other port."""
    target = elsewhere.add("/file", b"content")
    url = registry.reply("/a", Reply(status=302, headers={"Location": target}))
    kit = make(credentials={f"http://{registry.host}": "Bearer t0ken"})
    assert kit.get(url).content == b"content"
    assert registry.seen()[0].headers["authorization"] == "Bearer t0ken"
    assert "authorization" not in elsewhere.seen()[0].headers


def test_a_redirect_loop_ends(kit, registry):
    """After five redirects it is an outage of theirs, not of ours."""
    url = registry.reply("/a", Reply(status=302, headers={"Location": "/a"}))
    assert what(kit.get(url)) == ("network_error/upstream_unavailable", True)
    assert len(registry.seen()) == 6


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://a.example/x",
        "",
        "javascript:alert(1)",
        "http://[::1",
        "\x00",
    ],
)
def test_a_redirect_out_of_http_is_refused(kit, registry, location):
    """Nothing but http and https is followed, and the refusal is one printable line."""
    registry.reply("/a", Reply(raw=f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode()))
    failure = kit.get(f"{registry.url}/a")
    assert isinstance(failure, Failed)
    assert failure.message.isprintable()
    assert len(registry.seen()) == (3 if location == "\x00" else 1)


def test_a_redirect_to_plain_text_is_refused():
    """From https there is no way back to http."""
    refused = redirected(httpx2.URL("https://a.example/x"), "http://a.example/x")
    assert what(refused) == ("network_error/upstream_refused", False)
    assert redirected(httpx2.URL("https://a.example/x"), "/y") == httpx2.URL("https://a.example/y")
    assert redirected(httpx2.URL("http://a.example/x"), "https://b.example/") == httpx2.URL("https://b.example/")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://a.example/",
        "/x",
        "",
        "http://",
        "http://[::1/x",
        "http://a\nb/",
        f"http://{'a' * 64}.example/",
    ],
)
def test_addresses_that_cannot_be_asked(kit, url):
    """Metadata may name any address; what is no web address is bad metadata, and costs no request."""
    failure = kit.get(url)
    assert what(failure) == ("generation_failed/bad_metadata", False)
    assert failure.message.isprintable()
    assert kit.limiter.asked == []


@given(url=st.text(max_size=80) | st.text(max_size=60).map("https://a.example/{}".format))
def test_no_address_crashes_it(url):
    """Any text is an address that can be asked, or a failure."""
    parsed = address(url)
    if isinstance(parsed, Failed):
        assert parsed.message.isprintable()
    else:
        request = cached_request(parsed, Wanted(tail_bytes=5), ask_again=True, offline=False, credentials={})
        assert headers_to_send(request)["range"] == "bytes=-5"


@given(location=st.text(max_size=80))
def test_no_location_crashes_it(location):
    """Any `Location` is an address to ask, or a failure."""
    target = redirected(httpx2.URL("https://a.example/x"), location)
    assert isinstance(target, Failed) or target.scheme == "https"


def test_ten_thousand_headers(kit, registry):
    """A head without an end is cut off, quickly."""
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(20_000))
    began = time.monotonic()
    failure = kit.get(registry.reply("/x", Reply(raw=head)))
    assert what(failure) == ("network_error/connection_error", True)
    assert time.monotonic() - began < 5.0
