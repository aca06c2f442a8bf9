"""Minutes of validation in an ISO week, by class of machine, and whom they still allow to be validated. Pure.

The minutes are derived from the journal and set, never added, so that counting twice does no harm. A measured verdict
costs the sum of its phases' `wall_s`. What is running when a limit is reached ends; the room above `stop_at` is for it.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import fsum

import msgspec

from pipeline.config import BudgetConfig, RunnerClass
from pipeline.control.stops import Stop
from pipeline.digests import digest_of
from pipeline.instants import known_instant, timestamp
from pipeline.model import Attempt, Budget, Gate, Stage

WEEK = timedelta(days=7)
# Minutes are kept to the millisecond and a bit: what a sum of floats adds below that is noise.
DIGITS = 4


class BudgetState(StrEnum):
    """What a class's minutes allow: everything, a sample of the packages, or nothing."""

    FREE = "free"
    SAMPLING = "sampling"
    SPENT = "spent"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One class of machines in the ISO week from `since` to `until`: minutes `used` of `limit`."""

    runner: RunnerClass
    used: float
    limit: float
    state: BudgetState
    since: str
    until: str

    @property
    def words(self) -> str:
        """Return the numbers for people: `linux: 4750.5 of 5000 minutes used (95 %)`."""
        share = f" ({self.used / self.limit:.0%})".replace("%", " %") if self.limit else ""
        return f"{self.runner}: {self.used:.1f} of {self.limit:g} minutes used{share}"


def runner_class(platform: str) -> RunnerClass:
    """Return the class of machines that a platform's validations run on."""
    return RunnerClass.MACOS if platform.startswith("darwin-") else RunnerClass.LINUX


def week_start(now: datetime) -> datetime:
    """Return when the ISO week of a moment began: Monday, 00:00 UTC."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def minutes_used(attempts: Iterable[Attempt], now: datetime) -> dict[RunnerClass, float]:
    """Return the minutes of each class that journal lines of this ISO week add up to; a line that repeats counts once.

    Lines of one identity (source, batch, stage, platform, attempt, time) are one: a merge of two branches keeps both.
    """
    lines = {
        (line.source, line.batch_id, line.platform, line.attempt, line.at): line
        for line in attempts
        if line.stage is Stage.VALIDATE
    }
    begin = week_start(now)
    seconds: dict[RunnerClass, list[float]] = {runner: [] for runner in RunnerClass}
    for line in lines.values():
        at = known_instant(line.at)
        if line.seconds and at is not None and begin <= at < begin + WEEK:
            seconds[runner_class(line.platform)].append(line.seconds)
    return {runner: round(fsum(parts) / 60, DIGITS) for runner, parts in seconds.items()}


def updated(budget: Budget, used: Mapping[RunnerClass, float], config: BudgetConfig, now: datetime) -> Budget:
    """Return the budget with the week of `now` and the minutes `used` in it; what it said before does not count."""
    fresh = msgspec.structs.replace(
        budget,
        macos_minutes_used=used.get(RunnerClass.MACOS, 0.0),
        linux_minutes_used=used.get(RunnerClass.LINUX, 0.0),
        week_start=week_start(now).date().isoformat(),
    )
    # A class that has no minutes at all is switched off, not short of them.
    short = [each for each in standings(fresh, config, now) if each.limit and each.state is not BudgetState.FREE]
    return msgspec.structs.replace(fresh, sampling_active=bool(short))


def standings(budget: Budget, config: BudgetConfig, now: datetime) -> list[Standing]:
    """Return how each class stands."""
    return [standing(budget, config, runner, now) for runner in RunnerClass]


def standing(
    budget: Budget, config: BudgetConfig, runner: RunnerClass, now: datetime, extra_minutes: float = 0.0
) -> Standing:
    """Return how a class stands, with minutes that are not in the budget yet on top."""
    begin = week_start(now)
    used = _used(budget, runner, begin) + extra_minutes
    limit = config.runners[runner].minutes_per_week
    if used >= config.stop_at * limit:
        state = BudgetState.SPENT
    elif used >= config.sample_at * limit:
        state = BudgetState.SAMPLING
    else:
        state = BudgetState.FREE
    return Standing(
        runner=runner, used=used, limit=limit, state=state, since=timestamp(begin), until=timestamp(begin + WEEK)
    )


def stop_for_class(
    budget: Budget, extra_minutes: float, config: BudgetConfig, platform: str, source: str, now: datetime
) -> Stop | None:
    """Return what keeps a package from being validated on a platform now, or None.

    `extra_minutes` of the platform's class are added to the budget's: those that no journal line tells of yet.
    """
    runner = runner_class(platform)
    now_is = standing(budget, config, runner, now, extra_minutes)
    match now_is.state:
        case BudgetState.FREE:
            return None
        case BudgetState.SAMPLING if in_sample(source, config.sample_share, now):
            return None
        case BudgetState.SAMPLING:
            rule = (
                f"from {_percent(config.sample_at)} of a week's {runner} minutes on, only a sample of "
                f"{_percent(config.sample_share)} of the packages is validated"
            )
            value = f"{now_is.words}, and the package is not in this week's sample"
        case BudgetState.SPENT:
            rule = f"less than {_percent(config.stop_at)} of a week's {runner} minutes are used"
            value = now_is.words
    return Stop(
        gate=Gate.BUDGET,
        rule=rule,
        value=value,
        since=now_is.since,
        until=now_is.until,
        remedy=f"wait for the next ISO week, or raise budget.runners.{runner}.minutes_per_week",
    )


def in_sample(source: str, share: float, now: datetime) -> bool:
    """Return whether a package is in the sample of the week of `now`: the same all week, another one the next week."""
    drawn = int(digest_of("budget sample", week_start(now).date().isoformat(), source)[:13], 16) / 16**13
    return drawn < share


def _used(budget: Budget, runner: RunnerClass, begin: datetime) -> float:
    """Return the minutes that a budget tells of for the week that began at `begin`: none when it is of an earlier one.

    Minutes of an unknown week count: too little is validated until the next publication sets them right, not too much.
    """
    told = known_instant(budget.week_start) if budget.week_start is not None else None
    if told is not None and told < begin:
        return 0.0
    match runner:
        case RunnerClass.LINUX:
            return budget.linux_minutes_used
        case RunnerClass.MACOS:
            return budget.macos_minutes_used


def _percent(share: float) -> str:
    return f"{share * 100:g} %"
