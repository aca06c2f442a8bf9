"""Where a batch goes, what is said of it, and when somebody is alarmed."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from pipeline.config.values import BASE_BRANCH, BRANCH_PREFIX, Address
from pipeline.model import Record


class PublishMode(StrEnum):
    """Where `doit publish` puts a batch.

    `local`: on a branch of this checkout, or in the folder itself without git. `github`: on a branch of `remote`, with
    a pull request.
    """

    LOCAL = "local"
    GITHUB = "github"


class PublishConfig(Record, frozen=True, kw_only=True):
    """Where a batch goes. `repository` is `owner/name`, "" where the environment or the remote's address says it.

    What stands below `remote` is of the mode `github` alone.
    """

    mode: PublishMode
    state_branch: Annotated[
        str, Meta(pattern=BRANCH_PREFIX, max_length=100, description="where the state is committed")
    ]
    remote: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$(?!\n)", description="the name of a git remote")
    ]
    base: Annotated[
        str, Meta(pattern=BASE_BRANCH, max_length=200, description="the branch that pull requests are merged into")
    ]
    api: Address
    repository: Annotated[
        str, Meta(pattern=r"^([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)?$(?!\n)", max_length=200, description="owner/name")
    ]
    open_pull_requests: Annotated[
        int, Meta(ge=1, le=1000, description="open at once; those that are stale do not count")
    ]
    pull_requests_per_hour: Annotated[int, Meta(ge=1, le=500)]
    write_seconds: Annotated[float, Meta(ge=0, le=60, description="between two requests that change something")]


class ProvenanceConfig(Record, frozen=True, kw_only=True):
    """Who the statements say made a recipe, and which of the answers that it was made from are kept for a replay.

    With `answer_days: 0` none is kept. Over `answers_mb` (compressed), those that were used least lately go first.
    """

    builder: Annotated[
        str,
        # Every statement holds it, so it has no user and password.
        Meta(
            pattern=r"^[a-z][a-z0-9+.-]*:(?!//[^/?#]*@)[!-~]{1,500}$(?!\n)",
            description="a URI without user and password",
        ),
    ]
    answer_days: Annotated[int, Meta(ge=0, le=3650)]
    largest_answer_mb: Annotated[int, Meta(ge=1, le=4096)]
    answers_mb: Annotated[int, Meta(ge=1, le=1_048_576)]


class AlarmsConfig(Record, frozen=True, kw_only=True):
    """When `doit metrics` ends with the exit code of an alarm."""

    no_success_hours: Annotated[int, Meta(ge=1, le=8760)]
    review_days: Annotated[int, Meta(ge=1, le=365)]
    breaker_open_hours: Annotated[int, Meta(ge=1, le=8760)]
