"""Drivers that measure a CPU's package.

- amd_energy and its successor zenergy: an energy counter for each core and socket (Ecore000, Esocket0);
- amd_hsmp_hwmon: a socket's power, from the management firmware of an EPYC (Linux 6.16);
- fam15h_power: a package's power, one chip per socket (the driver leaves out a package's second node);
- apm_xgene: "CPU power" and "IO power" of a socket of Ampere's eMAG and Altra, which together are its package
  (https://docs.kernel.org/hwmon/xgene-hwmon.html);
- ibmpowernv: the chips of a POWER machine and their memory, as its on-chip controllers measure them;
- zenpower: the cores' and the SoC's supply as their regulators report it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ....model import Component, Device, Meter
from .bounds import most_watts
from .channel import Channel, Chip, Part, plain
from .files import Source
from .rails import is_machine

SOCKETS = ("amd_hsmp_hwmon", "fam15h_power")  # one chip a socket, and one channel of it

UNCERTAINTY_RATIO = {"fam15h_power": 0.1}
DEFAULT_UNCERTAINTY_RATIO = 0.05
PARTS_UNCERTAINTY_RATIO = 0.1
MAX_WATTS = 1000.0

_SOCKET = re.compile(r"^Esocket(\d+)$", re.IGNORECASE)
_XGENE = re.compile(r"^(cpu|io) power$", re.IGNORECASE)
_ZENPOWER = re.compile(r"^(?:cpu(?P<number>\d+) )?SVI2_P_(?P<part>Core|SoC)$", re.IGNORECASE)
_POWER = re.compile(r"^Chip (\d+)(?: (?P<part>.*\S))?$", re.IGNORECASE)
_INSTANCE = re.compile(r":([0-9A-F]{2})$", re.IGNORECASE)  # APMC0D8A:01, AMDI0097:01


def is_cpu(chip: Chip, found: Sequence[Source]) -> bool:
    """Whether a chip is one of these: by its driver, or a successor of it with the same labels."""
    return chip.driver in SOCKETS or any(
        (source.energy and _SOCKET.match(source.label))
        or _XGENE.match(source.label)
        or _ZENPOWER.match(source.label)
        or (chip.driver == "ibmpowernv" and _POWER.match(source.label))
        for source in found
    )


def channels(
    chip: Chip, found: Sequence[Source], source_name: str, idle_watts: float | None
) -> list[Channel]:
    """The packages that a chip measures, or the parts that make one."""
    direct = [source for source in found if source.amperes is None]
    driver = chip.driver
    if any(source.energy and _SOCKET.match(source.label) for source in direct):
        # Those of the cores are parts of their socket, and too many to export.
        sockets: dict[str, Source] = {}  # names are firmware's and may come twice
        for source in direct:
            match = _SOCKET.match(source.label)
            if match is not None:
                sockets.setdefault(match[1], source)
        return [_package(chip, source, number, source_name, idle_watts) for number, source in sockets.items()]
    if driver in SOCKETS:
        return [_package(chip, source, _instance(chip), source_name, idle_watts) for source in direct[:1]]
    return [_part(chip, source, source_name) for source in direct]


def _package(chip: Chip, source: Source, number: str, source_name: str, idle_watts: float | None) -> Channel:
    driver = chip.driver
    # fam15h_power states its TDP as the critical power; short bursts go beyond it.
    limit = 500.0 if driver == "fam15h_power" else most_watts(source.path.parent, MAX_WATTS)
    name, ratio = f"package-{int(number)}", UNCERTAINTY_RATIO.get(driver, DEFAULT_UNCERTAINTY_RATIO)
    return Channel(
        chip,
        source,
        Device("cpu", name, source_name, ratio, idle_watts, limit),
        Part(driver, "package", number),
        energy=source.energy,
    )


def _part(chip: Chip, source: Source, source_name: str) -> Channel:
    label = source.label
    xgene, zenpower, power = _XGENE.match(label), _ZENPOWER.match(label), _POWER.match(label)
    part = None
    package: str | None = None
    covers: tuple[Component, ...] = ()
    if xgene is not None:
        part = Part("apm_xgene", xgene[1].lower(), _instance(chip))
    elif zenpower is not None:
        part = Part("zenpower", zenpower["part"].lower(), zenpower["number"] or "0")
    elif power is not None and chip.driver == "ibmpowernv":
        within = (power["part"] or "package").lower()
        package = f"package-{int(power[1])}"
        if within in ("package", "memory"):
            part = Part("ibmpowernv", within, power[1])
    elif is_machine(label):
        covers = ("cpu", "dram", "gpu")
    if part is not None:
        package = f"dram-{int(part.number)}" if part.name == "memory" else f"package-{int(part.number)}"
    name = f"{plain(chip.driver)}-{plain(label) or source.name}"
    return Channel(
        chip,
        source,
        Meter(
            name,
            source_name,
            package,
            covers,
            PARTS_UNCERTAINTY_RATIO,
            20 * MAX_WATTS if covers else MAX_WATTS,
        ),
        part,
        energy=source.energy,
    )


def _instance(chip: Chip) -> str:
    """The running number of an ACPI device, which is that of its socket."""
    match = _INSTANCE.search(chip.place)
    return str(int(match[1], 16)) if match is not None and not chip.place.startswith("0000") else "0"
