"""Grid: is the electricity dirty now, and when will it be clean."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from .boards import board, one_of
from .common import NO_ZONE, intensity_said
from .panels import columns, lines, link, meters, now, number, over_time, rows, rows_of, steps
from .queries import SCOPE, THREE_HOURS, gauge, mean, once, percent, rate, select, top, with_labels

_ZONE = 'grid_zone=~"$zone"'
_AVERAGE = _ZONE + ',basis="average"'
_MARGINAL = _ZONE + ',basis="marginal"'
_GRID = "grid_zone, provider, basis"
INTENSITY = f"max by (grid_zone) ({gauge('grid_intensity_grams_per_kilowatt_hour', _AVERAGE)})"
AT_END = (
    f"max by (grid_zone) ({once(select('grid_intensity_grams_per_kilowatt_hour', _AVERAGE) + ' @ end()')})"
)
# The band of eight tenths of the time.
_HIGH, _LOW = "90 % of 7 days below", "10 % of 7 days below"
_LEVELS = ((None, "green"), (150, "yellow"), (450, "red"))
NO_FORECAST = (
    "The provider gives no forecast. Those of carbonintensity_uk, electricitymaps and watttime do: "
    "docs/intensity.md"
)


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-grid``."""
    zones = f"label_values(gramwatt_grid_intensity_grams_per_kilowatt_hour{{{SCOPE}}}, grid_zone)"
    page = board(
        "gramwatt-grid",
        "Gramwatt / Grid",
        "Carbon intensity of the grid: now, against the last seven days, and when the forecast is cleanest.",
        "now-2d",
        refresh="1m",
    ).with_variable(one_of("zone", "Grid zone", zones))
    return _provenance(_curves(_now(page)))


def _now(page: dashboard.Dashboard) -> dashboard.Dashboard:
    age = f"time() - max by (grid_zone) ({gauge('grid_intensity_timestamp_seconds', _AVERAGE)})"
    cleaner = f"avg_over_time(({INTENSITY} < bool on (grid_zone) {AT_END})[7d:15m])"
    best = f"min({gauge('grid_best_start_timestamp_seconds', _ZONE + ',' + THREE_HOURS)})"
    cleanest = f"min({gauge('grid_best_intensity_grams_per_kilowatt_hour', _ZONE + ',' + THREE_HOURS)})"
    return (
        page.with_panel(
            number(
                "Intensity now",
                "Grams of CO2 equivalent for each kilowatt-hour at this moment, and the share of the last seven days "
                "in which the grid was cleaner. Green is below 150, red above 450, about the mean of the world.",
                "suffix:g/kWh",
                now(intensity_said(INTENSITY, f"100 * {cleaner}", _AVERAGE), "{{said}}"),
                sentence=True,
                decimals=0,
                thresholds=steps(*_LEVELS),
                empty=NO_ZONE,
                width=6,
            )
        )
        .with_panel(
            number(
                "Clean again",
                "When the cleanest three hours of the forecast begin, and how much cleaner they are than now.",
                "time:ddd HH:mm",
                now(
                    with_labels(
                        f"1000 * {best}", saved=percent("saved", f"(1 - {cleanest} / max({INTENSITY}))")
                    ),
                    "the cleanest 3 hours begin, {{saved}} % cleaner than now",
                ),
                sentence=True,
                empty=NO_FORECAST,
                width=6,
            )
        )
        .with_panel(
            number(
                "Renewable",
                "Shares of the production of the grid at this moment, where the provider says so.",
                "percentunit",
                now(f"max by (grid_zone) ({gauge('grid_renewable_ratio', _ZONE)})", "renewable"),
                now(f"max by (grid_zone) ({gauge('grid_fossil_ratio', _ZONE)})", "fossil"),
                decimals=0,
                empty="The provider does not say how the electricity is generated.",
                width=6,
            )
        )
        .with_panel(
            number(
                "Age",
                "How old the intensity in force is. Above two hours it is the best that is known and no "
                "longer of now.",
                "s",
                now(age, "age"),
                thresholds=steps((None, "green"), (7200, "orange"), (21600, "red")),
                empty=NO_ZONE,
                width=6,
            )
        )
    )


def _curves(page: dashboard.Dashboard) -> dashboard.Dashboard:
    week = "[7d:15m]"
    forecast = gauge("grid_intensity_forecast_grams_per_kilowatt_hour", _ZONE)
    start = f"min by (hours) ({gauge('grid_best_start_timestamp_seconds', _ZONE)})"
    cleanest = f"min by (hours) ({gauge('grid_best_intensity_grams_per_kilowatt_hour', _ZONE)})"
    return (
        page.with_panel(
            lines(
                "Intensity",
                "The intensity, and the span in which it was for eight tenths of the seven days before.",
                "suffix:g/kWh",
                over_time(f"quantile_over_time(0.9, {INTENSITY}{week})", _HIGH),
                over_time(INTENSITY, "{{grid_zone}}"),
                over_time(f"quantile_over_time(0.1, {INTENSITY}{week})", _LOW),
                colours={_HIGH: "text", _LOW: "text"},
                bands={_HIGH: _LOW},
                empty=NO_ZONE,
                width=24,
            )
        )
        .with_panel(
            columns(
                "Forecast by hours from now",
                "What the provider expects, by hours from now.",
                "suffix:g/kWh",
                rows_of(f"min by (horizon_hours) ({forecast})"),
                label="horizon_hours",
                shown="Hours from now",
                thresholds=steps(*_LEVELS),
                empty=NO_FORECAST,
                width=14,
            )
        )
        .with_panel(
            rows(
                "Cleanest hours",
                "When to begin something that takes one, two, three or four hours, by the forecast, and "
                "how much cleaner that is than now.",
                "suffix:g/kWh",
                rows_of(f"1000 * {start}"),
                rows_of(cleanest),
                rows_of(f"1 - {cleanest} / on () group_left () max({INTENSITY})"),
                columns={
                    "hours": "Hours",
                    "Value #A": "Begin",
                    "Value #B": "Intensity",
                    "Value #C": "Saved against now",
                },
                units={"Begin": "dateTimeAsLocal", "Saved against now": "percentunit"},
                decimals={"Intensity": 0, "Saved against now": 0},
                sort_by="Hours",
                ascending=True,
                empty=NO_FORECAST,
                width=10,
                height=8,
            )
        )
        .with_panel(
            meters(
                "Mix",
                "How the electricity is generated at this moment, where the provider says so.",
                "percentunit",
                now(f"max by (way) ({gauge('grid_generation_ratio', _ZONE)})", "{{way}}"),
                maximum=1,
                empty="The provider does not say how the electricity is generated. Those that do: docs/intensity.md",
            )
        )
        .with_panel(
            lines(
                "Marginal intensity",
                "What one more kilowatt-hour causes. It answers another question than the average: never "
                "add the two.",
                "suffix:g/kWh",
                over_time(
                    f"max by (provider) ({gauge('grid_intensity_grams_per_kilowatt_hour', _MARGINAL)})",
                    "{{provider}}",
                ),
                empty="No provider of marginal intensity is set: docs/intensity.md",
                width=8,
            )
        )
        .with_panel(
            number(
                "Revision",
                "By how much the CO2 so far would change if intensities that were revised since were used. "
                "The counters never go back.",
                "massg",
                now(f"sum({gauge('emissions_revision_grams', _ZONE)})", "revised since"),
                now(f"3600 * sum({mean('marginal_emissions_grams_total', _ZONE)})", "marginal now"),
                units={"B": "suffix:g/h"},
                empty="Nothing was revised.",
                width=8,
                height=8,
            )
        )
    )


def _provenance(page: dashboard.Dashboard) -> dashboard.Dashboard:
    timestamp = gauge("grid_intensity_timestamp_seconds", _ZONE)
    info = gauge("grid_intensity_info", _ZONE)
    return page.with_panel(
        rows(
            "Age and method",
            "How the numbers in force were obtained and how old they are. A yearly average is old by nature.",
            "s",
            rows_of(f"time() - max by (instance, {_GRID}) ({timestamp})"),
            rows_of(f"max by (instance, {_GRID}, method, factor) ({info})"),
            columns={
                "grid_zone": "Zone",
                "provider": "Provider",
                "basis": "Basis",
                "method": "Method",
                "factor": "Factor",
                "Value #A": "Age",
                "instance": "Machine",
            },
            hidden=["Value #B"],
            links={"Machine": link("Open this machine", "gramwatt-machine", instance="Machine")},
            sort_by="Age",
            empty=NO_ZONE,
            width=14,
            height=8,
        )
    ).with_panel(
        lines(
            "Energy by the intensity that priced it",
            'Power by method and provider. "none" is energy whose emissions are not known.',
            "watt",
            over_time(
                top(8, "provider, method", rate("priced_energy_joules_total"), "priced_energy_joules_total"),
                "{{method}} {{provider}}",
            ),
            stacked=True,
            empty=NO_ZONE,
            width=10,
        )
    )
