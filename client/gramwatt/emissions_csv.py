"""Write results as rows of an ``emissions.csv`` with CodeCarbon's column names, for tools that read those files.

Columns that Gramwatt does not know (place, water, details of the machine) stay empty. Units are CodeCarbon's:
kilograms, kilowatt-hours, watts, seconds.
"""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import Any

from .csv_file import append_row
from .result import Result

COLUMNS = (
    "timestamp", "project_name", "run_id", "experiment_id", "duration", "emissions", "emissions_rate", "cpu_power",
    "gpu_power", "ram_power", "cpu_energy", "gpu_energy", "ram_energy", "energy_consumed", "water_consumed",
    "country_name", "country_iso_code", "region", "cloud_provider", "cloud_region", "os", "python_version",
    "codecarbon_version", "cpu_count", "cpu_model", "gpu_count", "gpu_model", "longitude", "latitude",
    "ram_total_size", "tracking_mode", "cpu_utilization_percent", "gpu_utilization_percent",
    "ram_utilization_percent", "ram_used_gb", "on_cloud", "pue", "wue",
)  # fmt: skip
"""The columns of CodeCarbon 3.3, in its order. A test holds them to the installed package."""

_JOULES_PER_KILOWATT_HOUR = 3_600_000.0
_GRAMS_PER_KILOGRAM = 1000.0
_COMPONENTS = (("cpu", "cpu"), ("gpu", "gpu"), ("ram", "dram"))


def row(result: Result) -> dict[str, Any]:
    """One result by CodeCarbon's columns; "" where the value is not known."""
    found: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    found.update(
        timestamp=_timestamp(result),
        project_name=result.name,
        run_id=result.window or "",
        experiment_id=result.parent,
        os=platform.platform(),
        python_version=platform.python_version(),
        cpu_count=os.cpu_count() or "",
        tracking_mode=result.boundary,
    )
    if result.seconds is not None:
        found["duration"] = result.seconds
    if result.grams is not None:
        found["emissions"] = result.grams / _GRAMS_PER_KILOGRAM
        if result.seconds:
            found["emissions_rate"] = found["emissions"] / result.seconds
    if result.joules is not None:
        found["energy_consumed"] = result.joules / _JOULES_PER_KILOWATT_HOUR
    for theirs, ours in _COMPONENTS:
        joules = result.components.get(ours)
        if joules is not None:
            found[f"{theirs}_energy"] = joules / _JOULES_PER_KILOWATT_HOUR
            if result.seconds:
                found[f"{theirs}_power"] = joules / result.seconds
    return found


def append(path: Path, result: Result) -> None:
    """Add one row; a new or empty file gets the header. A file with another layout is renamed to ``.bak`` first.

    Several processes may call this at once.

    Raises:
        OSError: the file cannot be written.
    """
    append_row(path, COLUMNS, row(result))


def _timestamp(result: Result) -> str:
    at = datetime.datetime.now() if result.end is None else datetime.datetime.fromtimestamp(result.end)  # noqa: DTZ005, DTZ006  CodeCarbon writes local time
    return at.strftime("%Y-%m-%dT%H:%M:%S")
