"""What a person sees of the metrics: tables and service levels that fit 80 columns. Pure."""

from collections.abc import Mapping
from typing import TypeVar

from rich.console import RenderableType
from rich.table import Table

from pipeline.history.metrics import all_of
from pipeline.history.report import Report
from pipeline.history.service_levels import Cycle, LastSuccess, ServiceLevels, Share, Spread, success, without_body
from pipeline.history.wording import minute, percent
from pipeline.model import EcosystemCounts, Traffic
from pipeline.terminal import Fact, Facts, Mood, facts, heading, number, sections, table, title
from pipeline.text import counted, duration
from pipeline.verdict_table import verdict_table

N = TypeVar("N", EcosystemCounts, Traffic)
MEGABYTE = 1_000_000
# Alarms that get a line each; `doit check` shows all.
MOST_ALARMS = 10
PACKAGE_COLUMNS = EcosystemCounts.__struct_fields__


def view(report: Report, width: int) -> RenderableType:
    """Return the whole answer for a console of so many columns."""
    if not report.batches:
        return sections(title(nothing(report)), _service_levels(report))
    added = report.totals
    return sections(
        title(headline(report)),
        _packages(added.ecosystems, width),
        [verdict_table(added.platforms, width)] if added.platforms else [],
        [_traffic(added.traffic, width)] if added.traffic else [],
        _batches(report, width),
        _work(report),
        _service_levels(report),
    )


def headline(report: Report) -> str:
    """Return which batches the numbers are of."""
    count = counted(report.batches, "batch", "batches")
    of = f" with {report.query.ecosystem}" if report.query.ecosystem else ""
    return f"{count}{of}, published {minute(report.first)} to {minute(report.last)} (UTC)"


def nothing(report: Report) -> str:
    """Return why there is no number to show."""
    if not report.known_batches:
        return "No batch yet: nothing was published, so there is nothing to count."
    return f"No batch matches, of {counted(report.known_batches, 'batch', 'batches')} in all."


# ------------------------------------------------------------------------------------------------ tables


def _packages(ecosystems: Mapping[str, EcosystemCounts], width: int) -> Table:
    made = table("packages", [*PACKAGE_COLUMNS, "rate"], width)
    for name, counts in _with_all(ecosystems, EcosystemCounts()):
        numbers = [number(getattr(counts, field)) for field in PACKAGE_COLUMNS]
        made.add_row(name, *numbers, percent(success(counts)))
    return made


def _traffic(traffic: Mapping[str, Traffic], width: int) -> Table:
    heads = ["requests", "cache hits", "unchanged", "no body", "failed tries", "MB", "waited"]
    made = table("traffic", heads, width)
    for name, counts in _with_all(traffic, Traffic()):
        made.add_row(
            name,
            number(counts.requests),
            number(counts.cache_hits),
            number(counts.not_modified),
            percent(without_body(counts)),
            number(counts.failed_tries),
            f"{counts.bytes / MEGABYTE:,.1f}",
            duration(counts.waited / 3600),
        )
    return made


def _batches(report: Report, width: int) -> Table:
    made = table("last batches", ["published", "attempted", "included", "rate", "cost"], width)
    for line in report.last_batches:
        numbers = number(line.attempted), number(line.included)
        made.add_row(line.batch_id, minute(line.at), *numbers, percent(line.success), f"{line.cost:,.2f}")
    return made


def _with_all(parts: Mapping[str, N], empty: N) -> list[tuple[str, N]]:
    """Return the ecosystems, and below them all together when there are several."""
    together = [("all", all_of(parts, empty))] if len(parts) > 1 else []
    return list(parts.items()) + together


# ------------------------------------------------------------------------------------------------ lines


def _work(report: Report) -> list[RenderableType]:
    added = report.totals
    scope = "" if report.query.ecosystem is None else " of all ecosystems in these batches"
    lines = facts(
        ("seconds by stage", ", ".join(f"{stage} {seconds:,.0f}" for stage, seconds in added.stage_seconds.items())),
        ("minutes by runner", ", ".join(f"{runner} {minutes:,.2f}" for runner, minutes in added.minutes.items())),
    )
    return [heading(f"Work{scope}"), lines]


def _service_levels(report: Report) -> list[RenderableType]:
    levels = report.service_levels
    lines = facts(
        ("success", _success(levels)),
        ("queue age", _age(levels)),
        ("cycle time", _cycle(levels.cycle_hours)),
        ("cost of a recipe", _cost(report)),
        ("without a body", _of(levels.without_body, "answers")),
        ("last success", _last_success(levels, report.known_batches)),
        ("oldest review", _oldest_review(levels)),
    )
    return [heading("Service levels"), lines, _alarms(report)]


def _success(levels: ServiceLevels) -> str:
    if levels.success_of_all.rate is None:
        return "nothing was attempted"
    each = [f"{name} {percent(share)}" for name, share in levels.success.items() if share.whole]
    parts = ", ".join(each) if len(each) > 1 else ""
    return f"{_of(levels.success_of_all, 'attempted')}{f': {parts}' if parts else ''}"


def _of(share: Share, what: str) -> str:
    return f"{percent(share)} ({share.part:,} of {share.whole:,} {what})" if share.whole else "-"


def _age(levels: ServiceLevels) -> str:
    age = levels.queue_age
    unknown = f"; {age.unknown:,} more of unknown age" if age.unknown else ""
    if not age.days.count:
        return f"no pending entry of known age{unknown}"
    return f"{_spread(age.days, 24)}, {age.days.count:,} pending{unknown}"


def _cycle(cycle: Cycle) -> str:
    published = f"to publication {_spread(cycle.published)} ({counted(cycle.published.count, 'batch', 'batches')})"
    merged = f"to merge {_spread(cycle.merged)} ({cycle.merged.count:,})"
    found = [text for text, part in ((published, cycle.published), (merged, cycle.merged)) if part.count]
    return "; ".join(found) or "no batch was published"


def _spread(values: Spread, hours: float = 1) -> str:
    """Return `p50 3.0 h, p95 2.1 d` of values in a unit of so many hours."""
    if values.p50 is None or values.p95 is None:
        return "-"
    return f"p50 {duration(values.p50 * hours)}, p95 {duration(values.p95 * hours)}"


def _cost(report: Report) -> str:
    cost, scope = report.service_levels.cost, "" if report.query.ecosystem is None else ", of all ecosystems"
    if cost.per_recipe is None:
        return f"{cost.cost:,.2f} weighted minutes, but no recipe" if cost.cost else "no recipe included"
    recipes = counted(cost.included, "recipe", "recipes")
    return f"{cost.per_recipe:,.2f} weighted minutes ({cost.cost:,.2f} for {recipes}{scope})"


def _last_success(levels: ServiceLevels, known_batches: int) -> str:
    last = levels.last_success
    if last is None:
        return "no batch of it" if known_batches else "no batch yet"
    each = levels.last_success_by_ecosystem
    parts = ", ".join(f"{name} {_ago(one)}" for name, one in each.items()) if len(each) > 1 else ""
    where = f", in {last.batch_id}" if last.batch_id else ""
    return f"{_ago(last)}{where}{f': {parts}' if parts else ''}"


def _ago(last: LastSuccess) -> str:
    return f"{duration(last.hours)} ago" if last.at else f"none in {duration(last.hours)}"


def _oldest_review(levels: ServiceLevels) -> str:
    review = levels.oldest_review
    if review is None:
        return "no batch waits for its merge"
    return f"{duration(review.days * 24)}, {review.batch_id} with {counted(review.recipes, 'recipe')}"


def _alarms(report: Report) -> Facts:
    """Return what rings, a line for each; the limits stand beside the exit code."""
    if not report.alarms:
        return facts(("alarm", f"none; it rings after {report.no_success_hours:g} h without a recipe", Mood.GOOD))
    told = [Fact(name="alarm", value=alarm.value, mood=Mood.BAD) for alarm in report.alarms[:MOST_ALARMS]]
    more = len(report.alarms) - len(told)
    rest = [Fact(name="", value=f"and {counted(more, 'other')} (`doit check` shows all)")] if more else []
    return Facts(facts=[*told, *rest])
