"""Footprint: everything the machines cause, by month and by year, and what it compares to."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from .boards import board
from .common import COST, EMISSIONS, ENERGY, NO_EXPORTER, NO_ZONE
from .panels import lines, meters, note, now, number, over_time, rows, rows_of
from .queries import as_label, either, gained, labelled, once, select, with_labels

_YEAR = 365 * 86400
_OVERHEAD = gained("facility_overhead_emissions_grams_total")
_EMBODIED = gained("embodied_emissions_grams_total")
_WATER = gained("water_litres_total")
NO_EMBODIED = (
    "Nothing is set: `embodied`, `pue`, `price` and `water` in exporter.yml, see docs/configuration.md"
)

# Typical US passenger car at the tailpipe, EPA: 400 g per mile.
_GRAMS_PER_CAR_KILOMETRE = 248.5
# A phone battery of 15 Wh.
_JOULES_PER_PHONE_CHARGE = 54000
# A bulb of 10 W.
_JOULES_PER_BULB_HOUR = 36000
# A mature tree takes up about 22 kg of CO2 in a year (European Environment Agency).
_GRAMS_PER_TREE_YEAR = 22000


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-footprint``."""
    page = board(
        "gramwatt-footprint",
        "Gramwatt / Footprint",
        "All that the machines cause: operation, cooling, manufacturing, water and money, by day, month "
        "and year.",
        "now/M",
        refresh="5m",
    )
    return _months(_totals(page))


def _covered() -> str:
    """Seconds of the range for which each machine is known: a young one is projected from its own age."""
    seen = select("snapshot_timestamp_seconds")
    return (
        f"max by (instance) (max_over_time({seen}[$__range]) - "
        f"({seen} offset $__range or min_over_time({seen}[$__range])) > 0)"
    )


def _totals(page: dashboard.Dashboard) -> dashboard.Dashboard:
    def yearly(gain: str, by: str = "") -> str:
        """A gain over a year, at the speed of the time for which each machine is known."""
        labels = f"instance, {by}" if by else "instance"
        return (
            f"{_YEAR} * sum by ({by}) (sum by ({labels}) ({gain}) / on (instance) group_left () {_covered()})"
        )

    everything = f"(sum({EMISSIONS}) + (sum({_OVERHEAD}) or vector(0)) + (sum({_EMBODIED}) or vector(0)))"
    said = with_labels(
        everything, kilometres=as_label("kilometres", f"round({everything} / {_GRAMS_PER_CAR_KILOMETRE})")
    )
    return (
        page.with_panel(
            number(
                "All CO2",
                "Operation, cooling and supply, and the share of the manufacturing in the chosen time range, and how "
                "far a car drives for as much.",
                "massg",
                now(said, "with cooling and manufacturing: as much as a car emits in {{kilometres}} km"),
                sentence=True,
                empty=NO_ZONE,
                width=24,
                height=3,
            )
        )
        .with_panel(
            number(
                "In this time range",
                "Energy and operational CO2 of all devices, what they cost, and the water used for them.",
                "watth",
                now(f"sum({ENERGY}) / 3600", "energy"),
                now(f"sum({EMISSIONS})", "CO2"),
                now(f"sum by (currency) ({COST})", "{{currency}}"),
                now(f"sum({_WATER})", "water"),
                units={"B": "massg", "C": "short", "D": "litre"},
                empty=NO_EXPORTER,
                width=12,
                height=5,
            )
        )
        .with_panel(
            number(
                "Projected for a year",
                "The mean of the time for which each machine is known, over a year. It is only as typical "
                "as that time.",
                "watth",
                now(f"{yearly(ENERGY)} / 3600", "energy"),
                now(yearly(EMISSIONS), "CO2"),
                now(yearly(COST, "currency"), "{{currency}}"),
                units={"B": "massg", "C": "short"},
                empty=NO_EXPORTER,
                width=12,
                height=5,
            )
        )
        .with_panel(
            meters(
                "CO2 by cause",
                "Operation of the devices, cooling and supply around them, and the share of their "
                "manufacturing.",
                "massg",
                now(f"sum({EMISSIONS})", "operation"),
                now(f"sum({_OVERHEAD})", "cooling and supply"),
                now(f"sum by (part) ({_EMBODIED})", "manufacturing of {{part}}"),
                empty=NO_ZONE,
                width=12,
            )
        )
        .with_panel(
            rows(
                "Comparable to",
                "What all CO2, with cooling and manufacturing, and the energy of the devices compare to. The factors "
                "stand below.",
                "short",
                rows_of(
                    either(
                        labelled(f"{everything} / {_GRAMS_PER_CAR_KILOMETRE}", "what", "kilometres by car"),
                        labelled(f"{everything} / {_GRAMS_PER_TREE_YEAR}", "what", "years of a tree"),
                        labelled(f"sum({ENERGY}) / {_JOULES_PER_PHONE_CHARGE}", "what", "charges of a phone"),
                        labelled(f"sum({ENERGY}) / {_JOULES_PER_BULB_HOUR}", "what", "hours of an LED bulb"),
                    )
                ),
                columns={"Value": "Amount", "what": "Of what"},
                sort_by="Amount",
                empty=NO_EXPORTER,
                height=8,
            )
        )
    )


def _months(page: dashboard.Dashboard) -> dashboard.Dashboard:
    def per(metric: str, window: str) -> str:
        return once(f"increase({select(metric)}[{window}])")

    return (
        page.with_panel(
            lines(
                "CO2 by day",
                "Operation, cooling and manufacturing on each day.",
                "massg",
                over_time(f"sum({per('device_emissions_grams_total', '1d')})", "operation"),
                over_time(
                    f"sum({per('facility_overhead_emissions_grams_total', '1d')}) > 0", "cooling and supply"
                ),
                over_time(f"sum({per('embodied_emissions_grams_total', '1d')}) > 0", "manufacturing"),
                bars=True,
                stacked=True,
                interval="1d",
                empty=NO_ZONE,
            )
        )
        .with_panel(
            lines(
                "Energy by day",
                "Energy of all devices on each day, by component.",
                "watth",
                over_time(
                    f"sum by (component) ({per('device_energy_joules_total', '1d')}) / 3600", "{{component}}"
                ),
                bars=True,
                stacked=True,
                interval="1d",
                empty=NO_EXPORTER,
            )
        )
        .with_panel(
            lines(
                "CO2 by month",
                "Operation in each thirty days of the last year.",
                "massg",
                over_time(f"sum({per('device_emissions_grams_total', '30d')})", "operation"),
                bars=True,
                interval="30d",
                empty=NO_ZONE,
                width=16,
            ).time_from("365d")
        )
        .with_panel(
            note(
                "Factors",
                "Where the comparisons come from.",
                "A typical US passenger car emits 400 g CO2 a mile (EPA). A phone battery holds 15 Wh. An "
                "LED bulb draws 10 W. A mature tree takes up about 22 kg CO2 a year (European Environment "
                "Agency). Energy, money and water are of the machines alone; cooling and supply are energy "
                "times (PUE - 1).",
                width=8,
                height=8,
            )
        )
    )
