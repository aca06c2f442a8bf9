"""Ecosystems run side by side: a batch takes as long as its slowest ecosystem, and no rate is exceeded."""

import time
from pathlib import Path

import pytest

from pipeline.model import Generated
from tests.e2e.world import WatchedRegistry, World


class Pace:
    """A number of npm packages on one host and of PyPI packages on another, at one rate, generated once."""

    def __init__(self, world: World, other: WatchedRegistry, *, packages: int, rate: float) -> None:
        self._hosts = (world.registry, other)
        self.rate = rate
        npm = [world.npm(f"tool-{number}") for number in range(packages)]
        second = World(Path(world.folder / "second"), other)
        pypi = [second.pypi(f"tool-{number}") for number in range(packages)]
        world.configure(rate=rate, batch={"size": 2 * packages}, platforms=world.only_here())
        world.queue(*npm, *pypi)
        began = time.monotonic()
        world.ran("generate", UV_DEFAULT_INDEX=other.pypi_url)
        self.whole = time.monotonic() - began
        self.generated = [isinstance(world.outcome(source).outcome, Generated) for source in npm + pypi]

    @property
    def arrivals(self) -> tuple[list[float], ...]:
        """When the requests arrived at each host, in monotonic seconds."""
        return tuple(host.arrivals() for host in self._hosts)

    @property
    def seconds(self) -> float:
        """From the first request to the last, of both hosts."""
        every = [at for times in self.arrivals for at in times]
        return max(every) - min(every)

    def most_in_a_second(self) -> int:
        """Return the largest number of requests that any host saw in any window of one second."""
        return max(sum(0 <= at - first < 1 for at in times) for times in self.arrivals for first in times)


@pytest.fixture
def other() -> WatchedRegistry:
    """A second host: the rate is kept for each."""
    with WatchedRegistry() as running:
        yield running


def test_ecosystems_run_side_by_side(world: World, other: WatchedRegistry, record_property: object) -> None:
    """20 + 20 packages at 20/s take as long as the slower ecosystem alone, and no second sees more than 20 requests."""
    pace = Pace(world, other, packages=20, rate=20)
    npm, pypi = map(len, pace.arrivals)
    assert (npm, pypi) == (20, 40), "a packument each; an index page and a wheel each"
    assert all(pace.generated)
    alone, in_turn = max(npm, pypi) / pace.rate, (npm + pypi) / pace.rate
    assert alone * 0.9 < pace.seconds < (alone + in_turn) / 2
    assert pace.most_in_a_second() <= pace.rate


@pytest.mark.long
def test_sixty_packages_at_two_a_second(world: World, other: WatchedRegistry, capsys: pytest.CaptureFixture) -> None:
    """30 + 30 packages at 2/s: npm is done in 15 s, PyPI with its two requests each in 30 s, both side by side."""
    pace = Pace(world, other, packages=30, rate=2)
    with capsys.disabled():
        spans = [f"{max(times) - min(times):.1f} s for {len(times)}" for times in pace.arrivals]
        print(f"\nnpm {spans[0]} requests, PyPI {spans[1]}, whole run {pace.whole:.1f} s")  # noqa: T201  # a figure
    assert all(pace.generated)
