"""ACPI power meters: around the whole machine, unless firmware says that one measures a part of it.

Grace names its rails in ``power1_oem_info``: they become devices together (see :mod:`grace`).
"""

from __future__ import annotations

import re

from ....model import Component, Meter
from .. import grace
from .channel import Channel, Chip, Part, plain
from .files import Source, text

DRIVER = "power_meter"
DEFAULT_UNCERTAINTY_RATIO = 0.1
MAX_WATTS = 20_000.0

_ACCURACY = re.compile(r"^(\d+)(?:\.(\d{1,3}))?%?$")
# Firmware's own words for what is not the machine: "CPU Power Socket 0", "GPU power", "DIMM power", "SysIO".
_A_PART = re.compile(
    r"\b(?:cpu|processor|core|gpu|accelerator|dram|dimm|memory|mem|sysio|io|soc|fan|disk|drive|storage|pcie|nic)s?\d*\b",
    re.IGNORECASE,
)


def channel(chip: Chip, source: Source, source_name: str) -> Channel:
    """The meter of one ACPI device."""
    info = text(source.path.parent / "power1_oem_info")
    rail = grace.rail_of(info)
    if rail is not None:
        in_socket = None if rail[0] == grace.MODULE else Part("grace", *rail)
        return Channel(chip, source, grace.meter(*rail, source_name), in_socket)
    ratio = _stated_ratio(text(source.path.parent / "power1_accuracy"))
    name = plain(info.lower()) or plain(f"acpi-{chip.folder.name}")
    covers: tuple[Component, ...] = () if _A_PART.search(info) else ("cpu", "dram", "gpu")
    return Channel(chip, source, Meter(name, source_name, None, covers, ratio, MAX_WATTS))


def _stated_ratio(accuracy: str) -> float:
    """One sigma from ``power1_accuracy``: what is missing to 100 %.

    ACPI's _PMC states an accuracy in thousandths of a percent, 0 to 100.000 % (https://uefi.org/specs/ACPI/6.5/,
    10.4.1; the same field of batteries, 10.2.2.3: "80000 would mean 80% accuracy"). Linux prints "%u.%u%%" of the whole
    part and the rest (drivers/hwmon/acpi_power_meter.c), without leading zeros: "95.50%" is 95.050 %. 100 % is what
    firmware writes that does not know (NVIDIA's for Grace): it says nothing. Nor is a meter sold that is wrong by more
    than half: a small number is meant as the error, as in Microsoft's "1,000 corresponds to a one percent accuracy
    rating" (PMI_REPORTED_CAPABILITIES).
    """
    match = _ACCURACY.match(accuracy)
    if match is None:
        return DEFAULT_UNCERTAINTY_RATIO
    stated = int(match[1]) * 1000 + int(match[2] or 0)
    wrong = 100_000 - stated if stated >= 50_000 else stated
    return wrong / 100_000 if wrong > 0 else DEFAULT_UNCERTAINTY_RATIO
