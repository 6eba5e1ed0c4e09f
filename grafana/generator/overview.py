"""The first page: power, who draws it, what it emits, recorded windows, budgets, and whether to trust it."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from .parts import (
    COMPONENT_COLOURS,
    PART_COLOURS,
    bars,
    board,
    lines,
    now,
    number,
    over_time,
    rows,
    rows_of,
    select,
    steps,
)
from .windows import window_table

POWER = select("device_power_watts")
ENERGY = select("device_energy_joules_total")
EMISSIONS = select("device_emissions_grams_total")
UNCERTAINTY = select("device_power_uncertainty_ratio")
# One sigma in watts. Errors of devices add up as if they all went the same way: meters share their causes.
SIGMA = f"{POWER} * on (job, instance, component, device) group_left () {UNCERTAINTY}"


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-overview``."""
    page = board(
        "gramwatt-overview",
        "Gramwatt / Overview",
        "Power and CO2 of machines, their devices, processes and recorded windows.",
        "now-1h",
    )
    for section in (_headline, _power, _consumers, _emissions, _windows, _budgets, _health):
        page = section(page)
    return page


def _headline(page: dashboard.Dashboard) -> dashboard.Dashboard:
    by_sensors = select("device_power_watts", 'source!="estimate"')
    measured = f"(sum({by_sensors}) or 0 * sum({POWER}))"
    return (
        page.with_row(dashboard.Row("Now"))
        .with_panel(
            number(
                "Power",
                "What all devices of the chosen machines draw, as the mean of the last sampling interval.",
                "watt",
                over_time(f"sum({POWER})", "power"),
                graph=True,
            )
        )
        .with_panel(
            number(
                "Emissions",
                "CO2 equivalent per hour at the power and the grid intensity of this moment. "
                "No data: no grid zone is configured, which means unknown and not zero.",
                "suffix: g/h",
                over_time(f"3600 * sum(rate({EMISSIONS}[$__rate_interval]))", "emissions"),
                graph=True,
                decimals=1,
            )
        )
        .with_panel(
            number(
                "Energy",
                "Energy of all devices in the chosen time range.",
                "watth",
                now(f"sum(increase({ENERGY}[$__range])) / 3600", "energy"),
            )
        )
        .with_panel(
            number(
                "CO2",
                "CO2 equivalent of all devices in the chosen time range.",
                "massg",
                now(f"sum(increase({EMISSIONS}[$__range]))", "CO2"),
            )
        )
        .with_panel(
            number(
                "Measured",
                "Share of the power that sensors measure. The rest is a model's estimate.",
                "percentunit",
                now(f"{measured} / sum({POWER})", "measured"),
                decimals=0,
                thresholds=steps((None, "orange"), (0.5, "yellow"), (0.9, "green")),
            )
        )
        .with_panel(
            number(
                "Uncertainty",
                "One sigma of the power as a share of it: about 5 % where measured, up to 50 % where modelled.",
                "percentunit",
                now(f"sum({SIGMA}) / sum({POWER})", "uncertainty"),
                decimals=0,
                thresholds=steps((None, "green"), (0.1, "yellow"), (0.3, "orange")),
            )
        )
    )


def _power(page: dashboard.Dashboard) -> dashboard.Dashboard:
    partition = select("device_energy_partition_joules_total")
    return (
        page.with_row(dashboard.Row("Power"))
        .with_panel(
            lines(
                "Power by component",
                "Processors, memory, graphics cards and the rest of the machine. They add up to the node.",
                "watt",
                over_time(f"sum by (component) (rate({ENERGY}[$__rate_interval]))", "{{component}}"),
                stacked=True,
                colours=COMPONENT_COLOURS,
            )
        )
        .with_panel(
            lines(
                "Where the power goes",
                "The draw of the idle machine, running processes, processes that have ended, and what nobody can "
                "be charged for. The parts add up to the node.",
                "watt",
                over_time(f"sum by (part) (rate({partition}[$__rate_interval]))", "{{part}}"),
                stacked=True,
                colours=PART_COLOURS,
            )
        )
        .with_panel(
            lines(
                "Power by device",
                "Each device and the source of its number.",
                "watt",
                over_time(POWER, "{{instance}} {{device}} ({{source}})"),
            )
        )
        .with_panel(
            lines(
                "Power with its uncertainty",
                "The power, and one sigma below and above.",
                "watt",
                over_time(f"sum({POWER}) + sum({SIGMA})", "high"),
                over_time(f"sum({POWER})", "power"),
                over_time(f"sum({POWER}) - sum({SIGMA})", "low"),
                colours={"high": "text", "power": "blue", "low": "text"},
            )
        )
    )


def _consumers(page: dashboard.Dashboard) -> dashboard.Dashboard:
    # pid="" are the rows "other" and "departed"; the latter jumps when a process leaves the list.
    process_power = select("process_power_watts", 'pid!=""')
    process_emissions = select("process_emissions_grams_total", 'pid!=""')
    others = select("process_power_watts", 'pid="",command="other"')
    who = "instance, pid, command, workload, user"
    hottest = f"topk(15, sum by ({who}) ({process_power}))"
    workload_energy = select("workload_energy_joules_total")
    workload_emissions = select("workload_emissions_grams_total")
    workload = "workload, user"
    return (
        page.with_row(dashboard.Row("Who"))
        .with_panel(
            rows(
                "Hottest processes",
                "Processes by what they draw now; those without a PID are all others of a machine. The CO2 is what "
                "they have caused in the chosen time range.",
                "watt",
                rows_of(f"{hottest} or sum by ({who}) ({others})"),
                rows_of(f"sum by ({who}) (increase({process_emissions}[$__range])) and {hottest}"),
                columns={
                    "command": "Command",
                    "pid": "PID",
                    "user": "User",
                    "workload": "Workload",
                    "instance": "Machine",
                    "Value #A": "Power",
                    "Value #B": "CO2",
                },
                units={"CO2": "massg"},
                sort_by="Power",
                width=14,
                height=11,
            )
        )
        .with_panel(
            bars(
                "Workloads",
                "Power of units, containers, pods, jobs and sessions, ended processes included, over five minutes.",
                "watt",
                now(
                    f"topk(10, sum by ({workload}) (rate({workload_energy}[5m])))", "{{workload}} ({{user}})"
                ),
                width=10,
                height=11,
            )
        )
        .with_panel(
            lines(
                "Power of the largest workloads",
                "The eight workloads with the most energy in the chosen time range.",
                "watt",
                over_time(
                    f"sum by ({workload}) (rate({workload_energy}[$__rate_interval])) and "
                    f"topk(8, sum by ({workload}) (increase({workload_energy}[$__range] @ end())))",
                    "{{workload}} ({{user}})",
                ),
                width=14,
            )
        )
        .with_panel(
            rows(
                "Users",
                "Energy and CO2 of everything a user ran in the chosen time range.",
                "watth",
                rows_of(f"sum by (user) (increase({workload_energy}[$__range])) / 3600"),
                rows_of(f"sum by (user) (increase({workload_emissions}[$__range]))"),
                columns={"user": "User", "Value #A": "Energy", "Value #B": "CO2"},
                units={"CO2": "massg"},
                sort_by="Energy",
                width=10,
                height=8,
            )
        )
    )


def _emissions(page: dashboard.Dashboard) -> dashboard.Dashboard:
    grid = "grid_zone, provider, basis"
    timestamp = select("grid_intensity_timestamp_seconds")
    return (
        page.with_row(dashboard.Row("Emissions and grid"))
        .with_panel(
            lines(
                "Emissions by component",
                "Energy times the grid intensity in force at that moment. No data: no grid zone is configured.",
                "suffix: g/h",
                over_time(
                    f"3600 * sum by (component) (rate({EMISSIONS}[$__rate_interval]))",
                    "{{component}}",
                ),
                stacked=True,
                colours=COMPONENT_COLOURS,
            )
        )
        .with_panel(
            lines(
                "Grid intensity",
                "Grams of CO2 equivalent for each kilowatt-hour. Marginal intensity answers another question than "
                "the average: never add the two.",
                "suffix: g/kWh",
                over_time(
                    f"max by ({grid}) ({select('grid_intensity_grams_per_kilowatt_hour')})",
                    "{{grid_zone}} {{basis}} ({{provider}})",
                ),
            )
        )
        .with_panel(
            rows(
                "Intensity: age and method",
                "How the numbers in force were obtained and how old they are. A yearly average is old by nature.",
                "s",
                rows_of(
                    f"time() - max by (instance, {grid}) ({timestamp})",
                ),
                rows_of(
                    f"max by (instance, {grid}, method, factor) ({select('grid_intensity_info')})",
                ),
                columns={
                    "instance": "Machine",
                    "grid_zone": "Zone",
                    "provider": "Provider",
                    "basis": "Basis",
                    "method": "Method",
                    "factor": "Factor",
                    "Value #A": "Age",
                },
                hidden=["Value #B"],
                width=12,
                height=7,
            )
        )
        .with_panel(
            lines(
                "Energy by the intensity that priced it",
                'Power by method and provider. "none" is energy whose emissions nobody knows.',
                "watt",
                over_time(
                    f"sum by (provider, method) (rate({select('priced_energy_joules_total')}[$__rate_interval]))",
                    "{{method}} {{provider}}",
                ),
                stacked=True,
                height=7,
            )
        )
    )


def _windows(page: dashboard.Dashboard) -> dashboard.Dashboard:
    return page.with_row(dashboard.Row("Recorded windows")).with_panel(window_table(width=24, height=9))


def _budgets(page: dashboard.Dashboard) -> dashboard.Dashboard:
    limit = f"max by (budget) ({select('budget_limit_grams')})"
    period = f"max by (budget) ({select('budget_period_seconds')})"
    total = select("budget_emissions_grams_total")
    return (
        page.with_row(dashboard.Row("Budgets"))
        .with_panel(
            bars(
                "Budget spent",
                "Emissions of the current period as a share of the limit. Budgets of one name on several machines "
                "are one budget.",
                "percentunit",
                now(
                    f"sum by (budget) ({select('budget_period_emissions_grams')}) / on (budget) {limit}",
                    "{{budget}}",
                ),
                thresholds=steps((None, "green"), (0.8, "orange"), (1, "red")),
                maximum=1,
                width=12,
                height=7,
            )
        )
        .with_panel(
            lines(
                "Budget burn rate",
                "How fast budgets are being spent, over one hour. 1 spends exactly the budget.",
                "suffix: ×",
                over_time(
                    f"sum by (budget) (rate({total}[1h])) / on (budget) ({limit} / on (budget) {period})",
                    "{{budget}}",
                ),
                decimals=2,
                thresholds=steps((None, "green"), (1, "orange")),
                height=7,
            )
        )
    )


def _health(page: dashboard.Dashboard) -> dashboard.Dashboard:
    snapshot = select("snapshot_timestamp_seconds")
    saved = select("state_saved_timestamp_seconds")
    return (
        page.with_row(dashboard.Row("Health"))
        .with_panel(
            number(
                "Machines reporting",
                "Exporters that answered the last scrape.",
                "short",
                now(f"count({select('build_info')})", "up"),
                decimals=0,
                width=4,
            )
        )
        .with_panel(
            number(
                "Age of the last sample",
                "The oldest of the chosen machines.",
                "s",
                now(f"max(time() - {snapshot})", "age"),
                decimals=0,
                thresholds=steps((None, "green"), (60, "orange"), (120, "red")),
                width=4,
            )
        )
        .with_panel(
            number(
                "Counters saved",
                "Time since the counters were last saved, of the machine that waits longest. No data: no state "
                "directory is in use, so that a restart begins at zero.",
                "s",
                now(f"max({snapshot} - {saved})", "age"),
                decimals=0,
                thresholds=steps((None, "green"), (300, "orange"), (600, "red")),
                width=4,
            )
        )
        .with_panel(
            number(
                "Sample time",
                "The slowest last sample of the chosen machines.",
                "s",
                now(f"max({select('sample_duration_seconds')})", "duration"),
                width=3,
            )
        )
        .with_panel(
            number(
                "Processes",
                "Processes known at the last sample.",
                "short",
                now(f"sum({select('processes')})", "processes"),
                decimals=0,
                width=3,
            )
        )
        .with_panel(
            number(
                "Failed samples",
                "Samples that ended in an error in the chosen time range.",
                "short",
                now(f"sum(increase({select('sample_failures_total')}[$__range]))", "failures"),
                decimals=0,
                thresholds=steps((None, "text"), (1, "orange")),
                width=3,
            )
        )
        .with_panel(
            number(
                "Exits lost",
                "Ended processes the kernel could not report, as a share. Their energy is unattributed.",
                "percentunit",
                now(
                    f"sum(increase({select('exits_lost_total')}[$__range])) / "
                    f"(sum(increase({select('exits_lost_total')}[$__range])) + "
                    f"sum(increase({select('exits_observed_total')}[$__range])))",
                    "lost",
                ),
                decimals=1,
                thresholds=steps((None, "green"), (0.01, "orange")),
                width=3,
            )
        )
        .with_panel(
            rows(
                "Sensors",
                "1 while a sensor delivers. Absent and disabled sensors are normal; denied, error and lost are not.",
                "short",
                rows_of(f"max by (instance, sensor, reason) ({select('sensor_up')})"),
                columns={"instance": "Machine", "sensor": "Sensor", "Value": "State", "reason": "Why not"},
                colours={"State": {"1": ("up", "green"), "0": ("down", "text")}},
                sort_by="State",
                width=12,
                height=8,
            )
        )
        .with_panel(
            rows(
                "Firing alerts",
                "Gramwatt's alerts that fire now. Their runbooks are in docs/runbooks.",
                "short",
                rows_of(
                    "max by (alertname, severity, instance, budget) "
                    '(ALERTS{alertname=~"Gramwatt.+",alertstate="firing",severity!="none"})'
                ),
                columns={
                    "severity": "Severity",
                    "alertname": "Alert",
                    "instance": "Machine",
                    "budget": "Budget",
                },
                colours={
                    "Severity": {
                        "critical": ("critical", "red"),
                        "warning": ("warning", "orange"),
                        "info": ("info", "blue"),
                    }
                },
                hidden=["Value"],
                nothing="No alert fires.",
                width=12,
                height=8,
            )
        )
    )
