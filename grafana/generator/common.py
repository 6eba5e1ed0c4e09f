"""Quantities that several dashboards show, each defined once."""

from __future__ import annotations

from .queries import AVERAGE, FINISHED, OPEN, either, gained, gauge, mean, once, rate, select, sentence

POWER = gauge("device_power_watts")
MEASURED_POWER = gauge("device_power_watts", 'source!="estimate"')
# One sigma in watts. Errors of devices add up as if they all went the same way: meters share their causes.
SIGMA = (
    f"{POWER} * on (job, instance, component, device) group_left () {gauge('device_power_uncertainty_ratio')}"
)
ENERGY = gained("device_energy_joules_total")
EMISSIONS = gained("device_emissions_grams_total")
COST = gained("energy_cost_total")
ENERGY_RATE = rate("device_energy_joules_total")
EMISSIONS_RATE = rate("device_emissions_grams_total")
# Grams per second at this moment.
EMISSIONS_NOW = mean("device_emissions_grams_total")

INTENSITY = f"max by (grid_zone) ({gauge('grid_intensity_grams_per_kilowatt_hour', AVERAGE)})"
INTENSITY_AT_END = (
    f"max by (grid_zone) ({once(select('grid_intensity_grams_per_kilowatt_hour', AVERAGE) + ' @ end()')})"
)
# Share of the last seven days, in percent, in which the grid was cleaner than it is now.
DIRTIER_THAN = f"100 * avg_over_time(({INTENSITY} < bool on (grid_zone) {INTENSITY_AT_END})[7d:15m])"

NO_PROCESSES = "No process is listed. Set `process: {series: 50}` in exporter.yml"


def intensity_said(intensity: str, dirtier: str, labels: str) -> str:
    """The intensity by zone with a sentence in the label "said". ``dirtier`` is the share of the last seven days that
    was cleaner, in percent; ``labels`` are those by which the intensity was chosen."""
    share = f'count_values by (grid_zone) ("share", round({dirtier}))'
    by_year = labels + ',method="annual"'
    annual = f"group by (grid_zone) ({gauge('grid_intensity_info', by_year)})"
    known = f"({intensity} * on (grid_zone) group_left (share) {share} unless on (grid_zone) {annual})"
    constant = f"({intensity} and on (grid_zone) {annual})"
    return either(
        sentence(
            f'label_replace({known}, "zone", "$1: dirtier than", "grid_zone", "(.*)")',
            "",
            "zone",
            "",
            "share",
            "% of the last 7 days",
        ),
        sentence(
            f'label_replace({constant}, "zone", "$1: its yearly average;", "grid_zone", "(.*)")',
            "",
            "zone",
            "nothing is known of its hours",
        ),
    )


# pid="" are the rows "other", "departed" and "entering"; the last two jump when a process leaves or enters the list.
PROCESS_POWER = gauge("process_power_watts", 'pid!=""')
OTHER_POWER = gauge("process_power_watts", 'pid="",command="other"')

# What is spent, the limit and the forecast of all machines together: a budget of one name is one budget everywhere.
# The names are those of prometheus/generator; tests/contract holds them to the rules.
LIMIT = "budget:gramwatt_budget_limit_grams:max"
PERIOD = "budget:gramwatt_budget_period_seconds:max"
START = "budget:gramwatt_budget_period_start_timestamp_seconds:max"
END = "budget:gramwatt_budget_period_end_timestamp_seconds:max"
SPENT = "budget:gramwatt_budget_period_emissions_grams:sum"
SPENT_RATIO = "budget:gramwatt_budget_period_emissions_grams:ratio"
EXHAUSTED = "budget:gramwatt_budget_exhausted_timestamp_seconds:forecast"
# How far a forecast is compared: a calendar period to its end, a rolling one over its length.
HORIZON = f"(({END} > time() + 60) or on (budget) (time() + {PERIOD}))"
LASTS_UNTIL = f"min by (budget) ({EXHAUSTED} < on (budget) {HORIZON})"

_FIRING = 'alertname=~"Gramwatt.+",alertstate="firing",severity!="none"'
ALERTS = f"max by (alertname, severity, instance, budget) (ALERTS{{{_FIRING}}})"
SEVERITIES = {
    "critical": ("critical", "red"),
    "warning": ("warning", "orange"),
    "info": ("info", "blue"),
}

# Empty states that several panels share.
NO_EXPORTER = (
    "No reading in this time range: it has just begun, or no exporter answers. Start one with `gramwatt-exporter`, or "
    "`make up`, and see that Prometheus scrapes it: docs/install.md"
)
SET_ZONE = "echo GRAMWATT_INTENSITY_ZONE=FR >> .env && make up"
NO_ZONE = f"No CO2: no grid zone is set. With your zone for FR, in a checkout: {SET_ZONE}"
NO_RUNS = "No recorded run here. Record one: gramwatt run --name test --phase training -- python train.py"
ADD_BUDGET = "make budget ARGS='add whole-machine --limit 10kg --period month'"
NO_BUDGET = (
    "No budget is set. Installed from a package: `gramwatt-exporter budgets add`, see docs/budgets.md. In a checkout: "
    f"{ADD_BUDGET}"
)
# A curve over a week is empty, too, while a budget is young.
NO_BUDGET_CURVE = f"Nothing to draw in this time range yet. If no budget is set, in a checkout: {ADD_BUDGET}"
NO_RULES = "No recorded rules: let Prometheus load prometheus/rules/*.yml"


def running(window: str) -> str:
    """Keeps the curves of runs while they are open: a rate over a window goes on after their end."""
    return (
        f"and on (job, instance, {window}) ({select('window_state', OPEN)} == 1) "
        f"unless on (job, instance, {window}) ({select('window_state', FINISHED)} == 1)"
    )
