"""Health: whether the numbers can be trusted: exporters, labeler, providers, rules, lost exits, cardinality."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from .alerts import alerts_table
from .boards import SCRAPE_SECONDS, board
from .common import ALERTS, NO_EXPORTER
from .panels import lines, link, now, number, over_time, rows, rows_of, steps
from .queries import (
    SCOPE,
    as_label,
    either,
    gained,
    gauge,
    labelled,
    last,
    leading,
    mean,
    once,
    rate,
    with_labels,
)

# Reasons that ask for something: absent and disabled meters are normal.
_WRONG = 'reason!~"|absent|disabled"'


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-health``."""
    page = board(
        "gramwatt-health",
        "Gramwatt / Health",
        "Whether the numbers can be trusted: exporters, labeler, grid providers, rules, and what was lost.",
        "now-6h",
    )
    return _tables(_numbers(page))


def _numbers(page: dashboard.Dashboard) -> dashboard.Dashboard:
    snapshot = gauge("snapshot_timestamp_seconds")
    saved = gauge("state_saved_timestamp_seconds")
    lost, observed = gained("exits_lost_total"), gained("exits_observed_total")
    unattributed = mean("device_energy_partition_joules_total", 'part="unattributed"')
    everything = mean("device_energy_partition_joules_total")
    late = steps((None, "green"), (60, "orange"), (120, "red"))
    return (
        page.with_panel(
            number(
                "Machines",
                "Exporters that answer, of those of the chosen time range, and what is wrong: alerts that fire and "
                "meters that should deliver and do not.",
                "short",
                now(
                    _answering(),
                    "of {{known}} machines answer; alerts: {{alerts}}; meters that fail: {{failing}}",
                ),
                sentence=True,
                decimals=0,
                empty=NO_EXPORTER,
                width=24,
                height=3,
            )
        )
        .with_panel(
            number(
                "Age of the last sample",
                "The oldest of the chosen machines.",
                "s",
                now(f"max(time() - {snapshot})", "age"),
                thresholds=late,
                empty=NO_EXPORTER,
            )
        )
        .with_panel(
            number(
                "Scrape interval",
                "The slowest of the chosen machines, as found in the last ten minutes. Curves follow it by "
                "themselves; set the data source's interval to the same: docs/dashboards.md.",
                "s",
                now(SCRAPE_SECONDS, "interval"),
                thresholds=steps((None, "green"), (61, "orange")),
                empty=NO_EXPORTER,
            )
        )
        .with_panel(
            number(
                "Counters saved",
                "Time since the counters were last saved, of the machine that waits longest.",
                "s",
                now(f"max({snapshot} - on (job, instance) {saved})", "age"),
                thresholds=steps((None, "green"), (300, "orange"), (600, "red")),
                empty="No state directory is in use: a restart begins at zero. Set one: docs/install.md",
            )
        )
        .with_panel(
            number(
                "Exits lost",
                "Ended processes that the kernel could not report, as a share in the time range. Their "
                "energy is unattributed.",
                "percentunit",
                now(f"sum({lost}) / (sum({lost}) + sum({observed}) > 0)", "lost"),
                decimals=1,
                thresholds=steps((None, "green"), (0.01, "orange"), (0.1, "red")),
                empty="No process has ended in this time range.",
            )
        )
        .with_panel(
            number(
                "Unattributed",
                "Share of the power of the last five minutes that no process can be charged for.",
                "percentunit",
                now(f"sum({unattributed}) / (sum({everything}) > 0)", "unattributed"),
                decimals=1,
                thresholds=steps((None, "green"), (0.1, "orange"), (0.3, "red")),
                empty=NO_EXPORTER,
            )
        )
        .with_panel(
            number(
                "Sample time",
                "The slowest last sample of the chosen machines.",
                "s",
                now(f"max({gauge('sample_duration_seconds')})", "duration"),
                thresholds=steps((None, "green"), (0.5, "orange"), (2, "red")),
                empty=NO_EXPORTER,
            )
        )
        .with_panel(
            number(
                "Failed samples",
                "Samples that ended in an error in the chosen time range.",
                "short",
                now(f"sum({gained('sample_failures_total')})", "failures"),
                decimals=0,
                thresholds=steps((None, "green"), (1, "orange")),
                empty=NO_EXPORTER,
                width=6,
            )
        )
        .with_panel(
            number(
                "Rules",
                "Time since the recorded rules were last evaluated. Budgets and alerts are as old.",
                "s",
                now(
                    "max(time() - prometheus_rule_group_last_evaluation_timestamp_seconds"
                    '{rule_group=~".*gramwatt.*"})',
                    "age",
                ),
                thresholds=steps((None, "green"), (180, "orange"), (600, "red")),
                empty="Prometheus does not scrape itself, or loads no rules: prometheus/prometheus.yml does both",
                width=6,
            )
        )
        .with_panel(
            number(
                "Series",
                "Samples of one scrape of all chosen machines.",
                "short",
                now(f"sum({once(f'scrape_samples_scraped{{{SCOPE}}}')})", "series"),
                empty=NO_EXPORTER,
                width=6,
            )
        )
        .with_panel(
            number(
                "Labeler's last poll",
                "Time since the labeler last asked Prometheus for finished runs.",
                "s",
                now("max(time() - gramwatt_labeler_last_poll_timestamp_seconds)", "ago"),
                thresholds=late,
                empty="The labeler does not run, or is not scraped: gramwatt-labeler watch",
                width=6,
            )
        )
    )


def _answering() -> str:
    answer = f"count(group by (instance) ({gauge('build_info')}))"
    known = f"count(group by (instance) ({last('snapshot_timestamp_seconds')}))"
    failing = f"(count({gauge('sensor_up', _WRONG)} == 0) or vector(0))"
    return with_labels(
        answer,
        known=as_label("known", known),
        alerts=as_label("alerts", f"(count({ALERTS}) or vector(0))"),
        failing=as_label("failing", failing),
    )


def _tables(page: dashboard.Dashboard) -> dashboard.Dashboard:
    refused = gained("grid_refresh_failures_total")
    return (
        page.with_panel(alerts_table())
        .with_panel(
            rows(
                "Sensors that fail",
                "Meters that should deliver and do not. `gramwatt-exporter sensors` says what to do.",
                "short",
                rows_of(f"max by (instance, sensor, reason) ({gauge('sensor_up', _WRONG)} == 0)"),
                columns={"instance": "Machine", "sensor": "Sensor", "reason": "Why not"},
                hidden=["Value"],
                links={"Machine": link("Open this machine", "gramwatt-machine", instance="Machine")},
                empty="Every meter that exists here delivers.",
                height=8,
            )
        )
        .with_panel(
            rows(
                "Grid providers",
                "Fetches of grid intensity that failed in the chosen time range, and why.",
                "short",
                rows_of(f"sum by (provider, reason) ({refused}) > 0"),
                columns={"provider": "Provider", "reason": "Why", "Value": "Failures"},
                decimals={"Failures": 0},
                links={"Provider": link("Open the grid", "gramwatt-grid")},
                sort_by="Failures",
                empty="No fetch failed.",
                width=6,
                height=8,
            )
        )
        .with_panel(
            rows(
                "Labeler",
                "What the labeler has done since it started, and what failed.",
                "short",
                rows_of(
                    either(
                        labelled("sum by (result) (gramwatt_labeler_windows_total)", "what", "runs"),
                        labelled("sum(gramwatt_labeler_windows_waiting)", "what", "runs that wait"),
                        labelled(
                            "sum by (reason) (gramwatt_labeler_poll_failures_total) > 0",
                            "what",
                            "polls that failed",
                        ),
                        labelled(
                            "sum by (reason) (gramwatt_labeler_window_failures_total) > 0",
                            "what",
                            "runs that failed",
                        ),
                        labelled(
                            "sum(gramwatt_labeler_annotation_failures_total) > 0",
                            "what",
                            "annotations that failed",
                        ),
                    )
                ),
                columns={"what": "What", "result": "Result", "reason": "Why", "Value": "Count"},
                decimals={"Count": 0},
                links={"What": link("Open the runs", "gramwatt-runs")},
                sort_by="Count",
                empty="The labeler does not run, or is not scraped: gramwatt-labeler watch",
                width=8,
                height=8,
            )
        )
        .with_panel(
            rows(
                "How it works here",
                "How exits and processor times of each machine are read, and which version runs.",
                "short",
                rows_of(f"max by (instance, version, python) ({gauge('build_info')})"),
                rows_of(f"max by (instance, mode) ({gauge('exit_mode_info')})"),
                rows_of(f"sum by (instance) ({gauge('processes')})"),
                columns={
                    "instance": "Machine",
                    "version": "Version",
                    "mode": "Exits by",
                    "Value #C": "Processes",
                    "python": "Python",
                },
                hidden=["Value #A", "Value #B"],
                decimals={"Processes": 0},
                links={"Machine": link("Open this machine", "gramwatt-machine", instance="Machine")},
                sort_by="Processes",
                empty=NO_EXPORTER,
                width=10,
                height=8,
            )
        )
        .with_panel(
            lines(
                "Slowest samples",
                "How long samples take on the eight slowest machines.",
                "s",
                over_time(
                    leading(8, f"max by (instance) ({gauge('sample_duration_seconds')})"), "{{instance}}"
                ),
                empty=NO_EXPORTER,
            )
        )
        .with_panel(
            lines(
                "Meters that repeat or reset",
                "Steps of counters that were a reset or implausible and therefore not booked, by machine.",
                "short",
                over_time(
                    leading(8, f"sum by (instance) ({rate('meter_resets_total', window='1h')} * 3600) > 0"),
                    "{{instance}}, an hour",
                ),
                empty="No counter of a meter was reset in this time range.",
            )
        )
    )
