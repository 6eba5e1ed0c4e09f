"""The model used where nothing measures: CPU power from utilisation, memory power from its size.

CPU: idle + (full - idle) * (2u - u^1.4), the curve of Fan, Weber and Barroso, "Power Provisioning for a
Warehouse-sized Computer" (ISCA 2007). ``full`` is the TDP of each package; on a virtual machine, which has only
a part of a CPU, it is a figure per virtual CPU.
Memory: see :mod:`memory_model`. Against RAPL such models were off by -54 to +187 %.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from ....errors import NotHere, TryAgain
from ....model import Device, EnergyReading, Sample
from .. import portable
from . import cpu_table, memory_model

UNCERTAINTY_RATIO = 0.5
# Without the CPU's model even its class is a guess: between an idle core of a laptop and one of a server lies a
# factor of three.
UNKNOWN_MODEL_UNCERTAINTY_RATIO = 0.75

# Per virtual CPU, at full load; 3.5 (AWS), 3.76 (Azure) and 4.26 (Google) in the Cloud Carbon Footprint
# methodology, https://www.cloudcarbonfootprint.org/docs/methodology/#energy-estimate-watt-hours
WATTS_PER_VCPU = 3.5
# Idle as a share of full: 0.74 W of 3.5 W per vCPU in the same source.
IDLE_SHARE = 0.21
_GIGABYTE = 1_000_000_000
# cpu_table reads 200 kB; procfs/stat has about 110 bytes per CPU before the line of interrupts.
_STAT_BYTES_PER_CPU = 160

_CPU = re.compile(rb"^cpu(\d+) (.*)$", re.MULTILINE)


class _Package(Struct):
    device: Device
    idle_microwatts: int
    span_microwatts: int  # full - idle
    cpus: frozenset[int]
    energy: int = 0  # microjoules since open
    carry: int = 0  # below one microjoule, in 1e-9 uJ
    utilisation: float = 0.0


def curve(utilisation: float) -> float:
    """Share of the span from idle to full power at a utilisation of 0..1."""
    u = min(1.0, max(0.0, utilisation))
    return float(2 * u - u**1.4)


class Estimate:
    """Estimates cpu (package-N) and dram (dram-0). Keeps a counter of its own, so it reads like a meter.

    On other systems than Linux the CPU times come from psutil. Raises NotHere where procfs has no CPU times,
    TryAgain when they cannot be read.
    """

    name = "estimate"

    def __init__(
        self,
        procfs: str,
        sysfs: str,
        boottime_ns: Callable[[], int],
        cpu_tdp_watts: float | None = None,
        idle_watts: float | None = None,
        memory: Literal["dimm", "size", "off"] = "dimm",
        awake_ns: Callable[[], int] | None = None,
        platform: str = sys.platform,
    ) -> None:
        self._procfs = Path(procfs)
        self._sysfs = Path(sysfs)
        self._now = boottime_ns
        self._awake = awake_ns or boottime_ns  # asleep, a machine draws next to nothing
        self._portable = platform != "linux"
        self._tdp_watts = cpu_tdp_watts
        self._idle_watts = idle_watts
        self._memory_rule = memory
        self._fd = -1
        self._packages: list[_Package] = []
        self._memory: tuple[Device, int] | None = None  # and its microwatts
        self._memory_energy = 0
        self._memory_carry = 0
        self._awake_ns = 0
        self._times: dict[int, tuple[int, int]] = {}  # CPU -> busy and total ticks
        self._size = 65536
        self.notes_by_component: dict[str, list[str]] = {}  # for a person: where the figures come from

    def open(self) -> None:
        """Look up the CPU and the memory; the counters begin at 0."""
        self.close()
        if not self._portable:
            try:
                self._fd = os.open(self._procfs / "stat", os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise NotHere(f"no CPU times: {error}") from None
            self._size = 16384 + _STAT_BYTES_PER_CPU * (os.cpu_count() or 1)
        self._times = self._cpu_times()
        if not self._packages:  # else opened again: go on counting
            if self._portable:
                model, virtual, size = portable.cpu_model(), False, portable.memory_bytes()
            else:
                info = self._read_text("cpuinfo")
                model, virtual = _model_name(info), memory_model.is_guest(info, self._procfs, self._sysfs)
                size = self._memory_bytes()
            self._packages = self._build_packages(model, virtual)
            self._memory = self._build_memory(size, virtual, model)
        self._awake_ns = self._awake()

    def read(self) -> Sample:
        """One EnergyReading per package and one for the memory."""
        now = self._now()
        awake = self._awake()
        elapsed = max(0, awake - self._awake_ns)
        self._awake_ns = awake
        before, self._times = self._times, self._cpu_times()
        readings = []
        for package in self._packages:
            package.utilisation = self._utilisation(before, self._times, package)
            power = package.idle_microwatts + round(package.span_microwatts * curve(package.utilisation))
            energy, package.carry = divmod(power * elapsed + package.carry, 1_000_000_000)
            package.energy += energy
            readings.append(EnergyReading(package.device, package.energy, now))
        if self._memory is not None:
            device, power = self._memory
            energy, self._memory_carry = divmod(power * elapsed + self._memory_carry, 1_000_000_000)
            self._memory_energy += energy
            readings.append(EnergyReading(device, self._memory_energy, now))
        return Sample(readings)

    def close(self) -> None:
        """Close procfs/stat."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _cpu_times(self) -> dict[int, tuple[int, int]]:
        if self._portable:
            return portable.cpu_times()
        try:
            text = os.pread(self._fd, self._size, 0)
        except OSError as error:
            raise TryAgain(f"{self._procfs}/stat: {error}") from None
        times = {}
        for match in _CPU.finditer(text):
            fields = [int(value) for value in match[2].split()[:8]]
            if len(fields) < 4:
                continue
            total = sum(fields)
            # idle and iowait did nothing; stolen time was another machine's. Guest time is inside user time.
            idle = fields[3] + (fields[4] if len(fields) > 4 else 0) + (fields[7] if len(fields) > 7 else 0)
            times[int(match[1])] = (total - idle, total)
        if not times:
            raise TryAgain(f"{self._procfs}/stat has no cpu lines")
        return times

    @staticmethod
    def _utilisation(
        before: Mapping[int, tuple[int, int]], now: Mapping[int, tuple[int, int]], package: _Package
    ) -> float:
        busy = total = 0
        for cpu in package.cpus:
            if cpu in before and cpu in now:
                busy += max(0, now[cpu][0] - before[cpu][0])
                total += max(0, now[cpu][1] - before[cpu][1])
        # Two reads within one clock tick (10 ms): what was true a moment ago still is.
        return min(1.0, busy / total) if total else package.utilisation

    def _build_packages(self, model: str, virtual: bool) -> list[_Package]:
        groups: dict[int, set[int]] = {}
        for cpu in self._times:
            groups.setdefault(self._package_of(cpu), set()).add(cpu)
        path = cpu_table.table_path() if self._tdp_watts is None else None
        match = cpu_table.look_up(model, cpu_table.rows(path)) if path is not None else None
        packages, notes = [], []
        for number, (_, cpus) in enumerate(sorted(groups.items())):
            sigma = UNCERTAINTY_RATIO
            per_cpu = WATTS_PER_VCPU * len(cpus)
            if self._tdp_watts is not None:
                full, note = self._tdp_watts, "configured TDP"
            elif match is not None and not virtual:
                full, note = match.watts, f"TDP of {match.name} ({match.how})"
            elif match is not None:
                full = min(match.watts, per_cpu)
                note = f"{WATTS_PER_VCPU} W per virtual CPU, at most {match.name}'s TDP"
            else:
                full, sigma = per_cpu, UNKNOWN_MODEL_UNCERTAINTY_RATIO
                note = f"{WATTS_PER_VCPU} W per CPU, because no TDP is known for {model or 'a CPU without a name'!r}"
            idle = IDLE_SHARE * full if self._idle_watts is None else min(self._idle_watts, full)
            device = Device("cpu", f"package-{number}", self.name, sigma, idle, full)
            idle_microwatts = round(idle * 1e6)
            packages.append(
                _Package(device, idle_microwatts, round(full * 1e6) - idle_microwatts, frozenset(cpus))
            )
            notes.append(
                f"package-{number} is modelled: {full:g} W full, {idle:g} W idle, +-{sigma:.0%} ({note});"
                " set sensors.estimate.cpu_tdp_watts to correct it"
            )
        self.notes_by_component["cpu"] = notes
        return packages

    def _package_of(self, cpu: int) -> int:
        path = self._sysfs / "devices/system/cpu" / f"cpu{cpu}" / "topology/physical_package_id"
        try:
            return max(0, int(path.read_text()))
        except (OSError, ValueError):
            return 0

    def _memory_bytes(self) -> int:
        match = re.search(r"^MemTotal:\s*(\d+) kB", self._read_text("meminfo"), re.MULTILINE)
        return int(match[1]) * 1024 if match else 0

    def _build_memory(self, size: int, virtual: bool, model: str) -> tuple[Device, int] | None:
        if self._memory_rule == "off" or not size:
            return None
        # A virtual machine has a share of its host's DIMMs, so its size says more than a number of modules.
        if self._memory_rule == "size" or virtual:
            gigabytes = size / _GIGABYTE
            power, note = gigabytes * memory_model.WATTS_PER_GIGABYTE, f"3 W per 8 GB, {gigabytes:.1f} GB"
        else:
            info = f"model name : {model}" if self._portable else self._read_text("cpuinfo")
            power, note = memory_model.watts(size, info, self._procfs, self._sysfs)
        self.notes_by_component["dram"] = [
            f"dram-0 is modelled: {power:.1f} W, +-{UNCERTAINTY_RATIO:.0%} ({note})"
        ]
        device = Device("dram", "dram-0", self.name, UNCERTAINTY_RATIO, None, 2 * power)
        return device, round(power * 1e6)

    def _read_text(self, name: str) -> str:
        try:
            return (self._procfs / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def _model_name(cpuinfo: str) -> str:
    match = re.search(r"^(?:model name|Processor|cpu model|Model)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return match[1].strip() if match else ""
