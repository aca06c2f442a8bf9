"""How many verdicts of each status the platforms have: the one table of them, of a run and of all batches. Pure."""

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from pipeline.model import VerdictStatus
from pipeline.platforms import BY_ID
from pipeline.terminal import Mood, number, table

# Eight statuses beside the longest platform fit 80 columns only like this.
_HEADS = {
    VerdictStatus.VALIDATED_EMULATED: "emu-\nlated",
    VerdictStatus.PREDICTED_PASS: "pred.\npass",
    VerdictStatus.PREDICTED_FAIL: "pred.\nfail",
    VerdictStatus.INFRA_ERROR: "infra\nerror",
    VerdictStatus.NOT_RUN: "not\nrun",
}
# What a status means to whoever reads it; a prediction is no good news yet.
_MOODS = {
    VerdictStatus.VALIDATED: Mood.GOOD,
    VerdictStatus.VALIDATED_EMULATED: Mood.GOOD,
    VerdictStatus.PREDICTED_FAIL: Mood.WARN,
    VerdictStatus.INFRA_ERROR: Mood.WARN,
    VerdictStatus.FAILED: Mood.BAD,
}
_MODEL_ORDER = {platform: place for place, platform in enumerate(BY_ID)}


def verdict_table(platforms: Mapping[str, Mapping[VerdictStatus, int]], width: int) -> Table:
    """Return a row for each platform and a column for each status that there is."""
    shown = used_statuses(platforms)
    made = table("platform", [_HEADS.get(status, status.value) for status in shown], width)
    for name in sorted(platforms, key=lambda platform: _MODEL_ORDER.get(platform, len(_MODEL_ORDER))):
        made.add_row(name, *(_short(platforms[name].get(status, 0), _style(status)) for status in shown))
    return made


def used_statuses(platforms: Mapping[str, Mapping[VerdictStatus, int]]) -> list[VerdictStatus]:
    """Return the statuses that any verdict has, in the order of the model."""
    return [status for status in VerdictStatus if any(counts.get(status) for counts in platforms.values())]


def _style(status: VerdictStatus) -> str:
    return _MOODS[status].style if status in _MOODS else ""


def _short(count: int, style: str) -> Text:
    """Return a count in at most five signs: `9,999`, `12.3k`, `1.2M`, rounded down; `--json` has all digits."""
    if count < 10_000:
        return number(count, style)
    unit, sign = (1_000, "k") if count < 1_000_000 else (1_000_000, "M")
    digits = 1 if count < 100 * unit else 0
    return Text(f"{count * 10**digits // unit / 10**digits:.{digits}f}{sign}", style=style)
