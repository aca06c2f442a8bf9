"""Which destination a root has: the configuration's mode decides, and where the root lies."""

from collections.abc import Mapping

from pipeline.clock import Clock, SystemClock
from pipeline.config import Config, PublishMode
from pipeline.errors import PipelineError
from pipeline.forge.base import Forge
from pipeline.forge.connect import connect
from pipeline.publishing.destination import Branch, Destination, Folder
from pipeline.publishing.git import repository_around
from pipeline.publishing.remote import remote_of
from pipeline.publishing.remote_branch import RemoteBranch
from pipeline.store import Paths

_SYSTEM = SystemClock()


def destination_of(paths: Paths, config: Config, environment: Mapping[str, str], clock: Clock = _SYSTEM) -> Destination:
    """Return where batches of a root go; raises `PipelineError` when the mode wants a checkout and there is none."""
    repository = repository_around(paths.root, environment, paths.build / ".publish-index")
    match config.publish.mode:
        case PublishMode.LOCAL:
            return Branch(paths, config, repository) if repository else Folder(paths)
        case PublishMode.GITHUB:
            if repository is None:
                raise PipelineError(
                    f"publish.mode is github, and {paths.root} is in no git checkout",
                    remedy="clone the registry's repository and work there, or set publish.mode to local",
                )
            remote = remote_of(repository, config.publish.remote, environment)
            return RemoteBranch(paths, config, remote, clock)


def forge_of(paths: Paths, config: Config, environment: Mapping[str, str]) -> Forge | None:
    """Return the forge of a root, None where batches are published without one; nothing is asked of it yet.

    Raises `PipelineError` when the checkout, the remote, the token or PyGithub is missing.
    """
    if config.publish.mode is PublishMode.LOCAL:
        return None
    repository = repository_around(paths.root, environment, paths.build / ".publish-index")
    address = remote_of(repository, config.publish.remote, environment).address() if repository else ""
    return connect(config, environment, address)


def restore_state(paths: Paths, config: Config, environment: Mapping[str, str]) -> bool:
    """Bring the state that others have saved into the root, whose lock the caller holds; return whether it was news.

    In a fresh clone that is all of it. Where no state is shared (`publish.mode: local`), there is nothing to do.
    """
    return destination_of(paths, config, environment).restore_state()
