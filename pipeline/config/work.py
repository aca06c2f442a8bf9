"""How a batch is worked on: its size, the limits of programs, its constraints and its payload."""

from typing import Annotated, Literal

from msgspec import Meta

from pipeline.config.values import BRANCH_PREFIX
from pipeline.model import EcosystemId, Record


class BatchConfig(Record, frozen=True, kw_only=True):
    """How many packages one batch takes."""

    size: Annotated[int, Meta(ge=1, le=100_000)]
    ecosystems: Annotated[list[EcosystemId], Meta(description="only these; an empty list means all")]


class ExternalConfig(Record, frozen=True, kw_only=True):
    """How long a program of the user's may take to make one recipe, or one verdict."""

    generate_timeout_seconds: Annotated[int, Meta(gt=0, le=86_400)]
    validate_timeout_seconds: Annotated[int, Meta(gt=0, le=86_400)]


class PhaseLimits(Record, frozen=True, kw_only=True):
    """What one phase in the sandbox may use: at most a day, a TiB, and the kernel's own limit of processes (2^22)."""

    timeout_seconds: Annotated[int, Meta(gt=0, le=86_400)]
    memory_mb: Annotated[int, Meta(gt=0, le=1_048_576)]
    pids: Annotated[int, Meta(gt=0, le=4_194_304)]
    disk_mb: Annotated[int, Meta(gt=0, le=1_048_576)]


class ValidationConfig(Record, frozen=True, kw_only=True):
    """How recipes are run. `workers: 0` means one for each core; `heavy` is fetch and build of heavy entries.

    `compile` takes the place of `build` where a whole tool is compiled from its sources (cargo, Go); a heavy entry has
    twice the time for it.
    """

    workers: Annotated[int, Meta(ge=0, le=256)]
    attempts: Annotated[int, Meta(ge=1, le=10, description="tries after an infrastructure error")]
    fetch: PhaseLimits
    build: PhaseLimits
    verify: PhaseLimits
    heavy: PhaseLimits
    compile: PhaseLimits


class ConstraintsConfig(Record, frozen=True, kw_only=True):
    """Whether predictions limit a recipe (`restrict`) or only stand in the pull request (`report`)."""

    predictions: Literal["report", "restrict"]


class PayloadConfig(Record, frozen=True, kw_only=True):
    """What the pull request is called."""

    branch_prefix: Annotated[str, Meta(pattern=BRANCH_PREFIX, max_length=100)]
    labels: list[Annotated[str, Meta(pattern=r"^[^,\x00-\x20\x7f][^,\x00-\x1f\x7f]{0,49}$(?!\n)")]]
