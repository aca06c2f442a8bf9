"""When work is held back: breakers, retries, quarantine, budget."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from pipeline.model import Record


class BreakerConfig(Record, frozen=True, kw_only=True):
    """When an ecosystem's circuit breaker opens, and for how long: a failed probe makes that `growth` times longer."""

    failures: Annotated[int, Meta(ge=1, le=1000, description="infrastructure failures in a row that open it")]
    open_minutes: Annotated[int, Meta(ge=1, le=43_200)]
    growth: Annotated[float, Meta(ge=1, le=10)]
    longest_open_minutes: Annotated[int, Meta(ge=1, le=43_200)]
    probe_lease_minutes: Annotated[int, Meta(ge=1, le=1440, description="after that, another process may probe")]


class RetryConfig(Record, frozen=True, kw_only=True):
    """When a package is tried again after transient failures: `delays_hours`, then doubling up to `longest_hours`.

    Each delay is made longer or shorter by up to the share `jitter`, so that not all come back at once.
    """

    delays_hours: Annotated[list[Annotated[float, Meta(ge=0, le=8760)]], Meta(min_length=1, max_length=20)]
    longest_hours: Annotated[float, Meta(gt=0, le=8760)]
    jitter: Annotated[float, Meta(ge=0, le=0.5)]


class QuarantineConfig(Record, frozen=True, kw_only=True):
    """How long a package that failed for its own reasons is left alone, and how many such reasons ask for a person.

    Packages whose `days` are over come last, and take at most `share` of all attempts, but one a day in any case.
    """

    days: Annotated[int, Meta(ge=1, le=3650)]
    causes: Annotated[int, Meta(ge=1, le=20, description="different deterministic failures until `requires_manual`")]
    share: Annotated[float, Meta(gt=0, le=1)]
    recheck_hours: Annotated[int, Meta(ge=1, le=8760, description="between two looks at a package's metadata")]


class RunnerClass(StrEnum):
    """The classes of machines whose minutes are counted."""

    LINUX = "linux"
    MACOS = "macos"


class RunnerBudget(Record, frozen=True, kw_only=True):
    """The minutes of one runner class in an ISO week, and what one of them costs in units of a Linux minute."""

    minutes_per_week: Annotated[int, Meta(ge=0, le=10_000_000)]
    cost_factor: Annotated[float, Meta(ge=0, le=1000)]


class BudgetConfig(Record, frozen=True, kw_only=True):
    """From `sample_at` of a week's minutes on, `sample_share` of the packages is validated; from `stop_at`, none."""

    sample_at: Annotated[float, Meta(ge=0, le=1)]
    stop_at: Annotated[float, Meta(ge=0, le=1)]
    sample_share: Annotated[float, Meta(ge=0, le=1)]
    runners: dict[RunnerClass, RunnerBudget]
