"""AMD GPUs through AMD SMI (package ``amdsmi``, which comes with ROCm and is installed separately).

API: https://rocm.docs.amd.com/projects/amdsmi/en/latest/reference/amdsmi-py-api.html. Its answers changed names
between releases; values that a GPU does not have are the text "N/A".

The energy counter of some parts is wrong (stands still, or counts in another unit), so it is compared with the
integral of power first; a GPU whose counter disagrees is measured by its power instead.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import NotHere, TryAgain
from ..model import Device, DeviceUse, EnergyReading, PowerReading, Reading, Sample

# AMD does not state the accuracy of its counter; taken as for power that firmware models.
UNCERTAINTY_RATIO = 0.1
DEFAULT_MAX_WATTS = 1500.0
CHECK_NS = 10_000_000_000  # how long counter and power are compared
CHECK_FACTOR = 2  # they may differ by: power is sampled once a tick, so only gross errors show

_MICROWATTS_ABOVE = 10_000  # limits are watts in some releases and microwatts in others


@dataclass(slots=True)
class _Gpu:
    handle: Any
    device: Device
    energy_counts: bool = True
    power_key: str = ""
    # The comparison of counter and power; None once it is decided.
    check: tuple[int, int] | None = None  # (counter in uJ, time) at its start
    power_area: int = 0  # uW * ns
    last_power: tuple[int, int] | None = None  # (uW, time)
    busy_ns: dict[int, int] = field(default_factory=dict)  # PID -> time on the graphics and compute engines


class AmdSmi:
    """Every AMD GPU by its PCI address, as hwmon names it too: the first of the two measures, this one also splits.

    Raises NotHere (no package, no GPU), TryAgain (library or driver not ready).
    """

    name = "amdsmi"
    slow_open = True
    may_hang = True  # calls into a driver that a broken GPU can wedge

    def __init__(self, boottime_ns: Callable[[], int], idle_watts: float | None = None) -> None:
        self._now = boottime_ns
        self._idle_watts = idle_watts
        self._lib: Any = None
        self._error: type[Exception] = Exception
        self._gpus: list[_Gpu] = []
        self.notes: list[str] = []

    def open(self) -> None:
        """Load the library and find the GPUs."""
        self.close()
        if importlib.util.find_spec("amdsmi") is None:
            raise NotHere("the package amdsmi is not installed")
        try:
            lib = importlib.import_module("amdsmi")
        except Exception as error:  # its import loads libamd_smi.so and fails in many ways without one
            raise NotHere(f"amdsmi cannot be loaded: {type(error).__name__}: {error}") from None
        self._error = getattr(lib, "AmdSmiException", Exception)
        try:
            lib.amdsmi_init()
            self._lib = lib
            handles = list(lib.amdsmi_get_processor_handles())
        except self._error as error:
            self.close()
            raise TryAgain(f"amdsmi: {error}") from None
        for handle in handles:
            try:
                address = str(lib.amdsmi_get_gpu_device_bdf(handle)).lower()
            except self._error:
                continue
            limit = self._limit(handle)
            device = Device("gpu", address, self.name, UNCERTAINTY_RATIO, self._idle_watts, limit)
            self._gpus.append(_Gpu(handle, device))
        if not self._gpus:
            self.close()
            raise NotHere("no AMD GPU")

    def read(self) -> Sample:
        """Energy and use of every GPU that answers."""
        if self._lib is None:
            raise TryAgain("amdsmi is not open")
        readings: list[Reading] = []
        uses: list[DeviceUse] = []
        failures: dict[str, str] = {}
        for gpu in self._gpus:
            try:
                readings.append(self._read(gpu))
                uses.append(self._use(gpu))
            except (self._error, ValueError):
                failures[gpu.device.name] = "error"
        if not readings:
            raise TryAgain(f"no AMD GPU answers: {sorted(failures)}")
        return Sample(readings, uses, failures)

    def close(self) -> None:
        """Let the library go."""
        lib, self._lib, self._gpus = self._lib, None, []
        if lib is not None:
            try:
                lib.amdsmi_shut_down()
            except self._error:
                return

    def _read(self, gpu: _Gpu) -> Reading:
        now = self._now()
        if gpu.energy_counts:
            try:
                energy = self._energy(gpu)
            except (self._error, ValueError):
                gpu.energy_counts = False
            else:
                self._compare(gpu, energy, now)
                if gpu.energy_counts:
                    return EnergyReading(gpu.device, energy, now)
        return PowerReading(gpu.device, self._power(gpu), now)

    def _energy(self, gpu: _Gpu) -> int:
        answer = self._lib.amdsmi_get_energy_count(gpu.handle)
        count = answer.get("energy_accumulator", answer.get("power"))
        return int(_number(count) * _number(answer.get("counter_resolution")))  # resolution in uJ

    def _power(self, gpu: _Gpu) -> int:
        """Power in microwatts. Raises ValueError when the GPU tells none."""
        answer: Mapping[str, Any] = self._lib.amdsmi_get_power_info(gpu.handle)
        for key in ("current_socket_power", "socket_power", "average_socket_power"):
            try:
                watts = _number(answer.get(key))
            except ValueError:
                continue
            if watts > 0:
                return round(watts * 1_000_000)
        raise ValueError("no power")

    def _compare(self, gpu: _Gpu, energy: int, now: int) -> None:
        """Integrate power beside the counter for a while, then decide which of them to believe."""
        if gpu.check is not None and gpu.check[1] < 0:
            return
        try:
            power = self._power(gpu)
        except (self._error, ValueError):
            return  # nothing to compare with
        if gpu.check is None or gpu.last_power is None:
            gpu.check, gpu.last_power = (energy, now), (power, now)
            return
        gpu.power_area += (gpu.last_power[0] + power) * (now - gpu.last_power[1]) // 2
        gpu.last_power = (power, now)
        started_with, since = gpu.check
        if now - since < CHECK_NS:
            return
        counted, integrated = energy - started_with, gpu.power_area // 1_000_000_000
        gpu.check = (0, -1)
        if not integrated <= counted * CHECK_FACTOR <= integrated * CHECK_FACTOR**2:
            gpu.energy_counts = False
            self.notes.append(
                f"{gpu.device.name}: its energy counter said {counted // 1_000_000} J where its power adds up to"
                f" {integrated // 1_000_000} J: measured by power from now on"
            )

    def _limit(self, handle: Any) -> float:
        try:
            limit = _number(self._lib.amdsmi_get_power_cap_info(handle).get("max_power_cap"))
        except (self._error, ValueError):
            return DEFAULT_MAX_WATTS
        return limit / 1e6 if limit > _MICROWATTS_ABOVE else limit or DEFAULT_MAX_WATTS

    def _use(self, gpu: _Gpu) -> DeviceUse:
        """Time on the engines since the last read, per process; without it, the only holder."""
        try:
            processes = list(self._lib.amdsmi_get_gpu_process_list(gpu.handle))
        except self._error:
            return DeviceUse(gpu.device)
        busy: dict[int, int] = {}
        holders: set[int] = set()
        for process in processes:
            if not isinstance(process, Mapping):
                continue
            pid = int(process.get("pid") or 0)
            if pid <= 0:
                continue
            holders.add(pid)
            try:
                busy[pid] = int(_number((process.get("engine_usage") or {}).get("gfx")))
            except ValueError:
                continue
        before, gpu.busy_ns = gpu.busy_ns, busy
        weights = {
            pid: spent - before[pid] for pid, spent in busy.items() if pid in before and spent > before[pid]
        }
        if any(busy.values()):
            return DeviceUse(gpu.device, weights, frozenset(holders), "utilisation")
        if len(holders) == 1:
            return DeviceUse(gpu.device, dict.fromkeys(holders, 1), frozenset(holders), "holder")
        return DeviceUse(gpu.device, {}, frozenset(holders), "none")


def _number(value: Any) -> float:
    """A number of an answer. Raises ValueError for "N/A" and for what is missing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"not a number: {value!r}")
    return value
