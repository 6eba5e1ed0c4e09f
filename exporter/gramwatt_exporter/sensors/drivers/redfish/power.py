"""The power that a Redfish resource states, in the schemas' fields and in those of vendors. Pure.

EnvironmentMetrics.PowerWatts, Power.PowerControl, PowerSupplyMetrics and Sensor: https://redfish.dmtf.org/schemas/.
Controllers leave these null and state the figure elsewhere: Fujitsu below ``Oem.ts_fujitsu`` (mrlhansen/idrac_exporter
issue 121), older HPE on the resource itself, others per supply only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

MOST_WATTS = 20_000.0  # of one machine: beyond it is another unit, or a register that nobody filled in
_CAPACITY_FACTOR = 3  # a figure beyond so many times the supplies' capacity is no watts
_LONGEST_MEAN_MINUTES = 5
_DEPTH = 5  # of a vendor's own objects

_FIGURE = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([a-z]*)\s*$", re.IGNORECASE)
_UNITS = {"": 1.0, "w": 1.0, "watt": 1.0, "watts": 1.0, "kw": 1e3, "kilowatt": 1e3, "kilowatts": 1e3,
          "mw": 1e-3, "milliwatt": 1e-3, "milliwatts": 1e-3}  # fmt: skip
# Of a vendor's own fields: which are the power of the machine now.
_NOW = re.compile(r"consum|current|input|reading|draw|total|usage|system|present|actual", re.IGNORECASE)
_NOT_NOW = re.compile(
    r"cap|limit|max|min|aver|avg|peak|rated|alloc|avail|thresh|warn|crit|budget|request|histor|lower|upper|supply"
    r"|cpu|processor|memory|mem(?=power)|dimm|fan|gpu|acceler|disk|drive|hdd|pcie|output|state|status|time|mode|factor",
    re.IGNORECASE,
)
# Of several entries of PowerControl: Lenovo has the server's and, beside it, those of CPUs and memory.
_A_PART = re.compile(
    r"cpu|processor|memory|dimm|gpu|accelerator|fan|storage|disk|drive|sub-?system", re.IGNORECASE
)
_THE_MACHINE = re.compile(r"server|system|chassis|total|node|machine", re.IGNORECASE)


def reading_of(resource: Mapping[str, Any]) -> float | None:
    """Watts that the resource states for what it belongs to; None where there is none, or a value that is none.

    0 is one: a chassis without supplies of its own draws nothing. Of several places the first with more than 0 counts.
    Negative values stand for "unknown".
    """
    zero = None
    for value in _stated(resource):
        if value is None or not _plausible(value, resource):
            continue
        if value > 0:
            return value
        zero = value
    return zero


def _stated(resource: Mapping[str, Any]) -> Iterator[float | None]:
    yield _excerpt(resource.get("PowerWatts"))
    yield _excerpt(resource.get("InputPowerWatts"))  # of one supply: PowerSupplyMetrics
    if str(resource.get("ReadingType", "")).lower() == "power":
        yield _excerpt(resource)
    controls = [control for control in _list(resource.get("PowerControl")) if isinstance(control, dict)]
    control = _whole(controls)
    yield figure(control.get("PowerConsumedWatts"))
    yield figure(resource.get("PowerConsumedWatts"))
    yield _oem(control.get("Oem"))
    yield _oem(resource.get("Oem"))
    yield _mean(control)
    yield _supplies(resource)


def figure(value: Any, unit: str = "") -> float | None:
    """Watts of a number or of a text such as "344 W"; None for anything else. ``unit``: where the text has none."""
    if isinstance(value, str):
        match = _FIGURE.match(value)
        if match is None:
            return None
        value, unit = float(match[1]), match[2] or unit
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    factor = 1e-6 if unit in ("uW", "µW") else _UNITS.get(unit.lower())
    if factor is None or not 0 <= value < math.inf:  # neither is NaN, which Python's JSON lets in
        return None
    return float(value) * (1e6 if unit == "MW" else factor)


def _excerpt(sensor: Any) -> float | None:
    """A Sensor or an excerpt of one: its reading in its own unit."""
    if not isinstance(sensor, dict):
        return figure(sensor)
    return figure(sensor.get("Reading"), str(sensor.get("ReadingUnits") or ""))


def _whole(controls: list[dict[str, Any]]) -> dict[str, Any]:
    """The entry that is the machine's."""
    wholes = [control for control in controls if not _A_PART.search(str(control.get("Name", "")))] or controls
    named = [control for control in wholes if _THE_MACHINE.search(str(control.get("Name", "")))]
    return next(iter(named or wholes), {})


def _mean(control: Mapping[str, Any]) -> float | None:
    metrics = control.get("PowerMetrics")
    if not isinstance(metrics, dict):
        return None
    minutes = metrics.get("IntervalInMin")
    short = isinstance(minutes, int | float) and 0 < minutes <= _LONGEST_MEAN_MINUTES
    return figure(metrics.get("AverageConsumedWatts")) if short else None


def _supplies(resource: Mapping[str, Any]) -> float | None:
    """What the supplies take, or give, together. One that is there and states nothing makes the sum unknown.

    A figure counts more than the state beside it.
    """
    total, any_stated = 0.0, False
    for supply in _list(resource.get("PowerSupplies")):
        if not isinstance(supply, dict):
            continue
        names = ("PowerInputWatts", "LastPowerOutputWatts", "PowerOutputWatts")
        watts = next(
            (value for value in (figure(supply.get(name)) for name in names) if value is not None), None
        )
        if watts is None:
            if _absent(supply):
                continue
            return None
        total, any_stated = total + watts, True
    return total if any_stated else None


def _absent(supply: Mapping[str, Any]) -> bool:
    status = supply.get("Status")
    state = str(status.get("State", "")) if isinstance(status, dict) else ""
    return state.lower() in ("absent", "disabled", "unavailableoffline")


def _oem(oem: Any) -> float | None:
    """The machine's power now among a vendor's own fields, the outermost first."""
    level: list[Any] = [oem]
    for _ in range(_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, list):
                below += item
            elif isinstance(item, dict):
                for key, value in item.items():
                    if isinstance(value, dict | list):
                        below.append(value)
                        continue
                    watts = _field(key, value)
                    if watts is not None:
                        return watts
        # Lists are of parts: supplies, sensors.
        level = [item for item in below if isinstance(item, dict)] + [
            item for item in below if isinstance(item, list)
        ]
    return None


def _field(key: str, value: Any) -> float | None:
    if "power" not in key.lower() or not _NOW.search(key) or _NOT_NOW.search(key):
        return None
    unit = re.search(r"(mW|kW|KW|[Mm]illi[Ww]atts?|[Kk]ilo[Ww]atts?)$", key)
    watts = figure(value, unit[1] if unit is not None else "")
    return watts or None  # a vendor's 0 is a field that nobody fills in


def _plausible(watts: float, resource: Mapping[str, Any]) -> bool:
    capacity = max(
        (
            figure(control.get("PowerCapacityWatts")) or 0.0
            for control in _list(resource.get("PowerControl"))
            if isinstance(control, dict)
        ),
        default=0.0,
    )
    return watts <= MOST_WATTS and (capacity < 1 or watts <= _CAPACITY_FACTOR * capacity)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
