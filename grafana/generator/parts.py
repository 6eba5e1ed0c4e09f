"""What every dashboard shares: datasource, variables, selectors, queries, and panels with our defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
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
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

# Every selector of an exporter's metric carries these; labels of the metric itself follow.
SCOPE = 'job=~"$job",instance=~"$instance"'

COMPONENT_COLOURS = {"cpu": "blue", "dram": "purple", "gpu": "green", "other": "text"}
PART_COLOURS = {"idle": "text", "live": "green", "exited": "blue", "unattributed": "orange"}

Panel = TypeVar("Panel", stat.Panel, bargauge.Panel, table.Panel, timeseries.Panel)


def select(metric: str, labels: str = "") -> str:
    """``metric`` of the chosen machines, optionally with more matchers."""
    return f"gramwatt_{metric}{{{SCOPE}{',' if labels else ''}{labels}}}"


def board(uid: str, title: str, description: str, since: str) -> dashboard.Dashboard:
    """An empty dashboard with the links to its siblings."""
    links = dashboard.DashboardLink("Gramwatt").type(DashboardLinkType.DASHBOARDS).tags(["gramwatt"])
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["gramwatt"])
        .readonly()
        .time(since, "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(links.as_dropdown(True).include_vars(True).keep_time(True))
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus").regex("")
        )
        .with_variable(variable("job", "Job", "label_values(gramwatt_build_info, job)"))
        .with_variable(
            variable("instance", "Machine", 'label_values(gramwatt_build_info{job=~"$job"}, instance)')
        )
    )


def variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A list of label values to choose from: several, or all."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(DATASOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def over_time(expr: str, legend: str) -> prometheus.Dataquery:
    """A query over the time range of the dashboard."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).range()


def now(expr: str, legend: str = "") -> prometheus.Dataquery:
    """A query at the end of the time range."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).instant()


def rows_of(expr: str) -> prometheus.Dataquery:
    """A query at the end of the time range whose labels become the columns of a table."""
    return prometheus.Dataquery().expr(expr).legend_format("").instant().format(PromQueryFormat.TABLE)


def steps(*pairs: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Colours from a value upwards; the first begins at None (everything below)."""
    thresholds = [Threshold(value=value, color=colour) for value, colour in pairs]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(thresholds)


def number(
    title: str,
    description: str,
    unit: str,
    *queries: prometheus.Dataquery,
    graph: bool = False,
    decimals: float | None = None,
    thresholds: dashboard.ThresholdsConfig | None = None,
    width: int = 4,
) -> stat.Panel:
    """One big number (or one for each series)."""
    panel = (
        stat.Panel()
        .graph_mode(BigValueGraphMode.AREA if graph else BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .thresholds(thresholds or steps((None, "text")))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    return _common(panel, title, description, unit, queries, width, 4)


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: prometheus.Dataquery,
    stacked: bool = False,
    colours: Mapping[str, str] | None = None,
    decimals: float | None = None,
    thresholds: dashboard.ThresholdsConfig | None = None,
    width: int = 12,
    height: int = 8,
) -> timeseries.Panel:
    """Curves over time, stacked where the parts add up to a whole."""
    panel = (
        timeseries.Panel()
        .line_width(1 if stacked else 2)
        .fill_opacity(35 if stacked else 8)
        .show_points(VisibilityMode.NEVER)
        .stacking(
            common.StackingConfig().mode(StackingMode.NORMAL if stacked else StackingMode.NONE).group("A")
        )
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
    )
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
    return _common(panel, title, description, unit, queries, width, height)


def bars(
    title: str,
    description: str,
    unit: str,
    *queries: prometheus.Dataquery,
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
    return _common(panel, title, description, unit, queries, width, height)


def rows(
    title: str,
    description: str,
    unit: str,
    *queries: prometheus.Dataquery,
    columns: Mapping[str, str],
    hidden: Sequence[str] = (),
    units: Mapping[str, str] | None = None,
    colours: Mapping[str, Mapping[str, tuple[str, str]]] | None = None,
    sort_by: str | None = None,
    nothing: str | None = None,
    width: int = 12,
    height: int = 9,
) -> table.Panel:
    """A table of instant queries, joined on the labels they share.

    ``columns`` renames and orders what the queries give (label names, Value or Value #A, ...); ``units`` are by
    new name, for columns other than ``unit``. ``colours`` by new name: value -> (text, colour) of its badge.
    ``nothing`` is said when there are no rows and that is fine.
    """
    order = {name: place for place, name in enumerate(columns)}
    organize = {
        "excludeByName": dict.fromkeys(["Time", *hidden], True),
        "indexByName": order,
        "renameByName": {name: shown for name, shown in columns.items() if name != shown},
    }
    panel = table.Panel().show_header(True)
    if len(queries) > 1:
        panel = panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    panel = panel.with_transformation(DataTransformerConfig(id_val="organize", options=organize))
    for name, other in (units or {}).items():
        panel = panel.override_by_name(name, [DynamicConfigValue("unit", other)])
    for name, values in (colours or {}).items():
        options = {value: {"text": shown, "color": colour} for value, (shown, colour) in values.items()}
        badge = [
            DynamicConfigValue("mappings", [{"type": "value", "options": options}]),
            DynamicConfigValue("custom.cellOptions", {"type": "color-background"}),
        ]
        panel = panel.override_by_name(name, badge)
    if nothing is not None:
        panel = panel.no_value(nothing)
    if sort_by is not None:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort_by).desc(True)])
    return _common(panel, title, description, unit, queries, width, height)


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
    queries: Sequence[prometheus.Dataquery],
    width: int,
    height: int,
) -> Panel:
    panel = panel.title(title).description(description).unit(unit).datasource(DATASOURCE)
    panel = panel.span(width).height(height)
    for letter, query in zip("ABCDEFGHIJKL", queries, strict=False):
        panel = panel.with_target(query.ref_id(letter).datasource(DATASOURCE))
    return panel
