"""The model used where nothing measures: CPU power from utilisation, memory power from its modules, and the rest.

What the machine draws at which load comes from a fitted table (power.py); here it is turned into counters that read
like a meter's. Every package follows its own utilisation, and where the kernel shows them its frequency and sleep
states (live.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from ....model import Device, EnergyReading, Sample
from .. import portable
from . import memory_model
from .cpu_times import CpuTimes, Times
from .identity import identify_cpu
from .machine import Machine, portable_machine, read_machine
from .power import Power, power_of
from .table import at, built_in, region

if TYPE_CHECKING:
    from .live import LiveInputs

CALIBRATION_FILE = "estimate.json"
MEMORY_UNCERTAINTY_RATIO = 0.5
_GIGABYTE = 1_000_000_000
_SECOND = 1_000_000_000
# The sigma that is exported is that of the load of about a minute, looked up as often.
_SIGMA_NS = 60 * _SECOND


class _Counter(Struct):
    """Integrates a power. ``energy`` in microjoules since open, ``carry`` below one of them, in 1e-9 uJ."""

    device: Device
    energy: int = 0
    carry: int = 0

    def add(self, microwatts: int, nanoseconds: int) -> None:
        energy, self.carry = divmod(microwatts * nanoseconds + self.carry, _SECOND)
        self.energy += energy


class _Package(Struct):
    counter: _Counter
    curve: tuple[float, ...]  # watts at the eleven loads
    cpus: frozenset[int]
    utilisation: float = 0.0
    usual: float = 0.0  # utilisation, smoothed


class Estimate:
    """Estimates cpu (package-N), dram (dram-0) and, with ``other``, the rest of the machine (machine-0).

    Keeps a counter of its own, so it reads like a meter. On other systems than Linux the CPU times come from psutil.
    ``state_dir`` is where a calibration may be kept. Raises NotHere where procfs has no CPU times, TryAgain when they
    cannot be read.
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
        state_dir: str = "",
        other: bool = False,
    ) -> None:
        self._procfs = Path(procfs)
        self._sysfs = Path(sysfs)
        self._now = boottime_ns
        self._awake = awake_ns or boottime_ns  # asleep, a machine draws next to nothing
        self._portable = platform != "linux"
        self._tdp_watts = cpu_tdp_watts
        self._idle_watts = idle_watts
        self._memory_rule = memory
        self._state_dir = Path(state_dir) if state_dir else None
        self._other_wanted = other
        self._stat: CpuTimes | None = None
        self._machine: Machine | None = None
        self._power: Power | None = None
        self._packages: list[_Package] = []
        self._memory: tuple[_Counter, int] | None = None  # and its microwatts
        self._other: _Counter | None = None
        self._live: LiveInputs | None = None
        self._awake_ns = 0
        self._settled_ns = 0
        self._kept_at = (
            0  # when the calibration in force was written, in ns since the epoch; 0: there is none
        )
        self._times: Times = {}
        self.notes_by_component: dict[str, list[str]] = {}  # for a person: where the figures come from

    def open(self) -> None:
        """Look up the CPU and the memory; the counters begin at 0."""
        self.close()
        if not self._portable:
            self._stat = CpuTimes(self._procfs)
        self._times = self._cpu_times()
        if not self._packages:  # else opened again: go on counting
            self._machine = self._look_at_machine()
            self._kept_at = self._calibration_time()
            self._power = self._estimated(self._machine)
            self._build(self._machine, self._power)
        if self._machine is not None and self._shows_its_state():
            from .live import LiveInputs  # guests show nothing of it

            self._live = LiveInputs(self._sysfs, self._machine.topology.packages, self._machine.mhz)
        self._awake_ns = self._awake()

    def read(self) -> Sample:
        """One EnergyReading per package, one for the memory and one for the rest."""
        now = self._now()
        awake = self._awake()
        elapsed = max(0, awake - self._awake_ns)
        self._awake_ns = awake
        before, self._times = self._times, self._cpu_times()
        if now - self._settled_ns >= _SIGMA_NS:
            self._settle(now)
        if self._live is not None:
            self._live.look(now)
        readings = []
        for place, package in enumerate(self._packages):
            package.utilisation = _utilisation(before, self._times, package)
            package.usual += (package.utilisation - package.usual) * min(1.0, elapsed / _SIGMA_NS)
            counter = package.counter
            counter.add(self._package_microwatts(place, package), elapsed)
            readings.append(EnergyReading(counter.device, counter.energy, now))
        if self._memory is not None:
            counter, microwatts = self._memory
            counter.add(microwatts, elapsed)
            readings.append(EnergyReading(counter.device, counter.energy, now))
        if self._other is not None and self._power is not None:
            load = sum(package.utilisation for package in self._packages) / len(self._packages)
            self._other.add(round(at(self._power.other, load) * 1e6), elapsed)
            readings.append(EnergyReading(self._other.device, self._other.energy, now))
        return Sample(readings)

    def close(self) -> None:
        """Close what is open."""
        if self._stat is not None:
            self._stat.close()
            self._stat = None
        if self._live is not None:
            self._live.close()
            self._live = None

    def _package_microwatts(self, place: int, package: _Package) -> int:
        watts, load = at(package.curve, package.utilisation), package.utilisation
        if self._live is not None and self._live.seen:
            idle, full = package.curve[0], package.curve[-1]
            watts = idle + (watts - idle) * self._live.dynamic_factor(place, load)
            watts += (full - idle) * self._live.awake_share(place, load)
        return round(watts * 1e6)

    def _cpu_times(self) -> Times:
        if self._stat is None:
            return portable.cpu_times()
        return self._stat.read()

    # --- what the machine is

    def _shows_its_state(self) -> bool:
        cpu = self._sysfs / "devices/system/cpu/cpu0"
        return not self._portable and any((cpu / name).is_dir() for name in ("cpufreq", "cpuidle"))

    def _look_at_machine(self) -> Machine:
        if self._portable:
            identity = identify_cpu(f"model name : {portable.cpu_model()}")
            return portable_machine(identity, self._times, portable.memory_bytes(), self._tdp_watts)
        return read_machine(self._procfs, self._sysfs, self._tdp_watts, self._times)

    def _estimated(self, machine: Machine) -> Power:
        power = power_of(machine, built_in())
        if self._tdp_watts is not None:
            power = _with_full(power, self._tdp_watts * machine.topology.chips)
        if self._state_dir is None or not self._kept_at:
            return power
        from .calibration import kept_in  # most machines have none

        return kept_in(self._state_dir, power, machine)

    def _calibration_time(self) -> int:
        if self._state_dir is None:
            return 0
        try:
            return (self._state_dir / CALIBRATION_FILE).stat().st_mtime_ns
        except OSError:
            return 0

    def _settle(self, now: int) -> None:
        """Take over a new calibration, and the sigma of the load of the last minute."""
        self._settled_ns = now
        written = self._calibration_time()
        if written != self._kept_at and self._machine is not None:
            self._kept_at = written
            self._power = self._estimated(self._machine)
            self._build(self._machine, self._power)
        if self._power is None:
            return
        for package in self._packages:
            sigma = round(self._power.cpu_sigma[region(package.usual)], 3)
            if sigma != package.counter.device.uncertainty_ratio:
                package.counter.device = replace(package.counter.device, uncertainty_ratio=sigma)

    # --- what it is taken to draw; counters that exist go on

    def _build(self, machine: Machine, power: Power) -> None:
        self._packages = self._build_packages(machine, power)
        self._memory = self._build_memory(machine, power)
        if self._other_wanted:
            most, sigma = max(power.other), round(power.sigma[0], 3)
            device = Device("other", "machine-0", self.name, sigma, None, 2 * most)
            self._other = _Counter(device, *_counted(self._other))
            self.notes_by_component["other"] = [
                f"the rest of the machine is modelled: {power.other[0]:.1f} W idle, {power.other[-1]:.1f} W at full"
                f" load, ±{sigma:.0%} ({power.how})"
            ]

    def _build_packages(self, machine: Machine, power: Power) -> list[_Package]:
        groups = machine.topology.packages
        packages, notes = [], []
        for place, cpus in enumerate(groups.values()):
            curve = tuple(watts / len(groups) for watts in power.cpu)
            if self._idle_watts is not None:
                curve = _with_idle(curve, min(self._idle_watts, curve[-1]))
            sigma = round(power.cpu_sigma[region(0.5)], 3)
            idle, full = round(curve[0], 3), round(curve[-1], 3)
            device = Device("cpu", f"package-{place}", self.name, sigma, idle, full)
            former = self._packages[place] if place < len(self._packages) else None
            package = _Package(_Counter(device, *_counted(former.counter if former else None)), curve, cpus)
            if former is not None:
                package.utilisation, package.usual = former.utilisation, former.usual
            packages.append(package)
            notes.append(
                f"package-{place} is modelled: {full:.3g} W full, {idle:.3g} W idle, ±{sigma:.0%} ({power.how});"
                " `gramwatt-exporter estimate calibrate` corrects it"
            )
        self.notes_by_component["cpu"] = notes
        return packages

    def _build_memory(self, machine: Machine, power: Power) -> tuple[_Counter, int] | None:
        size = machine.memory_bytes or 0
        if self._memory_rule == "off" or not size:
            return None
        watts, note = power.dram, machine.memory_how or f"a guest's {size / _GIGABYTE:.1f} GB of its host's"
        if self._memory_rule == "size":
            watts = size / _GIGABYTE * memory_model.WATTS_PER_GIGABYTE
            note = f"3 W per 8 GB, {size / _GIGABYTE:.1f} GB"
        ratio = MEMORY_UNCERTAINTY_RATIO
        self.notes_by_component["dram"] = [f"dram-0 is modelled: {watts:.1f} W, ±{ratio:.0%} ({note})"]
        device = Device("dram", "dram-0", self.name, ratio, None, 2 * watts)
        return _Counter(device, *_counted(self._memory[0] if self._memory else None)), round(watts * 1e6)


def _counted(former: _Counter | None) -> tuple[int, int]:
    return (former.energy, former.carry) if former is not None else (0, 0)


def _utilisation(before: Mapping[int, tuple[int, int]], now: Times, package: _Package) -> float:
    busy = total = 0
    for cpu in package.cpus:
        if cpu in before and cpu in now:
            busy += max(0, now[cpu][0] - before[cpu][0])
            total += max(0, now[cpu][1] - before[cpu][1])
    if not any(cpu in now for cpu in package.cpus):
        return 0.0  # all of them were taken offline
    # Two reads within one clock tick (10 ms): what was true a moment ago still is.
    return min(1.0, busy / total) if total else package.utilisation


def _with_full(power: Power, watts: float) -> Power:
    """What a person configured as the full power of the packages; the curve stays."""
    factor = watts / power.cpu[-1]
    return replace(power, cpu=tuple(each * factor for each in power.cpu), how=f"configured TDP; {power.how}")


def _with_idle(curve: tuple[float, ...], idle: float) -> tuple[float, ...]:
    span = curve[-1] - curve[0]
    if span <= 0:
        return curve
    return tuple(idle + (watts - curve[0]) / span * (curve[-1] - idle) for watts in curve)
