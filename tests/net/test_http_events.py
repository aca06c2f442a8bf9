"""What observers hear."""

import threading

from pipeline.http_events import (
    AnswerReceived,
    CacheHit,
    CountingObserver,
    NotModified,
    Penalised,
    RequestSent,
    TryFailed,
    WaitBegan,
)
from pipeline.limiter import FileLimiter
from pipeline.model import Subcategory
from tests.fake_registry import Reply
from tests.fakes_net import EventList


def test_each_event_is_counted_once():
    """The counts of a host are the events of that host, and the total adds the hosts up."""
    counts = CountingObserver()
    for host in ("a", "b"):
        counts(WaitBegan(host=host, seconds=1.0))
        counts(RequestSent(host=host, waited=1.5, conditional=True))
        counts(AnswerReceived(host=host, status=200, size=100, seconds=0.1))
        counts(CacheHit(host=host, stale=host == "a"))
        counts(NotModified(host=host))
        counts(TryFailed(host=host, subcategory=Subcategory.TIMEOUT, again=True))
        counts(Penalised(host=host, seconds=3.0))
    total = counts.total()
    assert (total.requests, total.conditional, total.answers, total.bytes, total.waited) == (
        2,
        2,
        2,
        200,
        3.0,
    )
    assert (total.cache_hits, total.stale_hits, total.not_modified) == (2, 1, 2)
    assert (total.failed_tries, total.penalties) == (2, 2)
    assert counts.by_host()["b"].stale_hits == 0


def test_nothing_happened():
    """Without any event the total is all zeros."""
    assert CountingObserver().total().requests == 0


def test_no_count_is_lost_between_threads():
    """Many threads may report at the same time."""
    counts = CountingObserver()

    def report():
        for _ in range(500):
            counts(CacheHit(host="a"))

    threads = [threading.Thread(target=report) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.total().cache_hits == 4_000


def test_the_story_of_a_request(make, registry, tmp_path):
    """A retried request tells of both tries, its wait and its answer, in order."""
    kit = make()
    seen = EventList()
    limiter = FileLimiter(tmp_path / "limiter", clock=kit.clock, stop=kit.stop)
    kit.fetcher._exchange._observer = kit.fetcher._observer = seen
    kit.fetcher._exchange._limiter = limiter
    registry.script("/x", Reply(status=500))
    kit.get(registry.add("/x", b"12345"))
    kit.get(f"{registry.url}/x")
    kinds = [type(event).__name__ for event in seen.events]
    assert kinds == [
        "RequestSent",
        "AnswerReceived",
        "TryFailed",
        "WaitBegan",
        "RequestSent",
        "AnswerReceived",
        "CacheHit",
    ]
    answered = seen.of(AnswerReceived)
    assert [(event.status, event.size) for event in answered] == [(500, 0), (200, 5)]
    assert {event.host for event in seen.events} == {registry.host}
