"""Panels with our defaults: each has a title, a sentence, a unit, and says what to do where it is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    table,
    text,
    timeseries,
    trend,
)
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from .boards import CARRIED, DATASOURCE, SOURCE

COMPONENT_COLOURS = {"cpu": "blue", "dram": "purple", "gpu": "green", "platform": "orange", "other": "text"}
PART_COLOURS = {"idle": "text", "live": "green", "exited": "blue", "unattributed": "orange"}
GRADES = {
    "A": ("A", "green"),
    "B": ("B", "green"),
    "C": ("C", "yellow"),
    "D": ("D", "yellow"),
    "E": ("E", "orange"),
    "F": ("F", "red"),
    "G": ("G", "red"),
}

# Where a series belongs that is too small for a colour of its own.
OTHER = {"other": "text"}

Panel = TypeVar(
    "Panel",
    stat.Panel,
    bargauge.Panel,
    barchart.Panel,
    heatmap.Panel,
    table.Panel,
    timeseries.Panel,
    trend.Panel,
)
Query = prometheus.Dataquery


def over_time(expr: str, legend: str) -> Query:
    """A query over the range. Its steps are never finer than the scrapes, so that every rate finds samples."""
    return Query().expr(expr).legend_format(legend).range().interval("${scrape}s")


def now(expr: str, legend: str = "") -> Query:
    """A query at the end of the range, exactly: a range query would end at its last whole step."""
    return Query().expr(expr).legend_format(legend).instant()


def trend_of(expr: str) -> Query:
    """A query over the range whose curves become small pictures in a column of a table, named Trend #A and so on."""
    return Query().expr(expr).legend_format("").range().interval("${scrape}s")


def rows_of(expr: str) -> Query:
    """A query at the end of the range whose labels become the columns of a table."""
    return Query().expr(expr).legend_format("").instant().format(PromQueryFormat.TABLE)


def steps(*pairs: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Colours from a value upwards; the first begins at None (everything below)."""
    thresholds = [Threshold(value=value, color=colour) for value, colour in pairs]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(thresholds)


def link(title: str, uid: str, **variables: str) -> DynamicConfigValue:
    """A link of a column to another dashboard. ``variables`` name the column that gives each variable its value."""
    chosen = "".join(
        f'&var-{name}=${{__data.fields["{column}"]:percentencode}}' for name, column in variables.items()
    )
    return DynamicConfigValue(
        "links", [{"title": title, "url": f"/d/{uid}?{CARRIED}{chosen}", "targetBlank": False}]
    )


def number(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    empty: str,
    sentence: bool = False,
    units: Mapping[str, str] | None = None,
    decimals: float | None = None,
    thresholds: dashboard.ThresholdsConfig | None = None,
    width: int = 4,
    height: int = 4,
    to: str | None = None,
    same_time: bool = False,
) -> stat.Panel:
    """One big number (or one for each series); with ``sentence`` its name stands below as what it means.

    ``units`` are of single queries, by their letter. ``to`` is the dashboard that a click opens, in its own time range
    or, with ``same_time``, in the one that is shown.
    """
    panel = (
        stat.Panel()
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .text_mode(BigValueTextMode.VALUE_AND_NAME if sentence else BigValueTextMode.AUTO)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .thresholds(thresholds or steps((None, "text")))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    for letter, other in (units or {}).items():
        panel = panel.override_by_query(letter, [DynamicConfigValue("unit", other)])
    if to is not None:
        along = CARRIED if same_time else SOURCE
        panel = panel.data_links([dashboard.DashboardLink("Open").url(f"/d/{to}?{along}")])
    return _common(panel, title, description, unit, queries, empty, width, height)


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    empty: str,
    stacked: bool = False,
    bars: bool = False,
    colours: Mapping[str, str] | None = None,
    decimals: float | None = None,
    fill: float = 8,
    thresholds: dashboard.ThresholdsConfig | None = None,
    interval: str | None = None,
    bands: Mapping[str, str] | None = None,
    dashed: str | None = None,
    beside: bool = False,
    width: int = 12,
    height: int = 8,
) -> timeseries.Panel:
    """Curves over time, stacked where the parts add up to a whole; or a bar for each ``interval``.

    ``beside``: the legend stands beside the curves, where it has room for more of them than below.

    ``bands`` are filled from the first curve down to the second. Curves whose names match ``dashed`` are thin dashes.
    """
    panel = (
        timeseries.Panel()
        .draw_style(GraphDrawStyle.BARS if bars else GraphDrawStyle.LINE)
        .line_width(1 if stacked or bars else 2)
        .fill_opacity(70 if bars else 35 if stacked else fill)
        .show_points(VisibilityMode.NEVER)
        .stacking(
            common.StackingConfig().mode(StackingMode.NORMAL if stacked else StackingMode.NONE).group("A")
        )
        .axis_soft_min(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.RIGHT if beside else LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["sum"] if bars else ["lastNotNull", "mean", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    )
    if interval is not None:
        panel = panel.interval(interval)
    if decimals is not None:
        panel = panel.decimals(decimals)
    if thresholds is not None:
        panel = panel.thresholds(thresholds).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    for name, colour in (colours or {}).items():
        panel = panel.override_by_name(
            name, [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})]
        )
    for upper, lower in (bands or {}).items():
        bounds = [DynamicConfigValue("custom.lineWidth", 1), DynamicConfigValue("custom.fillOpacity", 18)]
        panel = panel.override_by_name(upper, [*bounds, DynamicConfigValue("custom.fillBelowTo", lower)])
        panel = panel.override_by_name(lower, [bounds[0], DynamicConfigValue("custom.fillOpacity", 0)])
    if dashed is not None:
        dash = {"fill": "dash", "dash": [6, 4]}
        panel = panel.override_by_regexp(
            dashed,
            [
                DynamicConfigValue("custom.lineStyle", dash),
                DynamicConfigValue("custom.lineWidth", 1),
                DynamicConfigValue("custom.fillOpacity", 0),
            ],
        )
    return _common(panel, title, description, unit, queries, empty, width, height)


def since(
    title: str,
    description: str,
    unit: str,
    across: str,
    *queries: Query,
    empty: str,
    width: int = 12,
    height: int = 8,
) -> trend.Panel:
    """Curves over ``across``, the name of a query that gives seconds, instead of over the time of day."""
    join = {"byField": "Time", "mode": "outer"}
    panel = (
        trend.Panel()
        .x_field(across)
        .with_transformation(DataTransformerConfig(id_val="joinByField", options=join))
        .line_width(2)
        .fill_opacity(8)
        .show_points(VisibilityMode.NEVER)
        .axis_soft_min(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "mean", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .override_by_name(across, [DynamicConfigValue("unit", "s")])
    )
    return _common(panel, title, description, unit, queries, empty, width, height)


def meters(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    empty: str,
    thresholds: dashboard.ThresholdsConfig | None = None,
    maximum: float | None = None,
    width: int = 8,
    height: int = 8,
) -> bargauge.Panel:
    """A horizontal bar for each series."""
    panel = (
        bargauge.Panel()
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .show_unfilled(True)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .min(0)
        .thresholds(thresholds or steps((None, "blue")))
    )
    if maximum is not None:
        panel = panel.max(maximum)
    return _common(panel, title, description, unit, queries, empty, width, height)


def columns(
    title: str,
    description: str,
    unit: str,
    query: Query,
    *,
    label: str,
    shown: str,
    empty: str,
    thresholds: dashboard.ThresholdsConfig | None = None,
    width: int = 12,
    height: int = 8,
) -> barchart.Panel:
    """A vertical bar for each value of ``label``, which is a number, in its order."""
    organize = {
        "excludeByName": {"Time": True},
        "indexByName": {label: 0, "Value": 1},
        "renameByName": {label: shown, "Value": title},
    }
    convert = {"conversions": [{"targetField": label, "destinationType": "number"}]}
    panel = (
        barchart.Panel()
        .x_field(shown)
        .show_value(VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(False)
            .calcs([])
        )
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(thresholds or steps((None, "blue")))
        .with_transformation(DataTransformerConfig(id_val="convertFieldType", options=convert))
        .with_transformation(DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": label}]}))
        .with_transformation(DataTransformerConfig(id_val="organize", options=organize))
    )
    return _common(panel, title, description, unit, (query,), empty, width, height)


def heat(
    title: str, description: str, unit: str, *queries: Query, empty: str, width: int = 24, height: int = 10
) -> heatmap.Panel:
    """A line of cells for each series, darker where its value is larger."""
    panel = (
        heatmap.Panel()
        .calculate(False)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(HeatmapColorMode.SCHEME)
            .scheme("Oranges")
            .steps(64)
            .reverse(False)
        )
        .cell_gap(1)
        .show_legend()
    )
    return _common(panel, title, description, unit, queries, empty, width, height)


def rows(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    columns: Mapping[str, str],
    empty: str,
    hidden: Sequence[str] = (),
    units: Mapping[str, str] | None = None,
    decimals: Mapping[str, float] | None = None,
    colours: Mapping[str, Mapping[str, tuple[str, str]]] | None = None,
    thresholds: Mapping[str, dashboard.ThresholdsConfig] | None = None,
    links: Mapping[str, DynamicConfigValue] | None = None,
    sort_by: str | None = None,
    ascending: bool = False,
    trends: str = "",
    widths: Mapping[str, int] | None = None,
    width: int = 12,
    height: int = 9,
) -> table.Panel:
    """A table of instant queries, joined on the labels they share. The first query says which rows there are.

    ``columns`` renames and orders what the queries give (label names, Value or Value #A, ...); ``units`` are by
    new name, for columns other than ``unit``. ``colours`` by new name: value -> (text, colour) of its badge.
    ``trends`` are the letters of queries made by :func:`trend_of`. ``widths`` by new name are pixels; Grafana gives
    any other column 150 at least.
    """
    excluded = ["Time", *hidden]
    names = dict(columns)
    # Where only one of several queries has an answer, Grafana calls its column Value. That one is the first.
    if "Value #A" in names:
        names["Value"] = names["Value #A"]
    elif "Value #A" in excluded:
        excluded.append("Value")
    organize = {
        "excludeByName": dict.fromkeys(excluded, True),
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": {name: shown for name, shown in names.items() if name != shown},
    }
    panel = table.Panel().show_header(True)
    if trends:
        over = {letter: {"stat": "lastNotNull"} for letter in trends}
        panel = panel.with_transformation(DataTransformerConfig(id_val="timeSeriesTable", options=over))
        # The rows of curves have no time. Grafana joins rows on every column that several queries have.
        times = {"exclude": {"names": ["Time"]}}
        panel = panel.with_transformation(DataTransformerConfig(id_val="filterFieldsByName", options=times))
    if len(queries) > 1:
        panel = panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    panel = panel.with_transformation(DataTransformerConfig(id_val="organize", options=organize))
    # Without this Grafana reads a text of digits, such as a PID, as a number in the panel's unit.
    panel = panel.override_by_field_type("string", [DynamicConfigValue("unit", "string")])
    properties: dict[str, list[DynamicConfigValue]] = {}
    for name, other in (units or {}).items():
        properties.setdefault(name, []).append(DynamicConfigValue("unit", other))
    for name, places in (decimals or {}).items():
        properties.setdefault(name, []).append(DynamicConfigValue("decimals", places))
    for name, limits in (thresholds or {}).items():
        properties.setdefault(name, []).extend(
            [
                DynamicConfigValue("thresholds", limits.build()),
                DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
            ]
        )
    for name, values in (colours or {}).items():
        options = {value: {"text": shown, "color": colour} for value, (shown, colour) in values.items()}
        properties.setdefault(name, []).extend(
            [
                DynamicConfigValue("mappings", [{"type": "value", "options": options}]),
                DynamicConfigValue("custom.cellOptions", {"type": "color-background"}),
            ]
        )
    for name, pixels in (widths or {}).items():
        properties.setdefault(name, []).append(DynamicConfigValue("custom.width", pixels))
    for name, target in (links or {}).items():
        properties.setdefault(name, []).append(target)
    for letter in trends:
        cell = {"type": "sparkline", "hideValue": True, "lineWidth": 1}
        properties.setdefault(names[f"Trend #{letter}"], []).append(
            DynamicConfigValue("custom.cellOptions", cell)
        )
    for name, found in properties.items():
        panel = panel.override_by_name(name, found)
    if sort_by is not None:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort_by).desc(not ascending)])
    return _common(panel, title, description, unit, queries, empty, width, height)


def note(title: str, description: str, markdown: str, *, width: int = 24, height: int = 3) -> text.Panel:
    """A few sentences of help."""
    return (
        text.Panel()
        .title(title)
        .description(description)
        .mode(TextMode.MARKDOWN)
        .content(markdown)
        .transparent(True)
        .span(width)
        .height(height)
    )


def _common(
    panel: Panel,
    title: str,
    description: str,
    unit: str,
    queries: Sequence[Query],
    empty: str,
    width: int,
    height: int,
) -> Panel:
    panel = panel.title(title).description(description).unit(unit).datasource(DATASOURCE).no_value(empty)
    panel = panel.span(width).height(height)
    for letter, query in zip("ABCDEFGHIJKLMNOPQRST", queries, strict=False):
        panel = panel.with_target(query.ref_id(letter).datasource(DATASOURCE))
    return panel
