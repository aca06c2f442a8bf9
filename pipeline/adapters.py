"""What reaches outside of the process: registries, the sandbox, programs of the user's. Opened when first needed."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

from pipeline.breakers import Breakers
from pipeline.clients import Clients
from pipeline.clock import Clock
from pipeline.config import NetworkConfig
from pipeline.ecosystems.base import Endpoints, Fetcher
from pipeline.external.process import Workshop, run_program
from pipeline.external.programs import Programs
from pipeline.http_events import NetworkEvent
from pipeline.limiter import FileLimiter
from pipeline.plan import Plan
from pipeline.sandbox.base import Sandbox
from pipeline.sandbox.bwrap import BwrapSandbox
from pipeline.store import machine_folder
from pipeline.surroundings import for_repositories

if TYPE_CHECKING:  # at run time `_fetcher_class` brings it
    from pipeline.http import HttpFetcher


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """What reaches outside of the process; tests put their own in.

    `repositories` gives the fetcher for files of repositories, which may not keep anybody waiting.
    """

    endpoints: Endpoints
    fetcher: Callable[[str], Fetcher]
    repositories: Callable[[str], Fetcher]
    sandbox: Sandbox
    programs: Programs


def open_adapters(
    plan: Plan,
    environment: Mapping[str, str],
    clock: Clock,
    stop: threading.Event,
    *,
    breakers: Breakers,
    ecosystems: Iterable[str],
    observe: Callable[[str, NetworkEvent], None],
    waits: Callable[[str, float], None],
) -> Adapters:
    """Return the adapters of one process's run; `ecosystems` are those whose fetchers are made at once.

    `observe` hears what happens on the network, `waits` of each wait for a program's permit, in seconds.
    """
    paths = plan.paths
    limiter = FileLimiter(machine_folder(environment, paths.build / "limiter"), clock=clock, stop=stop)
    paths.http_cache.parent.mkdir(parents=True, exist_ok=True)
    fetcher_class = _fetcher_class()
    endpoints = Clients(environment, paths.root, ecosystems=plan.config.ecosystems)

    def made_for(network: NetworkConfig, ecosystem: str) -> Fetcher:
        return fetcher_class(
            config=network,
            rate=plan.config.ecosystems[ecosystem].requests_per_second,
            limiter=limiter,
            cache_file=paths.http_cache,
            gate=partial(breakers.gate, ecosystem),
            clock=clock,
            stop=stop,
            observer=partial(observe, ecosystem),
            credentials=endpoints.credentials(ecosystem),
        )

    network = plan.config.network
    fetcher = cache(partial(made_for, network))

    def moment() -> datetime:
        return datetime.fromtimestamp(clock.wall(), UTC)

    for ecosystem in ecosystems:
        fetcher(ecosystem)
    return Adapters(
        endpoints=endpoints,
        fetcher=fetcher,
        repositories=cache(partial(made_for, for_repositories(network))),
        sandbox=BwrapSandbox(environment),
        programs=Programs(
            plan.config,
            Workshop(root=paths.root, jobs=paths.sandbox, environment=environment, run=run_program),
            limiter=limiter,
            moment=moment,
            waits=waits,
        ),
    )


def _fetcher_class() -> "type[HttpFetcher]":
    """Return the class of the fetcher: the one import that waits until it is needed.

    HTTP/2, its cache and its retries take as long to import as all the rest, and an idle run needs none of them.
    """
    found: type[HttpFetcher] = import_module("pipeline.http").HttpFetcher
    return found
