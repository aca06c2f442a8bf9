"""The only module that talks to the network: cache, rate limit, retries, redirects, and failures as values.

    get -> follow redirects -> retry -> cache (RFC 9111) -> Exchange: permit, gate, send -> Network

An answer from the cache costs no permit. Whatever leaves the process, retries and questions whether a copy
still holds included, passes the limiter of its host and the gate.
"""

import logging
import sqlite3
import threading
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
import msgspec
import stamina
from hishel import CacheOptions, SqliteStorage
from hishel.httpx2 import CacheTransport

from pipeline.clock import Clock
from pipeline.config import NetworkConfig
from pipeline.ecosystems.base import Answer
from pipeline.http_answers import MISSING, REDIRECTS
from pipeline.http_events import CacheHit, Observer, TryFailed
from pipeline.http_exchange import Exchange, NotStoredError
from pipeline.http_failures import HeldError, TryFailedError, failed, status_failure
from pipeline.http_headers import content_range
from pipeline.http_network import Network
from pipeline.http_requests import Wanted, address, cached_request, host_key, redirected
from pipeline.http_turns import Turns
from pipeline.limiter import Limiter
from pipeline.model import Failed, Held, Subcategory
from pipeline.store import drop_damaged_database

_MAX_REDIRECTS = 5

# The waits between tries grow from half a second, plus up to a second at random, to at most this.
_LONGEST_BACKOFF = 8.0

# How old a copy may be that stands in while the registry does not answer.
_OLDEST_STAND_IN = 7 * 24 * 3600

# How old a copy may be that is used unasked because its content is pinned. Not for ever: a part of a file cannot be
# held against its digest, and what a broken mirror once gave must not stay.
_OLDEST_PINNED = 30 * 24 * 3600

# This cache belongs to one user of one machine, so `private` answers may be stored.
_FRESH = CacheOptions(shared=False, allow_stale=False)
_STALE = CacheOptions(shared=False, allow_stale=True)

# Both report through the observer here; without a handler Python would print their warnings to the terminal.
for _name in ("hishel", "stamina"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


class HttpFetcher:
    """The `Fetcher` of one ecosystem, for any number of threads. Close it, or use it in a `with`.

    `rate` is in requests a second to each host. `gate` is asked before each request that would leave, and
    what it returns is passed on instead of an answer. `cache_file` may be shared by several processes. `credentials`
    is the `Authorization` header for each host that gets one, by scheme and authority.
    """

    def __init__(
        self,
        *,
        config: NetworkConfig,
        rate: float,
        limiter: Limiter,
        cache_file: Path,
        gate: Callable[[], Held | None],
        clock: Clock,
        stop: threading.Event,
        observer: Observer,
        credentials: Mapping[str, str],
    ) -> None:
        self._credentials = credentials
        self._config = config
        self._observer = observer
        self._stop = stop
        proxies = urllib.request.getproxies()
        self._network = Network(clock=clock, timeout_seconds=config.timeout_seconds, proxies=proxies)
        self._exchange = Exchange(
            config=config,
            rate=rate,
            limiter=limiter,
            network=self._network,
            gate=gate,
            clock=clock,
            observer=observer,
        )
        self._storage = open_storage(cache_file)
        self._turns = Turns()
        self._cache = CacheTransport(self._exchange, self._storage, rfc=_FRESH)
        self._retrying = stamina.RetryingCaller(
            attempts=config.attempts, timeout=None, wait_initial=0.5, wait_max=_LONGEST_BACKOFF
        ).on(self._backoff)

    def get(
        self, url: str, *, accept: str = "", tail_bytes: int = 0, span: tuple[int, int] | None = None, pinned: str = ""
    ) -> Answer | Failed | Held:
        """Return the answer to a GET, or why there is none; see `ecosystems.base.Fetcher`.

        When the registry does not answer, a copy of at most a week stands in for it, marked `stale`. What is `pinned`
        is not asked for again while its copy is less than 30 days old.
        """
        wanted = Wanted(accept=accept, tail_bytes=tail_bytes, span=span, pinned=pinned)
        outcome = self._follow(url, wanted, offline=False)
        if isinstance(outcome, Failed) and outcome.transient:
            try:
                stand_in = self._follow(url, wanted, offline=True)
            except NotStoredError:
                return outcome
            if isinstance(stand_in, Answer):
                return msgspec.structs.replace(stand_in, stale=True)
        return outcome

    def close(self) -> None:
        """Close all connections and the cache."""
        self._network.close()
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _follow(self, url: str, wanted: Wanted, *, offline: bool) -> Answer | Failed | Held:
        """Return the answer at the end of the redirects; `NotStoredError` when `offline` and not stored."""
        target = address(url)
        for _ in range(_MAX_REDIRECTS + 1):
            if isinstance(target, Failed):
                return target
            ask_again = self._config.freshness_seconds == 0 and not offline
            request = self._request(target, wanted, ask_again=ask_again, offline=offline)
            try:
                if offline:
                    response = self._stand_in(request)
                else:
                    response = self._kept(target, wanted) or self._retrying(self._try, request)
            except HeldError as stopped:
                return stopped.held
            except TryFailedError as problem:
                return self._in_words(problem)
            if response.status_code not in REDIRECTS:
                return _answer(url, response)
            target = redirected(target, response.headers.get("location", ""))
        cause = f"more than {_MAX_REDIRECTS} redirects"
        return failed(url, Subcategory.UPSTREAM_UNAVAILABLE, cause, transient=True)

    def _request(self, target: httpx2.URL, wanted: Wanted, *, ask_again: bool, offline: bool) -> httpx2.Request:
        return cached_request(target, wanted, ask_again=ask_again, offline=offline, credentials=self._credentials)

    def _try(self, request: httpx2.Request) -> httpx2.Response:
        """Return an answer, from the cache or from the registry."""
        host = host_key(request.url)
        with self._turns.turn(request.extensions["caching"]["key"], self._config.total_seconds):
            try:
                response = self._cache.handle_request(request)
            except TryFailedError as problem:
                event = TryFailed(host=host, subcategory=problem.failed.subcategory, again=problem.again)
                self._observer(event)
                raise
            status = response.extensions["caching"]
            try:
                response.read()
            except (sqlite3.Error, RuntimeError):
                # Another process removed the copy while it was read, or its disk page is damaged.
                return self._exchange.handle_request(request)
        stored = status["from_cache"] and not status["revalidated"]
        if stored:
            self._observer(CacheHit(host=host))
        if response.status_code in MISSING:
            gone = status_failure(str(request.url), response.status_code)
            if not stored:
                self._observer(TryFailed(host=host, subcategory=gone.failed.subcategory, again=False))
            raise gone
        return response

    def _kept(self, target: httpx2.URL, wanted: Wanted) -> httpx2.Response | None:
        """Return the copy of a pinned content while that is not too old; None when there is none.

        Where a redirect led is not pinned: such addresses are often signed for minutes.
        """
        if not wanted.pinned or self._config.freshness_seconds == 0:
            return None
        try:
            response = self._look_up(self._request(target, wanted, ask_again=False, offline=True), _OLDEST_PINNED)
        except NotStoredError:
            return None
        if response.status_code in REDIRECTS:
            return None
        self._observer(CacheHit(host=host_key(target)))
        return response

    def _stand_in(self, request: httpx2.Request) -> httpx2.Response:
        """Return a stored answer for one that did not come."""
        response = self._look_up(request, _OLDEST_STAND_IN)
        self._observer(CacheHit(host=host_key(request.url), stale=True))
        return response

    def _look_up(self, request: httpx2.Request, oldest: int) -> httpx2.Response:
        """Return a stored answer up to an age in seconds, fresh or not; that something is missing is none."""
        request.extensions["caching"]["rfc"] = _STALE
        response = self._cache.handle_request(request)
        try:
            response.read()
        except (sqlite3.Error, RuntimeError) as error:
            raise NotStoredError from error
        if response.status_code in MISSING or int(response.headers.get("age", "0")) > oldest:
            raise NotStoredError
        return response

    def _backoff(self, error: Exception) -> bool | float:
        """Say whether and when to try again: the hook of the retries."""
        if not isinstance(error, TryFailedError) or not error.again:
            return False
        # The limiter holds back everybody for as long as the host wishes, and its waiting can be cut short.
        return 0.0 if error.paced or self._stop.is_set() else True

    def _in_words(self, problem: TryFailedError) -> Failed:
        if not problem.again or self._config.attempts == 1:
            return problem.failed
        message = f"{problem.failed.message}; tried {self._config.attempts} times"
        return msgspec.structs.replace(problem.failed, message=message)


def open_storage(cache_file: Path) -> SqliteStorage:
    """Return the store of answers; a file that is no database is thrown away, it holds nothing of value."""
    cache_file.parent.mkdir(parents=True, exist_ok=True)
    drop_damaged_database(cache_file)
    return SqliteStorage(database_path=cache_file)


def _answer(url: str, response: httpx2.Response) -> Answer:
    """Return the answer for the caller; `url` is the address that was asked first."""
    part = content_range(response.headers.get("content-range", ""))
    return Answer(
        url=url,
        status=200 if part is None else 206,
        content=response.content,
        total_size=None if part is None else part.total,
    )
