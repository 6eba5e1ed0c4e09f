"""The head that every dashboard has: data source, machine, range, and the links to its siblings."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from .queries import REPLICAS, SCOPE, either, labelled

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

# Where links lead. The choice of data source and time goes along; to a dashboard about another time only the first.
SOURCE = "${datasource:queryparam}"
CARRIED = f"{SOURCE}&${{__url_time_range}}"

# The slowest scrape interval of the chosen machines, in seconds: the spacing of the samples of the last ten minutes.
# $__rate_interval is four times the min step of a query, which is this.
_SEEN = f"gramwatt_snapshot_timestamp_seconds{{{SCOPE}}}"
SCRAPE_SECONDS = (
    f"ceil(max(max without ({REPLICAS}) ((max_over_time({_SEEN}[10m]) - min_over_time({_SEEN}[10m])) / "
    f"(count_over_time({_SEEN}[10m]) - 1)) > 0) or vector(15))"
)


def board(
    uid: str, title: str, description: str, since: str, *, one_machine: bool = False, refresh: str = "30s"
) -> dashboard.Dashboard:
    """An empty dashboard with its head."""
    links = dashboard.DashboardLink("Gramwatt").type(DashboardLinkType.DASHBOARDS).tags(["gramwatt"])
    machines = variable("instance", "Machine", 'label_values(gramwatt_build_info{job=~"$job"}, instance)')
    if one_machine:
        machines = (
            machines.multi(False).include_all(False).current(VariableOption(selected=True, text="", value=""))
        )
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["gramwatt"])
        .readonly()
        .time(since, "now")
        .refresh(refresh)
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(links.as_dropdown(True).include_vars(True).keep_time(True))
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus").regex("")
        )
        .with_variable(
            variable("job", "Job", "label_values(gramwatt_build_info, job)").hide(VariableHide.HIDE_VARIABLE)
        )
        .with_variable(machines)
        .with_variable(_scrape())
    )


def variable(name: str, label: str, query: str, *, all_value: str = ".+") -> dashboard.QueryVariable:
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
        .all_value(all_value)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def one_of(name: str, label: str, query: str, pattern: str = "") -> dashboard.QueryVariable:
    """A list of label values of which exactly one is chosen: in the order of the query where there is a ``pattern``, a
    regular expression whose group is the value in a row of ``query_result``."""
    chosen = VariableOption(selected=True, text="", value="")
    found = variable(name, label, query).multi(False).include_all(False).current(chosen)
    return found.regex(pattern).sort(VariableSort.DISABLED) if pattern else found


def learned(name: str, label: str, query: str, pattern: str) -> dashboard.QueryVariable:
    """Label values that a query finds anew at every refresh; hidden. They keep selectors of other queries short.

    ``pattern`` is a regular expression whose group is the value, in a row of ``query_result``.
    """
    return (
        variable(name, label, f"query_result({query})")
        .regex(pattern)
        .all_value("")
        .sort(VariableSort.DISABLED)
        .hide(VariableHide.HIDE_VARIABLE)
    )


def marks(page: dashboard.Dashboard) -> dashboard.Dashboard:
    """Begins and ends of recorded runs as lines on every chart."""
    name = f"on (window) group_left (name) max by (window, name) (gramwatt_window_info{{{SCOPE}}})"
    moments = either(
        *(
            labelled(
                f"max by (window) (gramwatt_window_{edge}_timestamp_seconds{{{SCOPE}}}) * {name}",
                "what",
                what,
            )
            for edge, what in (("start", "begins"), ("end", "ends"))
        )
    )
    return page.annotation(
        dashboard.AnnotationQuery()
        .name("Runs")
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color("purple")
        .expr(f"1000 * ({moments})")
        .use_value_for_time(True)
        .step("60s")
        .title_format("{{name}} {{what}}")
        .tag_keys("window")
    )


def _scrape() -> dashboard.QueryVariable:
    """The scrape interval, learned. Hidden: it is a fact and no choice."""
    return (
        dashboard.QueryVariable("scrape")
        .label("Scrape interval")
        .query(f"query_result({SCRAPE_SECONDS})")
        .regex("/ ([0-9]+) [0-9.]+$/")
        .datasource(DATASOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .hide(VariableHide.HIDE_VARIABLE)
        .multi(False)
        .include_all(False)
        .current(VariableOption(selected=True, text="15", value="15"))
    )
