"""The charts, as Vega-Lite specifications. Pure.

Colours are names of the style sheet's variables, so a chart follows the theme, and the printer, without being drawn
again. Each chart's numbers stand in a table beside it: who cannot see the one reads the other.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.dashboard.views.lines import Period, QueueLine
from pipeline.model import EntryStatus

Spec = dict[str, Any]
# The dialect that the vendored library reads.
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
TEXT, MUTED, LINE, SURFACE, ACCENT = (f"var(--{name})" for name in ("text", "muted", "line", "surface", "accent"))
FONT = "system-ui, sans-serif"
# Pixels: the height of a chart over time, and of one bar among others below each other.
HEIGHT, BAR_STEP = 190, 26
# Up to so many periods, bars of this width leave room between them; a bar for each of more shares what room there is.
FEW, BAR_WIDTH = 8, 28
# So many words of a legend fit beside each other on a phone, and so many there are at most.
LEGEND_COLUMNS = {"expr": "width < 320 ? 2 : width < 520 ? 3 : 7"}
# What became of packages, in the order in which it is stacked from below, and in which colour.
FATES = {"included": "var(--good-fill)", "excluded": "var(--bad-fill)", "blocked": "var(--warn-fill)"}
STATUS_COLOURS = {
    EntryStatus.PENDING: "var(--plain-fill)",
    EntryStatus.IN_REVIEW: "var(--note-fill)",
    EntryStatus.SUCCESS: "var(--good-fill)",
    EntryStatus.FAILED: "var(--bad-fill)",
    EntryStatus.BLOCKED: "var(--warn-fill)",
    EntryStatus.REQUIRES_MANUAL: "var(--person-fill)",
    EntryStatus.EXCLUDED: "var(--faint-fill)",
}


def success(periods: Sequence[Period], label: str) -> Spec:
    """Return the share of attempted packages that were included, over days or batches (`label`: "day" or "batch")."""
    values = [
        {label: each.label.text, "rate": each.success.rate, "of": f"{each.success.part} of {each.success.whole}"}
        for each in periods
        if each.success.rate is not None
    ]
    encoding = {
        "x": _over_time(label),
        "y": {
            "field": "rate",
            "type": "quantitative",
            "scale": {"domain": [0, 1]},
            "axis": {"labelExpr": "format(100 * datum.value, 'd') + ' %'", "values": [0, 0.25, 0.5, 0.75, 1]},
            "title": None,
        },
        "tooltip": [
            {"field": label, "type": "nominal"},
            {"field": "rate", "type": "quantitative", "format": ".1%"},
            {"field": "of", "type": "nominal"},
        ],
        "description": {"field": "of", "type": "nominal"},
    }
    mark = {"type": "line", "color": ACCENT, "strokeWidth": 2, "point": {"filled": True, "size": 36, "color": ACCENT}}
    return _spec(f"Success rate by {label}", values, HEIGHT, {"mark": mark, "encoding": encoding})


def throughput(periods: Sequence[Period], label: str) -> Spec:
    """Return how many packages were included, excluded and blocked, over days or batches."""
    values = [
        {label: each.label.text, "became": fate, "packages": getattr(each, fate), "order": place}
        for each in periods
        for place, fate in enumerate(FATES)
    ]
    encoding = {
        "x": _over_time(label),
        "y": {"field": "packages", "type": "quantitative", "title": None, "axis": {"tickMinStep": 1, "format": ",d"}},
        "color": _colours("became", FATES, "bottom"),
        "order": {"field": "order", "type": "quantitative"},
        "tooltip": _tooltip(label, "became", "packages"),
    }
    width = {"band": 0.8} if len(periods) > FEW else BAR_WIDTH
    mark = {"type": "bar", "stroke": SURFACE, "strokeWidth": 0.5, "width": width}
    return _spec(f"Packages by {label}", values, HEIGHT, {"mark": mark, "encoding": encoding})


def queue(lines: Sequence[QueueLine], statuses: Sequence[EntryStatus]) -> Spec:
    """Return how the entries of each ecosystem stand, a bar for each ecosystem."""
    values = [
        {"ecosystem": line.ecosystem.text, "status": _words(status), "entries": count, "order": statuses.index(status)}
        for line in lines
        for status, count in line.counts.items()
    ]
    encoding = {
        "y": {"field": "ecosystem", "type": "nominal", "sort": None, "title": None, "axis": {"ticks": False}},
        "x": {
            "field": "entries",
            "type": "quantitative",
            "title": None,
            "axis": {"format": ",d", "tickCount": 6, "tickMinStep": 1},
        },
        "color": _colours("status", {_words(status): STATUS_COLOURS[status] for status in statuses}, "top"),
        "order": {"field": "order", "type": "quantitative"},
        "tooltip": _tooltip("ecosystem", "status", "entries"),
    }
    mark = {"type": "bar", "stroke": SURFACE, "strokeWidth": 0.5}
    return _spec("Queue by ecosystem and status", values, BAR_STEP * len(lines), {"mark": mark, "encoding": encoding})


def _words(identifier: str) -> str:
    return identifier.replace("_", " ")


def _over_time(label: str) -> Spec:
    """Return the axis of days, or of batches, whose names are too long for one."""
    if label == "day":
        # Days are bands: a day without a batch takes no room, and a bar is as wide as there is room for.
        axis = {
            "labelAngle": 0,
            "labelExpr": f"slice(datum.label, {len('2026-')})",
            "labelOverlap": "parity",
            "labelSeparation": 8,
            "labelPadding": 6,
            "ticks": False,
        }
        return {"field": label, "type": "ordinal", "title": None, "axis": axis}
    return {"field": label, "type": "ordinal", "sort": None, "title": None, "axis": {"labels": False, "ticks": False}}


def _colours(field: str, colours: dict[str, str], where: str) -> Spec:
    scale = {"domain": list(colours), "range": list(colours.values())}
    # Below a chart that stands beside another, so that the two have their axes at the same height.
    legend = {"title": None, "columns": LEGEND_COLUMNS, "orient": where}
    return {"field": field, "type": "nominal", "scale": scale, "legend": legend}


def _tooltip(*fields: str) -> list[Spec]:
    return [{"field": field, "type": "nominal"} for field in fields]


def _spec(description: str, values: Iterable[Spec], height: int, drawn: Spec) -> Spec:
    axis = {
        "labelColor": MUTED,
        "labelFont": FONT,
        "labelFontSize": 12,
        "domainColor": LINE,
        "gridColor": LINE,
        "tickColor": LINE,
    }
    return {
        "$schema": SCHEMA,
        "description": description,
        "data": {"values": list(values)},
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "background": None,
        **drawn,
        "config": {
            "axis": axis,
            "axisBand": {"grid": False},
            "legend": {
                "labelColor": TEXT,
                "labelFont": FONT,
                "labelFontSize": 12,
                "symbolType": "square",
                "symbolStrokeWidth": 0,
            },
            "view": {"stroke": None},
        },
    }
