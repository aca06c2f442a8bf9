"""A fake registry and a fetcher on it; sleeping between tries is switched off."""

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import stamina

from pipeline.clock import Clock
from pipeline.config import NetworkConfig
from pipeline.http import HttpFetcher
from pipeline.http_events import CountingObserver
from tests.fake_registry import FakeRegistry
from tests.fakes_net import FakeClock, OpenLimiter, ScriptedGate

LIMITS = NetworkConfig(
    timeout_seconds=5,
    total_seconds=10,
    attempts=3,
    max_wait_seconds=60,
    max_answer_mb=1,
    freshness_seconds=3600,
)


@pytest.fixture(autouse=True)
def no_backoff() -> Iterator[None]:
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        yield running


@pytest.fixture
def elsewhere() -> Iterator[FakeRegistry]:
    """A second host."""
    with FakeRegistry() as running:
        yield running


class Kit:
    """A fetcher, and the fakes that it was given."""

    def __init__(
        self, folder: Path, *, config: NetworkConfig, gate: ScriptedGate, clock: Clock, credentials: Mapping[str, str]
    ) -> None:
        self.clock = clock
        self.limiter = OpenLimiter(self.clock)
        self.gate = gate
        self.counts = CountingObserver()
        self.stop = threading.Event()
        self.fetcher = HttpFetcher(
            config=config,
            rate=7.0,
            limiter=self.limiter,
            cache_file=folder / "cache" / "answers.sqlite",
            gate=gate,
            clock=self.clock,
            stop=self.stop,
            observer=self.counts,
            credentials=credentials,
        )
        self.get = self.fetcher.get


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Kit]]:
    """Return a maker of kits; all share one cache file, as processes do."""
    made: list[Kit] = []

    def kit(
        *,
        config: NetworkConfig = LIMITS,
        gate: ScriptedGate | None = None,
        clock: Clock | None = None,
        credentials: Mapping[str, str] = MappingProxyType({}),
    ) -> Kit:
        gate, clock = gate or ScriptedGate(), clock or FakeClock()
        made.append(Kit(tmp_path, config=config, gate=gate, clock=clock, credentials=credentials))
        return made[-1]

    yield kit
    for one in made:
        one.fetcher.close()


@pytest.fixture
def kit(make: Callable[..., Kit]) -> Kit:
    return make()
