"""What a deterministic failure depends on, as one digest: while it stays, another try can only fail again. Pure."""

from functools import lru_cache

import msgspec

from pipeline.config import Config, GatesConfig
from pipeline.digests import digest_of

# An approval sets one package free, by `doit requeue`; where repositories lie decides nothing.
_OF_SINGLE_PACKAGES = frozenset({"approved", "repository_host", "repository_files"})


@lru_cache(maxsize=65_536)  # who selects more than once asks for the same ones each time
def fingerprint(upstream: str | None, revision: int, policy: str) -> str:
    """Return the digest of the semantic metadata, the generator's revision and the policy."""
    return digest_of("fingerprint", upstream, revision, policy)


def policy_digest(config: Config) -> str:
    """Return the digest of the configuration that can change the result of a package."""
    limits = config.validation
    return digest_of(
        "policy",
        config.constraints,
        (limits.fetch, limits.build, limits.verify, limits.heavy),
        config.network.max_answer_mb,
        config.platforms,
        policy_of(config.gates),
    )


def policy_of(gates: GatesConfig) -> tuple[object, ...]:
    """Return what of the gates' configuration decides about any package, without what a person says of a single one."""
    return tuple(value for key, value in msgspec.structs.asdict(gates).items() if key not in _OF_SINGLE_PACKAGES)
