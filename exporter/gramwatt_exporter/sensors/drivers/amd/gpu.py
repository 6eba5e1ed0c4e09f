"""One AMD GPU: its energy counter or its power, and which processes use it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ....model import Device, DeviceMemory, DeviceUse, EnergyReading, Meter, PowerReading, Reading
from ...power_reader import PowerReader
from ...standing_still import DECIDE_NS, LEAST_MICROWATTS
from ..vram import used_bytes
from .counter import CounterTrial
from .library import NO_PERMISSION, NOT_SUPPORTED, code, number
from .processes import engine_times, memory_bytes
from .users import Users

LONGEST_WAIT_NS = 3 * DECIDE_NS  # of energy for a counter that stands still
ENERGY_ERRORS = 3  # in a row, after which a counter that gives errors is left for power
_SECOND = 1_000_000_000
_QUIET_PERCENT = 1  # of the engines' time; in steps of a percent
_MARGIN = 1.2  # a step beyond this times what the GPU can draw is no step, as for every counter
_MOST_WATTS = 0xFFFE  # from here on it is "unknown" in one of its C types, or microwatts
_UNKNOWN_COUNT = 2**64 - 1
_GAUGES = ("gfx_activity", "umc_activity", "mm_activity")  # engines, memory, media
UNSEEN = (
    "AMD GPUs are measured but not split: the processes on them may not be seen"
    " (run the exporter as root or with CAP_SYS_PTRACE)"
)


class Gpu:
    """``lib`` is the package; ``now_ns`` CLOCK_BOOTTIME, ``awake_ns`` CLOCK_MONOTONIC.

    ``integrates``: power is read often enough to be integrated here; else it is handed on as it is.
    """

    def __init__(
        self,
        lib: Any,
        address: str,
        index: int,
        handle: Any,
        of: Device | Meter,
        now_ns: Callable[[], int],
        awake_ns: Callable[[], int],
        users: Users,
        integrates: bool,
    ) -> None:
        self._lib = lib
        self.address = address  # on the PCI bus: 0000:03:00.0
        self.index = index  # in the library's order
        self.handle = handle
        self.chip: Path | None = None  # its hwmon directory
        self.of = of
        self._now, self._awake = now_ns, awake_ns
        self._users = users
        self._memory: Mapping[int, int] = {}  # bytes by PID at the last look
        self.amiss = False  # its last read failed
        self._reported: Reading | None = None
        self.repeats = False  # its last reading is an old one: its users are not asked yet
        self.energy_counts = True
        self.resets = 0  # steps of the counter that were not believed
        self.notes: list[str] = []
        self._errors = 0  # of the counter, in a row
        self._trial = CounterTrial()
        self._counter_value: EnergyReading | None = None  # the last value of the counter that was handed on
        self._offset = 0  # between the counter and what is handed on
        self._raw = 0  # what the counter showed last
        self._held: int | None = None  # the integral of power when the counter began to stand still
        self._base = 0  # added to the integral of power, which goes on from a counter
        self._drawn: int | None = None  # microjoules at the last look at the users
        sensor_ratio = of.uncertainty_ratio if isinstance(of, Device) else 0.1
        self.power = (
            PowerReader(self.microwatts, now_ns, of.max_watts, sensor_ratio or 0.1) if integrates else None
        )

    # --- energy

    def reports_something(self) -> bool:
        """Not so on the second and later partitions of an MI300, whose first one stands for the whole GPU."""
        for ask in (self.microjoules, self.microwatts):
            try:
                ask()
            except ValueError:
                continue
            except self._lib.AmdSmiException as error:
                if code(error) != NOT_SUPPORTED:
                    return True  # it may, once the error has passed
            else:
                return True
        return False

    def read(self) -> Reading:
        """Its energy or its power now. Raises the library's error and ValueError."""
        reading = self._read()
        self.repeats, self._reported = reading is self._reported, reading
        return reading

    def _read(self) -> Reading:
        if self.energy_counts:
            reading = self._counted()
            if reading is not None:
                return reading
        if self.power is None:
            return PowerReading(self.of, self.microwatts(), self._now())
        return self._integrated(self.power)

    def _integrated(self, power: PowerReader) -> EnergyReading:
        at_ns = self._now()
        power.take(self.microwatts(), at_ns)
        if isinstance(self.of, Device) and self.of.uncertainty_ratio != power.uncertainty_ratio:
            self.of = replace(self.of, uncertainty_ratio=power.uncertainty_ratio)
        points = power.drain()
        if points:
            at_ns, microjoules = points[-1]
            self._counter_value = EnergyReading(self.of, self._base + microjoules, at_ns, own=True)
        if self._counter_value is None:
            raise ValueError("no power that is believed")
        return self._counter_value

    def _counted(self) -> Reading | None:
        """The counter; None where it is left for power."""
        now = self._now()
        try:
            raw = self.microjoules()
        except (self._lib.AmdSmiException, ValueError) as error:
            self._errors += 1
            # What passes is made good by the counter's next answer.
            if self._errors < ENERGY_ERRORS:
                if isinstance(error, ValueError) and self._counter_value is not None:
                    return self._counter_value
                if code(error) not in (None, NOT_SUPPORTED):
                    raise
            self.microwatts()  # while that fails too, it is the GPU that fails
            self._leave_counter()
            return None
        self._errors = 0
        against = self._refuted(raw, now)
        if against:
            self._leave_counter()
            self.notes.append(f"{self.of.name}: {against}: measured by power from now on")
            return None
        if self._stands_still(raw, now):
            return self._counter_value
        self._counter_value = EnergyReading(self.of, self._goes_on(raw, now), now)
        return self._counter_value

    def _stands_still(self, raw: int, now: int) -> bool:
        """Whether the counter stands still while power does not: its energy waits until it moves or is refuted."""
        last, power, moved = self._counter_value, self.power, raw != self._raw
        self._raw = raw
        if last is None or power is None or moved or now - last.at_ns > LONGEST_WAIT_NS:
            self._held = None
            return False
        if now <= last.at_ns:
            return False
        try:
            microwatts = self.microwatts()
        except (self._lib.AmdSmiException, ValueError):
            return False
        if microwatts < LEAST_MICROWATTS:
            return False
        if self._held is None:
            power.take(microwatts, last.at_ns)
            self._held = power.microjoules
        power.take(microwatts, now)
        return True

    def _leave_counter(self) -> None:
        """From now on its energy is the integral of power, since the counter's last step where it stood still."""
        self.energy_counts = False
        if self._counter_value is not None and self.power is not None:
            since = self.power.microjoules if self._held is None else self._held
            self._base = self._counter_value.microjoules - since

    def _goes_on(self, raw: int, now: int) -> int:
        """The counter, going on from its last value also where it begins anew or leaps: by the power meanwhile."""
        value = raw + self._offset
        before = self._counter_value
        if before is None or now <= before.at_ns or self.power is None:
            return value
        elapsed, step = now - before.at_ns, value - before.microjoules
        most = (self.of.max_watts or 0) * _MARGIN * elapsed / 1_000
        if 0 <= step <= most:
            return value
        try:
            step = self.microwatts() * elapsed // _SECOND
        except (self._lib.AmdSmiException, ValueError):
            return value  # the sensor set counts it as a reset
        self.resets += 1
        self._offset = before.microjoules + step - raw
        return before.microjoules + step

    def _refuted(self, raw: int, now: int) -> str:
        if not self._trial.wants_power(raw, now):
            return ""
        try:
            power = self.microwatts()
        except (self._lib.AmdSmiException, ValueError):
            return ""  # nothing to compare with
        return self._trial.refuted_by(raw, power, now, self._now() - self._awake())

    def microjoules(self) -> int:
        """Since the driver was loaded. Raises ValueError when the GPU reports none."""
        answer = self._lib.amdsmi_get_energy_count(self.handle)
        count = number(answer.get("energy_accumulator", answer.get("power")))  # so named before 6.3
        resolution = number(answer.get("counter_resolution"))  # in uJ: 15.3, as a C float 15.30000019
        if count == _UNKNOWN_COUNT:
            raise ValueError("no counter")
        return int(count) * round(resolution * 10_000) // 10_000

    def microwatts(self) -> int:
        """Power. Raises ValueError when the GPU reports none."""
        answer: Mapping[str, Any] = self._lib.amdsmi_get_power_info(self.handle)
        # The last one is the C library's own choice of the two, since 7.0; watts on Linux, else microwatts.
        known = []
        for key in ("current_socket_power", "average_socket_power", "socket_power"):
            with contextlib.suppress(ValueError):
                known.append((key, number(answer.get(key))))
        watts = [value for _, value in known if 0 < value < _MOST_WATTS]
        if watts:
            return round(watts[0] * 1_000_000)
        if any(value == 0 for key, value in known if key != "socket_power"):
            return 0
        raise ValueError("no power")

    # --- which processes used it

    def between(self) -> None:
        """Between two reads: its counter or power, and which processes are there. Errors are left to the next read."""
        if self.amiss:
            return
        with contextlib.suppress(self._lib.AmdSmiException, ValueError):
            if self.energy_counts:
                now, raw = self._now(), self.microjoules()
                if self._counter_value is not None and not self._stands_still(raw, now):
                    self._counter_value = EnergyReading(self.of, self._goes_on(raw, now), now)
            elif self.power is not None:
                self._integrated(self.power)

    def look_at_users(self, all_seen: bool) -> None:
        """One look at the processes; those that may not be seen are logged once."""
        try:
            processes = self._lib.amdsmi_get_gpu_process_list(self.handle)
        except self._lib.AmdSmiException as error:
            if code(error) == NO_PERMISSION:
                self.notes.append(UNSEEN)
            return
        except ValueError:  # a name that the library cut inside a character, which the package cannot decode
            return
        counted = None if self._counter_value is None else self._counter_value.microjoules
        drawn = None if counted is None or self._drawn is None else max(0, counted - self._drawn)
        self._drawn = counted
        busy, self._memory = engine_times(processes), memory_bytes(processes)
        self._users.look(busy, self._awake(), self._now(), drawn, self._works, all_seen)

    def use(self, device: Device) -> DeviceUse:
        """The processes that used it since the last call."""
        return self._users.use(device)

    def memory(self) -> DeviceMemory:
        """Its memory in use now, and that of the processes at the last look at them."""
        return DeviceMemory(None if self.chip is None else used_bytes(self.chip), self._memory)

    def _works(self) -> bool:
        """Whether its engines, memory or media blocks are busy now; False where none of them is reported.

        The list of processes is of those that opened /dev/kfd: nothing else reports a game or a copy.
        """
        try:
            answer: Mapping[str, Any] = self._lib.amdsmi_get_gpu_activity(self.handle)
        except (self._lib.AmdSmiException, ValueError, AttributeError):
            return False
        busy = 0.0
        for gauge in _GAUGES:
            with contextlib.suppress(ValueError):
                busy = max(busy, number(answer.get(gauge)))
        return busy > _QUIET_PERCENT
