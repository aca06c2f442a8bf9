"""What a deterministic failure depends on, as one digest: while it stays, another try can only fail again. Pure."""

from functools import lru_cache

from pipeline.config import Config
from pipeline.digests import digest_of


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
    )
