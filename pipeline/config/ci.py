"""How a batch is cut into jobs of a CI workflow."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.model import Record
from pipeline.platforms import BY_ID


class CiPart(StrEnum):
    """Which part of a batch a process does.

    `all`: everything. `generate`: recipes and predictions; no recipe is run. `validate`: the batch of another job.
    `merge`: the results of all jobs put together; no recipe is run and nothing is asked.
    """

    ALL = "all"
    GENERATE = "generate"
    VALIDATE = "validate"
    MERGE = "merge"


# The parts that take `build/` from another job: its batch and outcomes stand, whatever this job's own files say.
GIVEN = frozenset({CiPart.VALIDATE, CiPart.MERGE})


class JobConfig(Record, frozen=True, kw_only=True):
    """The machine that measures a platform: a runner's label and, if need be, an image with options for it."""

    runs_on: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$(?!\n)", description="a runner's label")]
    container: Annotated[
        str,
        Meta(
            # A tag may be moved to another image; a digest names one.
            pattern=r"^([a-z0-9][A-Za-z0-9._/:-]{0,200}@sha256:[0-9a-f]{64})?$(?!\n)",
            description="an image with its digest: name@sha256:…",
        ),
    ] = ""
    options: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9 ._=:/,-]{0,500}$(?!\n)", description="options of `docker create`, without quotes"),
    ] = ""


class CiConfig(Record, frozen=True, kw_only=True):
    """How large a job is, which platforms have one, and which part of the work this process does."""

    part: CiPart
    shard_size: Annotated[int, Meta(ge=1, le=400, description="packages of one job")]
    jobs: dict[Literal[tuple(BY_ID)], JobConfig]  # type: ignore[valid-type]  # made from the platform model
