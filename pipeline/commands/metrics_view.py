"""What a person sees of the metrics: tables and service levels that fit 80 columns. Pure."""

import re
from collections.abc import Iterable, Mapping
from textwrap import fill
from typing import TypeVar

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.constraints import PASSED
from pipeline.history.metrics import all_of
from pipeline.history.report import Report
from pipeline.history.service_levels import Cycle, LastSuccess, ServiceLevels, Share, Spread, success, without_body
from pipeline.history.wording import minute, percent
from pipeline.model import EcosystemCounts, Traffic, VerdictStatus
from pipeline.platforms import BY_ID
from pipeline.text import counted, duration

N = TypeVar("N", EcosystemCounts, Traffic)
MEGABYTE = 1_000_000
# From this many columns on there is room for more than one blank between two columns of a table.
WIDE = 100
# A number and its unit stay in one line.
BEFORE_UNIT, NO_BREAK = re.compile(r"(?<=\d) (?=(?:s|min|h|d)\b|%)"), "\u00a0"
# Alarms that get a line each; `doit check` shows all.
MOST_ALARMS = 10
# Column in which the values of named lines begin.
VALUES_AT = 21
PACKAGE_COLUMNS = EcosystemCounts.__struct_fields__
# Eight statuses beside the longest platform fit 80 columns only like this.
STATUS_HEADS = {
    VerdictStatus.VALIDATED_EMULATED: "emu-\nlated",
    VerdictStatus.PREDICTED_PASS: "pred.\npass",
    VerdictStatus.PREDICTED_FAIL: "pred.\nfail",
    VerdictStatus.INFRA_ERROR: "infra\nerror",
    VerdictStatus.NOT_RUN: "not\nrun",
}
MODEL_ORDER = {platform: place for place, platform in enumerate(BY_ID)}


def view(report: Report, width: int) -> RenderableType:
    """Return the whole answer for a console of so many columns."""
    if not report.batches:
        return Group(Text(nothing(report)), Text(), _service_levels(report, width))
    added = report.totals
    parts: list[RenderableType] = [Text(headline(report), style="bold"), _packages(added.ecosystems, width)]
    if added.platforms:
        parts.append(_platforms(added.platforms, width))
    if added.traffic:
        parts.append(_traffic(added.traffic, width))
    parts += [_batches(report, width), _work(report, width), _service_levels(report, width)]
    first, *rest = parts
    return Group(first, *(item for part in rest for item in (Text(), part)))


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
    table = _table("packages", [*PACKAGE_COLUMNS, "rate"], width)
    for name, counts in _with_all(ecosystems, EcosystemCounts()):
        numbers = [_number(getattr(counts, field)) for field in PACKAGE_COLUMNS]
        table.add_row(name, *numbers, percent(success(counts)))
    return table


def _platforms(platforms: Mapping[str, Mapping[VerdictStatus, int]], width: int) -> Table:
    shown = [status for status in VerdictStatus if any(counts.get(status) for counts in platforms.values())]
    table = _table("platform", [STATUS_HEADS.get(status, status.value) for status in shown], width)
    for name in sorted(platforms, key=lambda platform: MODEL_ORDER.get(platform, len(MODEL_ORDER))):
        table.add_row(name, *(_short(platforms[name].get(status, 0), _style(status)) for status in shown))
    return table


def _traffic(traffic: Mapping[str, Traffic], width: int) -> Table:
    heads = ["requests", "cache hits", "304s", "no body", "failed tries", "MB", "waited"]
    table = _table("traffic", heads, width)
    for name, counts in _with_all(traffic, Traffic()):
        table.add_row(
            name,
            _number(counts.requests),
            _number(counts.cache_hits),
            _number(counts.not_modified),
            percent(without_body(counts)),
            _number(counts.failed_tries),
            f"{counts.bytes / MEGABYTE:,.1f}",
            duration(counts.waited / 3600),
        )
    return table


def _batches(report: Report, width: int) -> Table:
    table = _table("last batches", ["published", "attempted", "included", "rate", "cost"], width)
    for line in report.last_batches:
        numbers = _number(line.attempted), _number(line.included)
        table.add_row(line.batch_id, minute(line.at), *numbers, percent(line.success), f"{line.cost:,.2f}")
    return table


def _table(first: str, columns: Iterable[str], width: int) -> Table:
    gap = 1 if width < WIDE else 3
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, gap - 1))
    table.add_column(first, no_wrap=True, vertical="bottom")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _number(count: int, style: str = "") -> Text:
    return Text(f"{count:,}", style=style) if count else Text("-", style="dim")


def _short(count: int, style: str) -> Text:
    """Return a count in at most five signs: `9,999`, `12.3k`, `1.2M`, rounded down; `--json` has all digits."""
    if count < 10_000:
        return _number(count, style)
    unit, sign = (1_000, "k") if count < 1_000_000 else (1_000_000, "M")
    digits = 1 if count < 100 * unit else 0
    return Text(f"{count * 10**digits // unit / 10**digits:.{digits}f}{sign}", style=style)


def _style(status: VerdictStatus) -> str:
    if status in PASSED:
        return "green"
    return "red" if status is VerdictStatus.FAILED else ""


def _with_all(parts: Mapping[str, N], empty: N) -> list[tuple[str, N]]:
    """Return the ecosystems, and below them all together when there are several."""
    together = [("all", all_of(parts, empty))] if len(parts) > 1 else []
    return list(parts.items()) + together


# ------------------------------------------------------------------------------------------------ lines


def _work(report: Report, width: int) -> Text:
    added = report.totals
    scope = "" if report.query.ecosystem is None else " of all ecosystems in these batches"
    lines = [
        ("seconds by stage", ", ".join(f"{stage} {seconds:,.0f}" for stage, seconds in added.stage_seconds.items())),
        ("minutes by runner", ", ".join(f"{runner} {minutes:,.2f}" for runner, minutes in added.minutes.items())),
    ]
    return _lines(f"Work{scope}", lines, width)


def _service_levels(report: Report, width: int) -> Text:
    levels = report.service_levels
    lines = [
        ("success", _success(levels)),
        ("queue age", _age(levels)),
        ("cycle time", _cycle(levels.cycle_hours)),
        ("cost of a recipe", _cost(report)),
        ("without a body", _of(levels.without_body, "answers")),
        ("last success", _last_success(levels, report.known_batches)),
        ("oldest review", _oldest_review(levels)),
    ]
    text = _lines("Service levels", lines, width)
    text.append("\n")
    return text.append_text(_alarm(report, width))


def _lines(title: str, lines: Iterable[tuple[str, str]], width: int) -> Text:
    """Return a title and below it names and values, the values wrapped in a column of their own."""
    return Text("\n").join([Text(title, style="bold"), *_named_lines(lines, width)])


def _named_lines(lines: Iterable[tuple[str, str]], width: int) -> list[Text]:
    indent = " " * VALUES_AT
    wrapped = (
        fill(
            BEFORE_UNIT.sub(NO_BREAK, value),
            width,
            initial_indent=f"  {name}".ljust(VALUES_AT),
            subsequent_indent=indent,
        )
        for name, value in lines
    )
    return [Text(text.replace(NO_BREAK, " ")) for text in wrapped]


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


def _alarm(report: Report, width: int) -> Text:
    """Return what rings, a line for each; the limits stand beside the exit code."""
    if report.alarms:
        lines = [("" if place else "alarm", alarm.value) for place, alarm in enumerate(report.alarms[:MOST_ALARMS])]
        more = len(report.alarms) - len(lines)
        lines += [("", f"and {counted(more, 'other')}")] if more else []
        return Text("\n").join(Text(line.plain, style="bold red") for line in _named_lines(lines, width))
    return Text(f"{'  alarm'.ljust(VALUES_AT)}none; it rings after {report.no_success_hours:g} h without a recipe")
