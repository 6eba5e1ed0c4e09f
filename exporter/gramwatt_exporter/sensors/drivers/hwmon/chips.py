"""What the chips of /sys/class/hwmon measure, by their driver, and of any other by the labels of its channels.

- a GPU (amdgpu, xe, i915, nouveau) is a device, named by its PCI address;
- a CPU driver (amd_energy, zenergy, amd_hsmp_hwmon, fam15h_power, apm_xgene) makes packages;
- an ACPI power meter spans the whole machine, or is a rail of NVIDIA Grace;
- everything else is read by its labels, and shown as a meter where they say nothing.
"""

from __future__ import annotations

import re

from . import acpi as hwmon_acpi
from . import cpu as hwmon_cpu
from . import gpu as hwmon_gpu
from . import rails as hwmon_rails
from .channel import Channel, Chip
from .files import sources

SOURCE = "hwmon"
GPUS = hwmon_gpu.DRIVERS


def channels_of(chip: Chip, idle_watts: float | None) -> list[Channel]:
    """What one chip measures; empty for most."""
    if re.match(r"^i915_gt\d+$", chip.driver):
        return []  # i915_gt0 is one part of a card that the chip i915 measures whole
    found = sources(chip.folder, chip.driver)
    if not found:
        return []
    if chip.driver in GPUS:
        channel = hwmon_gpu.channel(chip, found, SOURCE, idle_watts)
        return [] if channel is None else [channel]
    if chip.driver == hwmon_acpi.DRIVER:
        return [hwmon_acpi.channel(chip, found[0], SOURCE)]
    if hwmon_cpu.is_cpu(chip, found):
        return hwmon_cpu.channels(chip, found, SOURCE, idle_watts)
    return hwmon_rails.channels(chip, found, SOURCE)
