"""Every other chip: what its labels say that it measures.

A label that names a component (a rail of an NVIDIA Jetson, Apple's "Total CPU Core Power") makes a device of it. One
that names the machine makes a meter around it. Of anything else nobody can say what it overlaps with: it is shown as a
meter and never added. The rails of each Jetson:
https://docs.nvidia.com/jetson/archives/r36.4/DeveloperGuide/SD/PlatformPowerAndPerformance.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ....model import Component, Meter
from ...standing_still import CounterCheck
from ..rapl.powercap_names import kind_of
from .channel import Channel, Chip, Part, plain
from .files import Source, text

UNCERTAINTY_RATIO = 0.1
MAX_WATTS = 20_000.0

# Rails as they are written, "-" and " " taken as "_". The CPU's rail of an Orin Nano and a Xavier NX feeds their GPU
# too, as the package of an AMD APU does. 1V8AO is a small rail beside the memory's two.
_COMPONENTS: dict[str, Component] = {
    "CPU": "cpu",
    "VDD_CPU": "cpu",
    "VDD_CPU_CV": "cpu",
    "VDD_CPU_GPU_CV": "cpu",
    "VDD_CPU_SOC_MSS": "cpu",
    "VDD_SYS_CPU": "cpu",
    "POM_5V_CPU": "cpu",
    "CPU_POWER": "cpu",
    "CPU_PACKAGE_POWER": "cpu",
    # Apple's, by macsmc_hwmon: what CPU and GPU give to the heat pipe, in two kernels' words.
    "Total_CPU_Core_Power": "cpu",
    "Heatpipe_Power": "cpu",
    "GPU": "gpu",
    "VDD_GPU": "gpu",
    "VDD_GPU_SOC": "gpu",
    "VDD_SYS_GPU": "gpu",
    "POM_5V_GPU": "gpu",
    "GPU_POWER": "gpu",
    "VDDQ_VDD2_1V8AO": "dram",
    "VDD_SYS_DDR": "dram",
    "VDD_DDR": "dram",
    "VDDRQ": "dram",
    "DRAM_POWER": "dram",
}
# Of the CPU's these contain the others: a whole package its clusters, the heat pipe the cores.
_CONTAINS = ("package:", "CPU_PACKAGE_POWER", "Heatpipe_Power")
_KINDS: dict[str, Component] = {"package": "cpu", "cpu": "cpu", "gpu": "gpu", "dram": "dram"}
_AROUND = ("VDD_IN", "VIN", "POM_5V_IN")  # what a whole module is fed by
# The rest of a module that has no such rail: its power is then the sum of its rails (AGX Xavier, AGX Orin, Thor).
_SYSTEM = ("VIN_SYS_5V0", "SYS5V")
_OTHER = ("SOC", "CV", "VDD_SOC", "VDD_SYS_SOC", "POM_5V_SOC")
_FED_BY_SYSTEM = ("VDDQ_VDD2_1V8AO",)  # a part of VIN_SYS_5V0

# Not "board": an accelerator card says that of itself (intel-m10-bmc-hwmon).
# Labels of these are firmware's, as the names of SCMI's powercap zones are.
_FIRMWARE = ("scmi_sensors", "scpi_sensors")

_MACHINE = {"system", "total", "platform", "machine", "wall"}
_WITH_IT = {
    "power",
    "energy",
    "consumption",
    "draw",
    "input",
    "in",
    "usage",
    "w",
    "ac",
    "dc",
    "instantaneous",
}

# The kernel shows every power supply of the class power_supply as a chip of its own. A battery's power is the machine's
# while it discharges; a charger states what was agreed upon, not what flows.
_SUPPLIES = {"Mains", "UPS", "USB", "USB_DCP", "USB_CDP", "USB_ACA", "USB_TYPE_C", "USB_PD", "Wireless"}


def channels(chip: Chip, found: Sequence[Source], source_name: str) -> list[Channel]:
    """All channels of a chip."""
    supply = text(chip.folder / "device" / "type")
    if supply in _SUPPLIES:
        return []
    if supply == "Battery":
        status = chip.folder / "device" / "status"
        direct = [source for source in found if source.amperes is None]
        batteries = [_channel(chip, source, source_name, named=False) for source in direct]
        for channel in batteries:
            channel.status = status
        return batteries
    chip_label = text(chip.folder / "label") if len(found) == 1 else ""
    return [_channel(chip, source, source_name, chip_label) for source in found]


def _channel(
    chip: Chip, source: Source, source_name: str, chip_label: str = "", named: bool = True
) -> Channel:
    label = source.label or chip_label
    name = f"{plain(chip.driver) or 'hwmon'}-{plain(label) or source.name}"
    rail = rail_of(label) if named else ""
    if named and not rail and chip.driver in _FIRMWARE:
        kind = kind_of(label)
        rail = f"{kind}:" if kind in _KINDS else ""
    within: str | None = None
    covers: tuple[Component, ...] = ()
    part = None
    if rail in _AROUND or (named and is_machine(label)):
        covers = ("cpu", "dram", "gpu")
        part = Part("rail", rail) if rail else None
    elif rail:
        part = Part("rail", rail)
        within = {"cpu": "package-0", "gpu": "gpu-0", "dram": "dram-0"}.get(component_of(rail) or "other")
    check = CounterCheck() if source.witness is not None else None
    meter = Meter(name, source_name, within, covers, UNCERTAINTY_RATIO, MAX_WATTS)
    return Channel(chip, source, meter, part, signed=True, energy=source.energy, check=check)


def rail_of(label: str) -> str:
    """The rail that a label names; "" for one that is not known."""
    rail = re.sub(r"[- ]+", "_", label.strip())
    known = rail in _COMPONENTS or rail in _AROUND or rail in _SYSTEM or rail in _OTHER
    return rail if known else ""


def component_of(rail: str) -> Component | None:
    """The component that a rail feeds; None for the rest of the machine."""
    return _COMPONENTS.get(rail) or _KINDS.get(rail.removesuffix(":"))


def members(rails: Sequence[tuple[Channel, str]], component: Component) -> list[Channel]:
    """The channels whose sum is a component. What contains the others stands for them."""
    for whole in _CONTAINS if component == "cpu" else ():
        containing = [channel for channel, rail in rails if rail == whole]
        if containing:
            return containing
    return [channel for channel, rail in rails if component_of(rail) == component]


def is_around(rail: str) -> bool:
    """Whether a rail feeds everything."""
    return rail in _AROUND


def is_system(rail: str) -> bool:
    """Whether a rail feeds what the others of its module do not."""
    return rail in _SYSTEM


def is_counted_elsewhere(rail: str) -> bool:
    """Whether the system rail feeds this one."""
    return rail in _FED_BY_SYSTEM


def is_machine(label: str) -> bool:
    """Whether a label says that the whole machine is measured: "Total System Power", "power total", "System"."""
    words = set(re.findall(r"[a-z]+", label.lower()))
    return bool(words & _MACHINE) and words <= _MACHINE | _WITH_IT and not re.search(r"\d", label)
