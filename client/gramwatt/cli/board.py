"""The rows that ``gramwatt top`` shows: read from the Top object, sorted, filtered and formatted. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ..result import finite_number
from ..wording import UNKNOWN, duration, grams, percent, printable, quantity
from .table import table

Json = Mapping[str, Any]

_SECONDS_PER_HOUR = 3600.0
_JOULES_PER_KILOWATT_HOUR = 3_600_000.0

SORTS: Mapping[str, Callable[[Json], Any]] = {
    "power": lambda row: -(_number(row.get("power_watts")) or 0.0),
    "energy": lambda row: -(_number(row.get("energy_joules")) or 0.0),
    "cpu": lambda row: -(_number(row.get("cpu_seconds")) or 0.0),
    "name": lambda row: (str(row.get("command") or row.get("workload") or ""), row.get("pid") or 0),
}
"""Orders of processes and workloads, by name."""


@dataclass(frozen=True)
class Section:
    """One table of the board. ``right`` are the columns of numbers."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    right: frozenset[int]


def summary(top: Json, now: float) -> str:
    """One line: total power, emission rate, intensity with its age, open windows."""
    watts = sum(_number(device.get("power_watts")) or 0.0 for device in _list(top, "devices"))
    intensity = _average(top)
    value = _number(intensity.get("grams_per_kilowatt_hour"))
    parts = [f"node {quantity(watts, 'W')}" if _list(top, "devices") else "node power unknown"]
    if value is None:
        parts.append("CO2 unknown (no grid zone is set)")
    else:
        at = _number(intensity.get("at"))
        age = "" if at is None else f", {duration(max(0.0, round(now - at)))} old"
        origin = f"{intensity.get('zone')} {intensity.get('provider')}, {intensity.get('method')}{age}"
        parts += [f"{grams(_per_hour(watts, value))}/h CO2e", printable(f"{value:.0f} g/kWh ({origin})")]
    parts.append(f"{_whole(top.get('windows_open'))} open windows")
    return "  |  ".join(parts)


def sections(top: Json, sort: str = "power", pattern: str = "") -> list[Section]:
    """Devices, budgets, workloads and processes; the last two sorted and filtered by ``pattern`` (part of a name)."""
    value = _number(_average(top).get("grams_per_kilowatt_hour"))
    found = [
        Section(
            "Devices",
            ("COMPONENT", "DEVICE", "SOURCE", "POWER", "CO2/h", "ENERGY", "UNCERTAINTY"),
            [
                (_text(row, "component"), _text(row, "device"), _text(row, "source"), *_amounts(row, value),
                 percent(_number(row.get("uncertainty_ratio"))))
                for row in _list(top, "devices")
            ],
            frozenset({3, 4, 5, 6}),
        )
    ]  # fmt: skip
    if _list(top, "budgets"):
        found.append(
            Section(
                "Budgets",
                ("BUDGET", "SPENT", "LIMIT", "USED"),
                [_budget(row) for row in _list(top, "budgets")],
                frozenset({1, 2, 3}),
            )
        )
    found.append(
        Section(
            "Workloads",
            ("WORKLOAD", "KIND", "USER", "POWER", "CO2/h", "ENERGY"),
            [
                (_text(row, "workload"), _text(row, "kind"), _text(row, "user"), *_amounts(row, value))
                for row in _chosen(_list(top, "workloads"), sort, pattern)
            ],
            frozenset({3, 4, 5}),
        )
    )
    found.append(
        Section(
            "Processes",
            ("PID", "COMMAND", "WORKLOAD", "USER", "POWER", "CO2/h", "ENERGY", "CPU"),
            [
                (_whole(row.get("pid")), _text(row, "command"), _text(row, "workload"), _text(row, "user"),
                 *_amounts(row, value), duration(_number(row.get("cpu_seconds"))))
                for row in _chosen(_list(top, "processes"), sort, pattern)
            ],
            frozenset({0, 4, 5, 6, 7}),
        )
    )  # fmt: skip
    return found


def as_text(top: Json, now: float, sort: str = "power", pattern: str = "") -> str:
    """The whole board as plain text."""
    blocks = [summary(top, now)]
    for section in sections(top, sort, pattern):
        rows = table(section.header, section.rows, section.right) if section.rows else "(none)"
        blocks.append(f"{section.title}\n{rows}")
    return "\n\n".join(blocks)


def _chosen(rows: Sequence[Json], sort: str, pattern: str) -> list[Json]:
    wanted = pattern.casefold()
    names = ("command", "workload", "user", "pid")
    kept = [
        row
        for row in rows
        if not wanted or any(wanted in str(row.get(name, "")).casefold() for name in names)
    ]
    return sorted(kept, key=SORTS[sort])


def _amounts(row: Json, intensity: Optional[float]) -> tuple[str, str, str]:
    watts = _number(row.get("power_watts"))
    rate = UNKNOWN if watts is None or intensity is None else grams(_per_hour(watts, intensity))
    return quantity(watts, "W"), rate, quantity(_number(row.get("energy_joules")), "J")


def _budget(row: Json) -> tuple[str, ...]:
    spent, limit = _number(row.get("period_emissions_grams")), _number(row.get("limit_grams"))
    used = percent(spent / limit) if spent is not None and limit else UNKNOWN
    return _text(row, "budget"), grams(spent), grams(limit), used


def _per_hour(watts: float, intensity: float) -> float:
    return watts * _SECONDS_PER_HOUR / _JOULES_PER_KILOWATT_HOUR * intensity


def _average(top: Json) -> Json:
    intensity = top.get("intensity")
    average = intensity.get("average") if isinstance(intensity, dict) else None
    return average if isinstance(average, dict) else {}


def _list(top: Json, key: str) -> list[Json]:
    found = top.get(key)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _number(value: Any) -> Optional[float]:
    return finite_number(value)


def _text(row: Json, key: str) -> str:
    return printable(str(row.get(key) or ""))


def _whole(value: Any) -> str:
    return str(value) if isinstance(value, int) else ""
