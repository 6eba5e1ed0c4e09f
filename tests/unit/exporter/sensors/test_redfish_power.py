"""What controllers of many makers state as the machine's power, and which of their chassis are the machine."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.sensors.drivers.redfish.chassis import Chassis, machine
from gramwatt_exporter.sensors.drivers.redfish.power import figure, reading_of


def control(**fields: Any) -> dict[str, Any]:
    return {"PowerControl": [fields]}


FUJITSU = {
    "PowerControl": [{"PowerConsumedWatts": None}],
    "Oem": {
        "ts_fujitsu": {
            "PsuSumStatus": "OK",
            "ChassisPowerSensors": [
                {"Designation": "PSU1 Power", "CurrentPowerConsumptionW": 80},
                {"Designation": "PSU2 Power", "CurrentPowerConsumptionW": 70},
            ],
            "ChassisPowerConsumption": {
                "MinimumPowerW": 140,
                "PeakPowerW": 195,
                "AveragePowerW": 156,
                "CurrentMaximumPowerW": 1720,
                "CurrentPowerConsumptionW": 150,
            },
        }
    },
}
LENOVO = {
    "PowerControl": [
        {"Name": "CPU Sub-system Power", "PowerConsumedWatts": 90},
        {"Name": "Memory Sub-system Power", "PowerConsumedWatts": 20},
        {"Name": "Server Power Control", "PowerConsumedWatts": 214},
    ]
}
SUPPLIES = {
    "PowerControl": [{"PowerConsumedWatts": None, "PowerCapacityWatts": 1600}],
    "PowerSupplies": [
        {"PowerInputWatts": 130, "LastPowerOutputWatts": 120, "Status": {"State": "Enabled"}},
        {"PowerInputWatts": None, "LastPowerOutputWatts": 100, "Status": {"State": "Enabled"}},
        {"PowerInputWatts": None, "Status": {"State": "Absent"}},
    ],
}


@pytest.mark.parametrize(
    ("resource", "watts"),
    [
        ({"PowerWatts": {"Reading": 100.5}}, 100.5),
        ({"PowerWatts": {"Reading": 0.344, "ReadingUnits": "kW"}}, 344),
        ({"PowerWatts": {"Reading": 344_000, "ReadingUnits": "mW"}}, 344),
        ({"InputPowerWatts": {"Reading": 180}}, 180),  # PowerSupplyMetrics
        ({"ReadingType": "Power", "ReadingUnits": "W", "Reading": 231}, 231),  # Dell's sensor of the board
        ({"ReadingType": "Temperature", "ReadingUnits": "Cel", "Reading": 41}, None),
        (control(PowerConsumedWatts=344), 344),
        (control(PowerConsumedWatts="344"), 344),
        (control(PowerConsumedWatts="344 W"), 344),
        (control(PowerConsumedWatts="0.344 kW"), 344),
        ({"PowerConsumedWatts": 166, "PowerCapacityWatts": 900}, 166),  # iLO 4
        (control(PowerConsumedWatts=None, Oem={"Vendor": {"PowerConsumedWatts": 318}}), 318),
        (control(PowerConsumedWatts=0, Oem={"Vendor": {"CurrentPowerConsumption": "318 Watts"}}), 318),
        (control(PowerConsumedWatts=None, Oem={"V": {"PowerLimitWatts": 500, "PowerCapInput": 300}}), None),
        (control(PowerConsumedWatts=None, PowerMetrics={"IntervalInMin": 1, "AverageConsumedWatts": 90}), 90),
        (
            control(PowerConsumedWatts=None, PowerMetrics={"IntervalInMin": 60, "AverageConsumedWatts": 90}),
            None,
        ),
        # Milliwatts without a word: no machine draws more than its supplies can give.
        (control(PowerConsumedWatts=344_000), None),
        (control(PowerConsumedWatts=9_000, PowerCapacityWatts=800), None),
        (FUJITSU, 150),
        (LENOVO, 214),
        (SUPPLIES, 230),
        (
            {"PowerSupplies": [{"PowerInputWatts": 130}, {"PowerInputWatts": None}]},
            None,
        ),  # half of a sum is none
        # A figure counts more than the state beside it.
        ({"PowerSupplies": [{"PowerInputWatts": 99, "Status": {"State": "Disabled"}}]}, 99),
        ({"PowerControl": [{"PowerConsumedWatts": 99, "Status": {"State": "Disabled"}}]}, 99),
        ({"PowerWatts": None, "PowerControl": None}, None),
        ({"PowerControl": ["text", None]}, None),
        ({"PowerControl": {}}, None),
        ({}, None),
        (control(PowerConsumedWatts=0), 0),
    ],
)
def test_power_is_found_where_the_maker_puts_it(resource: dict[str, Any], watts: float | None) -> None:
    assert reading_of(resource) == pytest.approx(watts)


@pytest.mark.parametrize("text", ["", "n/a", "344 V", "-5", "nan", "inf", "1e999", None, [], {}, True])
def test_what_is_no_figure(text: Any) -> None:
    assert figure(text) is None


def names(*found: Chassis, of_system: set[str] = frozenset(), **within: str) -> list[str]:  # type: ignore[assignment]
    links = {chassis.path: chassis.within for chassis in found if chassis.within} | within
    return [chassis.path for chassis in machine(found, links, of_system)]


def box(path: str, kind: str = "", within: str = "", power: str = "") -> Chassis:
    return Chassis(path, kind, within, [power or f"{path}/Power"])


def test_a_part_is_not_added_to_what_contains_it() -> None:
    assert names(box("1", "RackMount"), box("tray", "", "board"), board="1") == ["1"]
    assert names(box("tray", "", "1")) == ["tray"]  # what contains it states no power


def test_an_enclosure_with_other_machines_is_not_this_machine() -> None:
    assert names(box("enclosure", "Enclosure"), box("sled", "Sled", "enclosure")) == ["sled"]
    assert names(box("rack", "Rack"), box("blade", "Blade")) == ["blade"]
    assert names(box("enclosure", "Enclosure")) == ["enclosure"]  # it alone states power


def test_the_system_says_which_chassis_it_stands_in() -> None:
    shelf, node, other = box("shelf", "Shelf"), box("a", "Sled", "shelf"), box("b", "Sled", "shelf")
    assert names(shelf, node, other, of_system={"a"}) == ["a"]
    # One that states no power says nothing about those that do.
    assert names(node, of_system={"c"}) == ["a"]


def test_modules_beside_the_machine_are_parts_of_it() -> None:
    parts = [box(f"HGX_GPU_{number}", "Component") for number in range(8)]
    assert names(box("1", "RackMount"), *parts) == ["1"]
    assert names(*parts) == [f"HGX_GPU_{number}" for number in range(8)]


def test_one_resource_of_two_chassis_counts_once() -> None:
    assert names(box("1", power="/p"), box("self", power="/p")) == ["1"]


def test_chassis_that_contain_each_other_end_the_search() -> None:
    assert names(box("a", "", "b"), box("b", "", "a"), box("c")) in (["c"], ["a", "c"], ["b", "c"])
