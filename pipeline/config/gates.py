"""The gates on what is generated."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.config.values import FILES_TEMPLATE
from pipeline.model import AdmissionGate, EcosystemId, Record, SourceId


class Policy(StrEnum):
    """What a gate on what is generated does with what it finds.

    `report`: a risk in the pull request. `manual`: a person must look, and nothing is tried before. `refuse`: no
    recipe, until something upstream changes.
    """

    REPORT = "report"
    MANUAL = "manual"
    REFUSE = "refuse"


class ReleaseAgeConfig(Record, frozen=True, kw_only=True):
    """How old a release must be. One whose age is unknown is held, or passes as a risk (`report`).

    The latter holds in any case for the ecosystems that are `reviewed`: people look at each release before it is out.
    No package is held for longer than `deadline_days`, however often it releases; `at_deadline` says what follows.
    """

    min_hours: Annotated[float, Meta(ge=0, le=8760)]
    unknown: Literal["hold", "report"]
    reviewed: list[EcosystemId]
    deadline_days: Annotated[float, Meta(gt=0, le=365)]
    at_deadline: Literal["report", "manual"]


class GatesConfig(Record, frozen=True, kw_only=True):
    """The gates on what is generated. `yanked` and `deprecated` have no policy: such a release is never used.

    `approved` names the gates that a person has answered for a source. Files of repositories at `repository_host`
    lie where the template `repository_files` says.
    """

    changed_bytes: Literal["freeze", "report"]
    release_age: ReleaseAgeConfig
    name_confusion: Policy
    unknown_license: Policy
    install_scripts: Policy
    common_command: Policy
    taken_executable: Policy
    approved: dict[SourceId, list[AdmissionGate]]
    repository_host: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9.-]+(:\d+)?$(?!\n)",
            max_length=253,
            description="the name of a host in lower case, with its port if need be",
        ),
    ]
    repository_files: Annotated[
        str,
        Meta(
            pattern=FILES_TEMPLATE,
            max_length=500,
            description="an http or https address without user and password, with {repository} and {file} in its path",
        ),
    ]
