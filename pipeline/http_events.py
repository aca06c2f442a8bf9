"""What the network layer tells those who watch it: one frozen event for each thing that happened."""

import threading
from collections.abc import Iterable
from typing import Protocol

import msgspec

from pipeline.model import Subcategory


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of all events; `host` is `name` or `name:port`."""

    host: str


class WaitBegan(Event, frozen=True, kw_only=True, tag="wait_began"):
    """A request waits for its slot, which is expected in so many seconds."""

    seconds: float


class RequestSent(Event, frozen=True, kw_only=True, tag="request_sent"):
    """A request left this process after `waited` seconds; `conditional` asks whether a copy still holds."""

    waited: float
    conditional: bool


class AnswerReceived(Event, frozen=True, kw_only=True, tag="answer_received"):
    """An answer arrived in full; `size` is the body's size in bytes as it went over the wire."""

    status: int
    size: int
    seconds: float


class CacheHit(Event, frozen=True, kw_only=True, tag="cache_hit"):
    """A stored answer was used without a request; `stale` because the registry did not answer."""

    stale: bool = False


class NotModified(Event, frozen=True, kw_only=True, tag="not_modified"):
    """The registry said that the stored answer still holds: a request without a body."""


class TryFailed(Event, frozen=True, kw_only=True, tag="try_failed"):
    """One try of a request failed; `again` says whether there will be another."""

    subcategory: Subcategory
    again: bool


class Penalised(Event, frozen=True, kw_only=True, tag="penalised"):
    """The host asked everybody on this machine for so many seconds of patience."""

    seconds: float


NetworkEvent = WaitBegan | RequestSent | AnswerReceived | CacheHit | NotModified | TryFailed | Penalised


class Observer(Protocol):
    """Anything that can be called with an event, from any thread."""

    def __call__(self, event: NetworkEvent, /) -> None:
        """Take note of one event; never raise."""


class HostCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What happened with one host. `waited` is the seconds that all its requests stood in line, added up."""

    requests: int = 0
    conditional: int = 0
    answers: int = 0
    bytes: int = 0
    cache_hits: int = 0
    stale_hits: int = 0
    not_modified: int = 0
    failed_tries: int = 0
    penalties: int = 0
    waited: float = 0.0


class CountingObserver:
    """Counts events by host; safe to call from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, HostCounts] = {}

    def __call__(self, event: NetworkEvent, /) -> None:
        """Count one event."""
        with self._lock:
            self._counts[event.host] = count(self._counts.get(event.host, HostCounts()), event)

    def by_host(self) -> dict[str, HostCounts]:
        """Return a copy of the counts."""
        with self._lock:
            return dict(self._counts)

    def total(self) -> HostCounts:
        """Return the counts of all hosts added up."""
        return added(self.by_host().values())


def added(parts: Iterable[HostCounts]) -> HostCounts:
    """Return some counts added up; all zeros for none."""
    columns = zip(*map(msgspec.structs.astuple, parts), strict=True)
    return HostCounts(**dict(zip(HostCounts.__struct_fields__, map(sum, columns), strict=False)))


def count(counts: HostCounts, event: NetworkEvent) -> HostCounts:
    """Return the counts with one event added."""
    replace = msgspec.structs.replace
    match event:
        case WaitBegan():
            return counts
        case RequestSent():
            return replace(
                counts,
                requests=counts.requests + 1,
                conditional=counts.conditional + event.conditional,
                waited=counts.waited + event.waited,
            )
        case AnswerReceived():
            return replace(counts, answers=counts.answers + 1, bytes=counts.bytes + event.size)
        case CacheHit():
            hits = counts.cache_hits + 1
            return replace(counts, cache_hits=hits, stale_hits=counts.stale_hits + event.stale)
        case NotModified():
            return replace(counts, not_modified=counts.not_modified + 1)
        case TryFailed():
            return replace(counts, failed_tries=counts.failed_tries + 1)
        case Penalised():
            return replace(counts, penalties=counts.penalties + 1)
