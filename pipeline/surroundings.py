"""What the gates on what is generated ask of the world: the recipes that are there, and a package's repository."""

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from urllib.parse import urlsplit

from pipeline.admission.base import Link
from pipeline.admission.links import manifest_address, named_by, proven
from pipeline.config import GatesConfig, NetworkConfig
from pipeline.ecosystems.base import Answer, Fetcher
from pipeline.history.ledger import held_executables
from pipeline.model import Category, Evidence, Failed, Held
from pipeline.recipe import executables_of
from pipeline.source import ecosystem_of
from pipeline.state.ledger import Ledger
from pipeline.store import Paths, recipe_texts

# A repository is a second opinion: one try, and seconds, not minutes.
ONE_TRY = 1
PATIENCE_SECONDS = 5.0


class Around:
    """Implements `Surroundings`: recipes are read once, and a host that did not answer is left alone from then on."""

    def __init__(self, paths: Paths, config: GatesConfig, batch_id: str, fetcher: Callable[[str], Fetcher]) -> None:
        """Take the fetcher of an ecosystem's repositories; `batch_id` is the batch that the recipes are made for."""
        self._paths = paths
        self._config = config
        self._batch_id = batch_id
        self._fetcher = fetcher
        self._lock = threading.Lock()
        self._silent: set[str] = set()

    def provider(self, executable: str, path: str) -> str:
        """Return the recipe that provides an executable, other than the one at `path`; "" when none does."""
        return next((other for other in self.providers().get(executable, ()) if other != path), "")

    def providers(self) -> Mapping[str, tuple[str, ...]]:
        """Return for each executable the recipes that provide it: published, or waiting for their merge."""
        with self._lock:
            return self._providers

    @cached_property
    def _providers(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for path, text in recipe_texts(self._paths):
            for name in executables_of(text):
                found[name] = (*found.get(name, ()), path)
        waiting = Ledger(self._paths).waiting()
        for path, names in held_executables(waiting, self._batch_id).items():
            for name in names:
                found[name] = (*found.get(name, ()), path)
        return found

    def link(self, source: str, evidence: Evidence) -> Link:
        """Return whether the repository that a package names names the package: at most one request."""
        if proven(source, evidence):
            return Link.CONFIRMED
        address = manifest_address(
            source, evidence.repository, self._config.repository_host, self._config.repository_files
        )
        host = urlsplit(address).netloc
        with self._lock:
            if not address or host in self._silent:
                return Link.UNKNOWN
            answer = self._fetcher(ecosystem_of(source)).get(address)
            match answer:
                case Answer():
                    return named_by(source, answer.content)
                case Failed(category=Category.NETWORK_ERROR):
                    self._silent.add(host)
                case Failed() | Held():
                    pass
        return Link.UNKNOWN


def for_repositories(config: NetworkConfig) -> NetworkConfig:
    """Return the limits of a request for a file of a repository."""
    return NetworkConfig(
        timeout_seconds=min(config.timeout_seconds, PATIENCE_SECONDS),
        total_seconds=min(config.total_seconds, PATIENCE_SECONDS),
        attempts=ONE_TRY,
        max_wait_seconds=min(config.max_wait_seconds, PATIENCE_SECONDS),
        max_answer_mb=config.max_answer_mb,
        freshness_seconds=config.freshness_seconds,
    )
