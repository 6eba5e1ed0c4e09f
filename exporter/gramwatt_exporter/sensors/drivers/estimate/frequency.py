"""The frequency that a CPU is sold with, and how fast it runs now."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from .names import frequency_in

_MHZ = re.compile(r"^cpu MHz\s*:\s*([\d.]+)", re.MULTILINE)
_FIXED = ("acpi-cpufreq", "cppc_cpufreq")  # drivers whose highest frequency is the base one


def base_mhz(model: str, cpuinfo: str, sysfs: Path) -> float | None:
    """Base frequency in MHz; None where nothing says it.

    ``cpu MHz`` of cpuinfo is the frequency of this moment where the kernel scales it. Only without cpufreq, as in most
    guests, it is the nominal one.
    """
    cpu = sysfs / "devices/system/cpu/cpu0"
    base = _number(cpu / "cpufreq/base_frequency")
    if base:
        return base / 1000
    named = frequency_in(model)
    if named:
        return named
    nominal = _number(cpu / "acpi_cppc/nominal_freq")
    if nominal:
        return nominal
    if (cpu / "cpufreq").is_dir():
        most = _number(cpu / "cpufreq/cpuinfo_max_freq")
        return most / 1000 if most and _text(cpu / "cpufreq/scaling_driver") in _FIXED else None
    match = _MHZ.search(cpuinfo)
    value = float(match[1]) if match else 0.0
    return value if 200 <= value <= 6000 else None


def _number(path: Path) -> float | None:
    with contextlib.suppress(ValueError):
        value = float(_text(path))
        return value if value > 0 else None
    return None


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text().strip()
    return ""
