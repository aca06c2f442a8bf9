"""What is asked again and what is not: freshness, conditional requests, parts of files, standing in."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import msgspec
import pytest
import time_machine

from tests.fake_registry import Reply
from tests.net.conftest import LIMITS

JSON = "application/json"
DAY = 24 * 3600


@pytest.fixture(autouse=True)
def later():
    """A time of day that is moved by hand; the cache reads it from `time.time`."""
    with time_machine.travel(time.time(), tick=False) as traveller:
        yield traveller


def test_within_the_freshness_time_nobody_is_asked(make, registry, later):
    """A second run an hour minus a second later makes no request and takes no permit."""
    url = registry.add("/npm/prettier", b'{"name": "prettier"}')
    first, second = make(), make()
    assert first.get(url).content == b'{"name": "prettier"}'
    later.shift(3_599)
    assert second.get(url) == first.get(url)
    assert len(registry.seen()) == 1
    assert second.limiter.asked == []
    assert second.gate.asked == 0
    assert (second.counts.total().requests, second.counts.total().cache_hits) == (0, 1)


def test_who_comes_while_it_is_asked_waits_for_the_answer(kit, registry):
    """A file that many packages need at once, as an index's config.json, is asked for once."""
    url = registry.reply("/config.json", Reply(body=b"1", delay=0.2))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(kit.get, [url] * 8))
    assert {answer.content for answer in found} == {b"1"}
    assert len(registry.seen()) == 1


def test_nobody_waits_long_for_one_who_waits(make, registry):
    """When the first has no answer yet after the time for a whole answer, the others ask by themselves."""
    url = registry.reply("/slow", Reply(body=b"1", delay=1.0))
    kit = make(config=msgspec.structs.replace(LIMITS, total_seconds=0.2, timeout_seconds=5, attempts=1))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(kit.get, [url] * 4))
    assert len(registry.seen()) == 4


def test_after_the_freshness_time_it_is_asked_again(kit, registry, later):
    """A copy without any validator is fetched anew when its time is over."""
    url = registry.add("/x", b"1")
    kit.get(url)
    registry.add("/x", b"2")
    later.shift(3_601)
    assert kit.get(url).content == b"2"


@pytest.mark.parametrize(
    ("validator", "question"),
    [
        ({"etag": '"v1"'}, "if-none-match"),
        ({"last_modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, "if-modified-since"),
    ],
)
def test_a_copy_that_still_holds_costs_no_body(kit, registry, later, validator, question):
    """After its time a copy is only asked about: one 304 without a body, and it is fresh again."""
    url = registry.add("/x", b"x" * 1_000, **validator)
    kit.get(url)
    received = kit.counts.total().bytes
    later.shift(3_601)
    assert kit.get(url).content == b"x" * 1_000
    assert question in registry.seen()[1].headers
    assert [seen.status for seen in registry.seen()] == [200, 304]
    assert kit.counts.total().not_modified == 1
    assert kit.counts.total().bytes == received
    later.shift(3_599)
    kit.get(url)
    assert len(registry.seen()) == 2


def test_a_revalidated_copy_keeps_its_own_lifetime(kit, registry, later):
    """A 304 that names no lifetime renews that of the stored answer, not the configured one."""
    url = registry.add("/x", b"x", etag='"1"', cache_control="max-age=300")
    registry.script("/x", registry.choose("/x"), Reply(status=304))
    for _ in range(3):
        kit.get(url)
        later.shift(301)
    assert [seen.status for seen in registry.seen()] == [200, 304, 304]


def test_a_damaged_copy_is_fetched_anew(kit, registry, tmp_path):
    """A stored answer whose body is gone costs a request, not an error."""
    url = registry.add("/x", b"x")
    kit.get(url)
    with closing(sqlite3.connect(tmp_path / "cache" / "answers.sqlite")) as database:
        database.execute("DELETE FROM streams")
        database.commit()
    assert kit.get(url).content == b"x"
    assert len(registry.seen()) == 2


def test_a_changed_answer_replaces_the_copy(kit, registry, later):
    """When the validator no longer holds, the new body is used and stored."""
    url = registry.add("/x", b"old", etag='"1"')
    kit.get(url)
    registry.add("/x", b"new", etag='"2"')
    later.shift(3_601)
    assert kit.get(url).content == b"new"
    assert kit.get(url).content == b"new"
    assert len(registry.seen()) == 2


def test_the_registrys_own_lifetime_wins(kit, registry, later):
    """`Cache-Control: max-age` and `Expires` of an answer count, not the configured time."""
    short = registry.add("/short", b"s", cache_control="public, max-age=300")
    long = registry.add("/long", b"l", cache_control="max-age=31536000, immutable")
    dated = registry.add("/dated", b"d", expires="Fri, 01 Jan 2100 00:00:00 GMT")
    for url in (short, long, dated):
        kit.get(url)
    later.shift(30 * DAY)
    for url in (short, long, dated):
        kit.get(url)
    assert len(registry.seen("/short")) == 2
    assert len(registry.seen("/long")) == 1
    assert len(registry.seen("/dated")) == 1


@pytest.mark.parametrize("control", ["no-store", "no-cache", "private, no-cache"])
def test_what_must_not_be_used_unasked_is_asked_each_time(kit, registry, control):
    """`no-store` and `no-cache` are kept."""
    url = registry.add("/x", b"x", cache_control=control)
    kit.get(url)
    kit.get(url)
    assert len(registry.seen()) == 2


def test_freshness_zero_asks_each_time(make, registry):
    """`network.freshness_seconds=0` has each copy checked; mirrors do not hear of it."""
    url = registry.add("/x", b"x", cache_control="max-age=31536000", etag='"1"')
    kit = make(config=msgspec.structs.replace(LIMITS, freshness_seconds=0))
    kit.get(url)
    kit.get(url)
    assert [seen.status for seen in registry.seen()] == [200, 304]
    assert "cache-control" not in registry.seen()[1].headers


def test_parts_of_a_file_are_stored_each_for_itself(make, registry):
    """A range is asked for once, comes with the whole file's size, and is not mixed up with another range."""
    url = registry.add("/files/a.whl", bytes(range(256)), "application/octet-stream")
    for kit in (make(), make()):
        tail = kit.get(url, tail_bytes=10)
        middle = kit.get(url, span=(5, 9))
        whole = kit.get(url)
        assert (tail.status, tail.content, tail.total_size) == (206, bytes(range(246, 256)), 256)
        assert (middle.status, middle.content, middle.total_size) == (206, bytes(range(5, 10)), 256)
        assert (whole.status, whole.content, whole.total_size) == (200, bytes(range(256)), None)
    assert [seen.headers.get("range") for seen in registry.seen()] == ["bytes=-10", "bytes=5-9", None]
    assert registry.seen()[0].headers["accept-encoding"] == "identity"


def test_a_part_that_still_holds_costs_no_body(kit, registry, later):
    """Conditional requests work for ranges too."""
    url = registry.add("/files/a.whl", bytes(100), "application/octet-stream", etag='"1"')
    kit.get(url, tail_bytes=10)
    later.shift(3_601)
    again = kit.get(url, tail_bytes=10)
    assert (again.status, again.total_size, len(again.content)) == (206, 100, 10)
    assert [seen.status for seen in registry.seen()] == [206, 304]


def test_a_server_without_ranges_answers_with_the_whole_file(kit, registry):
    """Status 200 to a range is the whole file, and says so."""
    url = registry.reply("/f", Reply(body=b"0123456789", ranges=False))
    answer = kit.get(url, tail_bytes=3)
    assert (answer.status, answer.content, answer.total_size) == (200, b"0123456789", None)


def test_forms_of_one_address_are_not_mixed_up(kit, registry):
    """JSON and HTML of the same address are stored apart, though the mirror sends no `Vary`."""
    url = registry.add("/simple/x/", b"{}", JSON)
    assert kit.get(url, accept=JSON).content == b"{}"
    registry.add("/simple/x/", b"<html>", "text/html")
    assert kit.get(url, accept="text/html").content == b"<html>"
    assert kit.get(url, accept=JSON).content == b"{}"


@pytest.mark.parametrize("trouble", [Reply(status=503), Reply(hang_up=True), Reply(status=429)])
def test_a_copy_stands_in_while_the_registry_does_not_answer(kit, registry, later, trouble):
    """After all tries failed, an old copy is returned and marked stale; it is counted."""
    url = registry.add("/x", b"old")
    kit.get(url)
    registry.reply("/x", trouble)
    later.shift(2 * DAY)
    answer = kit.get(url)
    assert (answer.content, answer.stale) == (b"old", True)
    assert len(registry.seen()) == 1 + LIMITS.attempts
    assert kit.counts.total().stale_hits == 1


def test_a_copy_does_not_stand_in_for_more_than_a_week(kit, registry, later):
    """What is too old is not used: the failure is returned."""
    url = registry.add("/x", b"old")
    kit.get(url)
    registry.reply("/x", Reply(status=503))
    later.shift(8 * DAY)
    assert kit.get(url).subcategory == "upstream_unavailable"


def test_a_copy_does_not_stand_in_for_a_package_that_is_gone(kit, registry, later):
    """404 is an answer, not an outage."""
    url = registry.add("/x", b"old")
    kit.get(url)
    registry.reply("/x", Reply(status=404))
    later.shift(3_601)
    assert kit.get(url).subcategory == "not_found"


def test_what_must_be_revalidated_does_not_stand_in(kit, registry, later):
    """`must-revalidate` forbids using an old copy, even in an outage."""
    url = registry.add("/x", b"old", cache_control="max-age=60, must-revalidate")
    kit.get(url)
    registry.reply("/x", Reply(status=503))
    later.shift(61)
    assert kit.get(url).subcategory == "upstream_unavailable"


@pytest.mark.parametrize("status", [500, 302])
def test_failures_and_temporary_redirects_are_not_stored(kit, registry, status):
    """What may be gone the next moment is asked again the next time."""
    registry.reply("/x", Reply(status=status, headers={"Location": "/y"}))
    registry.add("/y", b"y")
    url = registry.url + "/x"
    kit.get(url)
    registry.add("/x", b"there")
    assert kit.get(url).content == b"there"


@pytest.mark.parametrize("status", [404, 410])
def test_that_something_is_missing_is_asked_once_within_the_freshness_time(make, registry, later, status):
    """A Go command is looked for at longer paths first; that there is nothing is an answer, kept as others are."""
    url = registry.reply(
        "/x", Reply(status=status, body=b"x" * 100, headers={"ETag": '"1"', "Cache-Control": "max-age=9999"})
    )
    first, second = make(), make()
    assert first.get(url).subcategory == "not_found"
    assert second.get(url) == first.get(url)
    assert len(registry.seen()) == 1
    assert (second.counts.total().cache_hits, second.counts.total().failed_tries) == (1, 0)
    assert first.counts.total().failed_tries == 1
    registry.add("/x", b"there")
    later.shift(3_601)
    assert second.get(url).content == b"there"


def test_that_something_was_missing_does_not_stand_in(kit, registry, later):
    """While the registry is down nobody knows whether it has come."""
    url = registry.reply("/x", Reply(status=404))
    kit.get(url)
    registry.reply("/x", Reply(status=503))
    later.shift(3_601)
    assert kit.get(url).subcategory == "upstream_unavailable"


PIN = "sha256:" + "0" * 64


@pytest.mark.parametrize("part", [{}, {"tail_bytes": 4}, {"span": (2, 5)}])
def test_what_is_pinned_is_not_asked_for_again(make, registry, later, part):
    """A file whose digest the registry gave cannot change: no request, not even a conditional one, for 30 days."""
    url = registry.add("/files/a", b"0123456789", etag='"1"', cache_control="max-age=60")
    first, second = make(), make()
    answer = first.get(url, pinned=PIN, **part)
    later.shift(30 * DAY)
    assert second.get(url, pinned=PIN, **part) == answer
    assert not answer.stale
    assert len(registry.seen()) == 1
    assert (second.counts.total().cache_hits, second.counts.total().stale_hits) == (1, 0)
    later.shift(1)
    second.get(url, pinned=PIN, **part)
    assert [seen.status for seen in registry.seen()][1:] == [304]


def test_another_digest_at_the_same_address_is_another_file(kit, registry):
    """A file that was replaced is fetched, however young the copy of the former one is."""
    url = registry.add("/files/a", b"old")
    kit.get(url, pinned=PIN)
    registry.add("/files/a", b"new")
    assert kit.get(url, pinned=PIN.replace("0", "1")).content == b"new"
    assert kit.get(url, pinned=PIN).content == b"old"


def test_freshness_zero_checks_what_is_pinned_too(make, registry):
    """Whoever wants each copy checked gets that."""
    url = registry.add("/files/a", b"x", etag='"1"')
    kit = make(config=msgspec.structs.replace(LIMITS, freshness_seconds=0))
    kit.get(url, pinned=PIN)
    kit.get(url, pinned=PIN)
    assert [seen.status for seen in registry.seen()] == [200, 304]


@pytest.mark.parametrize("control", ["no-store", "no-cache", "max-age=60, must-revalidate"])
def test_a_registry_may_forbid_to_keep_what_is_pinned(kit, registry, later, control):
    """Its own word on copies counts more than what is known of the content."""
    url = registry.add("/files/a", b"x", cache_control=control)
    kit.get(url, pinned=PIN)
    later.shift(61)
    kit.get(url, pinned=PIN)
    assert len(registry.seen()) == 2


def test_where_a_redirect_led_is_not_pinned(kit, registry, later):
    """The redirect is asked for again, as its target may be signed for minutes; the copy of the target is used."""
    registry.reply("/dl", Reply(status=302, headers={"Location": "/files/a", "Cache-Control": "max-age=60"}))
    registry.add("/files/a", b"x")
    kit.get(registry.url + "/dl", pinned=PIN)
    later.shift(DAY)
    assert kit.get(registry.url + "/dl", pinned=PIN).content == b"x"
    assert [seen.path for seen in registry.seen()] == ["/dl", "/files/a", "/dl"]


def test_what_is_pinned_but_missing_is_asked_for_again(kit, registry, later):
    """A file that a mirror did not have yet is not missing for a month."""
    url = registry.reply("/files/a", Reply(status=404))
    kit.get(url, pinned=PIN)
    registry.add("/files/a", b"x")
    later.shift(3_601)
    assert kit.get(url, pinned=PIN).content == b"x"


def test_a_cache_file_that_is_no_database_is_replaced(make, registry, tmp_path, caplog):
    """Rubbish where the cache should be costs the stored answers, nothing else."""
    path = tmp_path / "cache" / "answers.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"this is not a database, but it is longer than a header of SQLite has to be" * 20)
    url = registry.add("/x", b"x")
    kit = make()
    assert kit.get(url).content == b"x"
    assert kit.get(url).content == b"x"
    assert len(registry.seen()) == 1
    assert caplog.records == []


def test_no_password_reaches_the_cache_file(kit, registry, tmp_path):
    """Credentials in an address go over the wire as a header, and nowhere else."""
    url = registry.add("/x", b"x").replace("http://", "http://user:s3cret-word@")
    assert kit.get(url).content == b"x"
    assert registry.seen()[0].headers["authorization"] == "Basic dXNlcjpzM2NyZXQtd29yZA=="
    kit.fetcher.close()
    stored = b"".join(path.read_bytes() for path in (tmp_path / "cache").iterdir())
    assert b"/x" in stored
    assert b"s3cret-word" not in stored
    assert b"dXNlcjpzM2NyZXQtd29yZA" not in stored
