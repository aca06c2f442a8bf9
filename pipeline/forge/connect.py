"""The forge that `publish.mode` names: one literal table; where it is, which repository, and the token for it."""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from pipeline.config import Config, PublishMode
from pipeline.errors import PipelineError
from pipeline.forge.base import Forge
from pipeline.services import forge_token
from pipeline.text import without_secrets

if TYPE_CHECKING:
    from pipeline.forge.github import GitHub

_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
_SCHEMES = frozenset({"https", "http", "ssh", "git"})
_SCP = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:(.+)")


def connect(config: Config, environment: Mapping[str, str], remote: str) -> Forge | None:
    """Return the forge, None where batches are published without one; `remote` is the address that git pushes to.

    Nothing is asked of it yet. Raises `PipelineError` when the token, the repository or PyGithub is missing.
    """
    return _FORGES[config.publish.mode](config, environment, remote)


def token_of(environment: Mapping[str, str]) -> str:
    """Return the token for the forge; raises `PipelineError` when there is none that a header can hold."""
    token = forge_token(environment)
    if token:
        return token
    raise PipelineError(
        "neither GH_TOKEN nor GITHUB_TOKEN is set to a token",
        remedy="set GH_TOKEN to one that may read and write contents and pull requests (docs/publishing.md)",
    )


def repository_of(config: Config, environment: Mapping[str, str], remote: str) -> str:
    """Return `owner/name`: what is configured, what the workflow says, or what the remote's address ends with."""
    for name in (config.publish.repository, environment.get("GITHUB_REPOSITORY", ""), repository_in(remote)):
        if _REPOSITORY.fullmatch(name):
            return name
    raise PipelineError(
        f"which repository on the forge is meant is not known: publish.repository is empty, and the address of the "
        f"remote {config.publish.remote} names none",
        remedy="set publish.repository to owner/name",
    )


def repository_in(address: str) -> str:
    """Return the `owner/name` that the address of a remote on a server ends with, "" for a folder or another path."""
    scp = None if "://" in address else _SCP.fullmatch(address)
    parts = _split(address)
    if scp is None and (parts is None or parts.scheme not in _SCHEMES):
        return ""
    path = (scp[1] if scp else parts.path if parts else "").strip("/").removesuffix(".git")
    return path if _REPOSITORY.fullmatch(path) else ""


def api_of(config: Config, environment: Mapping[str, str]) -> str:
    """Return the address of the forge's API; raises `PipelineError` for one that the environment has got wrong."""
    given = environment.get("GITHUB_API_URL", "").rstrip("/")
    if not given:
        return config.publish.api
    parts = _split(given)
    if (
        parts is not None
        and parts.scheme in {"http", "https"}
        and parts.hostname
        and not parts.query
        and "@" not in parts.netloc
    ):
        return given
    raise PipelineError(
        f"GITHUB_API_URL is no address of an API{f' ({without_secrets(given)})' if parts else ''}",
        remedy="unset it, or name https://host/path",
    )


def _split(address: str) -> SplitResult | None:
    """Return the parts of an address, None for one that has none, such as an impossible IPv6 host."""
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _local(config: Config, environment: Mapping[str, str], remote: str) -> None:
    """Have no forge."""


def _github(config: Config, environment: Mapping[str, str], remote: str) -> Forge:
    return _github_class()(
        config,
        api=api_of(config, environment),
        repository=repository_of(config, environment, remote),
        token=token_of(environment),
    )


def _github_class() -> "type[GitHub]":
    """Return the class; raises `PipelineError` without the extra.

    The import waits until it is needed: PyGithub takes 0.4 s, and local publications have no use for it.
    """
    try:
        found: type[GitHub] = import_module("pipeline.forge.github").GitHub
    except ModuleNotFoundError as missing:
        if missing.name != "github":
            raise
        raise PipelineError(
            "publish.mode is github, and PyGithub is not installed",
            remedy="install the extra: `pip install 'recipeline[github]'`",
        ) from missing
    return found


_FORGES: Mapping[PublishMode, Callable[[Config, Mapping[str, str], str], Forge | None]] = {
    PublishMode.LOCAL: _local,
    PublishMode.GITHUB: _github,
}
