"""AMD GPUs through AMD SMI (package ``amdsmi``, which comes with ROCm and is installed separately).

API: https://rocm.docs.amd.com/projects/amdsmi/en/latest/reference/amdsmi-py-api.html. Its answers changed names
between releases; values that a GPU does not have are the text "N/A" or the largest number of their C type.

The energy counter of some parts is wrong (stands still, or counts in another unit), so it is compared with the
integral of power first; a GPU whose counter disagrees is measured by its power instead.

The graphics of an APU is no device: the CPU's package counts it. The kernel says which one it is, as for hwmon.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from ..errors import Denied, Fatal, NotHere, TryAgain
from ..model import Device, DeviceUse, EnergyReading, Meter, PowerReading, Reading, Sample
from . import apu
from .standing_still import CounterCheck

# AMD does not state the accuracy of its counter; taken as for power that firmware models.
UNCERTAINTY_RATIO = 0.1
DEFAULT_MAX_WATTS = 1500.0
CHECK_NS = 10_000_000_000  # how long counter and power are compared
CHECK_GAP_NS = 30_000_000_000  # between two reads power may have been anything: they are 10 s apart at most
CHECK_FACTOR = 2  # they may differ by: power is sampled once a tick, so only gross errors show

# Inode of the first PID namespace, fixed in the kernel's include/linux/proc_ns.h (PROC_PID_INIT_INO).
INITIAL_PID_NAMESPACE = 4026531836

LOOK_AGAIN_NS = 60_000_000_000
LOOK_PAUSES = (
    600  # a look that takes a second is made every ten minutes: it holds up the reads of the other GPUs
)
ENERGY_ERRORS = 3  # in a row, after which a counter that gives errors is left for power

_SECOND = 1_000_000_000
_QUIET_PERCENT = 1  # of the engines' time; in steps of a percent
_UNKNOWN_PID = 0  # weight of users nobody can name: their energy is unattributed
_MICROWATTS_ABOVE = 10_000  # limits are watts in some releases and microwatts in others
_MOST_LIMIT = 10**12  # of a limit in either unit
_MOST_WATTS = 0xFFFE  # from here on it is "unknown" in one of its C types, or microwatts
_UNKNOWN_COUNT = 2**64 - 1
# amdsmi_status_t
_NOT_SUPPORTED, _NO_PERMISSION, _DRIVER_NOT_LOADED = 2, 10, 34
_MISMATCH = "pip install the amdsmi of the ROCm release in use and restart the exporter"
_UNSEEN = (
    "AMD GPUs are measured but not split: the processes on them may not be seen"
    " (run the exporter as root or with CAP_SYS_PTRACE)"
)


class _Check(Struct):
    """Energy counter and power side by side, in uJ, uW and ns of CLOCK_BOOTTIME."""

    energy: int  # at the start
    since_ns: int
    asleep_ns: int  # since boot
    power: int  # at the last read
    at_ns: int
    area: int = 0  # uW * ns


class _Gpu(Struct):
    address: str  # on the PCI bus: 0000:03:00.0
    index: int  # in the library's order
    handle: Any
    of: Device | Meter
    amiss: bool = False  # its last read failed
    energy_counts: bool = True
    energy_errors: int = 0  # in a row
    check: _Check | None = None  # the comparison of counter and power while it goes on
    checked: bool = False
    later: CounterCheck = field(default_factory=CounterCheck)  # a counter that stops after it was checked
    # PID -> time on the graphics engine (ns; 0: none is told) at the last read; None: not read yet.
    busy_ns: dict[int, int] | None = None
    listed_ns: int = 0  # when that was, in time awake


class AmdSmi:
    """Every AMD GPU by its PCI address, as hwmon names it too: the first of the two measures, this one also splits.

    Raises NotHere (no package, library, driver or GPU), Denied, Fatal (package and library of different releases),
    TryAgain (not ready). One broken GPU is a failure of that GPU only. ``hwmon_shows_apus``: the sensor hwmon is in
    use, so that the meter of an APU's graphics is left to it. ``awake_ns`` (CLOCK_MONOTONIC), where there is one,
    stands still while the machine sleeps. ``procfs`` is where AMD's library finds processes: it has no other root.
    """

    name = "amdsmi"
    slow_open = True
    may_hang = True  # calls into a driver that a broken GPU can wedge

    def __init__(
        self,
        sysfs: str,
        boottime_ns: Callable[[], int],
        idle_watts: float | None = None,
        hwmon_shows_apus: bool = False,
        awake_ns: Callable[[], int] | None = None,
        procfs: str = "/proc",
        initial_pid_namespace: int = INITIAL_PID_NAMESPACE,
    ) -> None:
        self._sysfs = sysfs
        self._now = boottime_ns
        self._awake = awake_ns or boottime_ns
        self._procfs = Path(procfs)
        self._initial_pid_namespace = initial_pid_namespace
        self._everyone_seen = False
        self._hwmon_shows_apus = hwmon_shows_apus
        self._idle_watts = idle_watts
        self._lib: Any = None
        self._error: type[Exception] = Exception
        self._gpus: list[_Gpu] = []
        self._failed: dict[str, str] = {}  # GPUs that do not say who they are, by their index
        self._left_out: dict[str, str] = {}  # address -> why it is not measured here
        self._listed = 0  # GPUs in the library's list when it was last gone through
        self._look_ns = 0  # when to look for GPUs again
        self.notes: list[str] = []

    def open(self) -> None:
        """Load the library and find the GPUs."""
        self.close()
        lib = _load()
        self._error = lib.AmdSmiException
        self.notes, self._failed, self._left_out = [], {}, {}
        self._everyone_seen = self._sees_everyone()
        try:
            lib.amdsmi_init()
            self._lib = lib
            handles = list(lib.amdsmi_get_processor_handles())
        except self._error as error:
            self.close()
            raise _failure(error) from None
        self._look(handles)
        self._look_ns = self._now() + LOOK_AGAIN_NS
        if not self._gpus:
            failed, left_out = self._failed, self._left_out
            self.close()
            if failed:
                raise TryAgain(f"no AMD GPU answers: {sorted(failed)}")
            raise NotHere("; ".join(f"{who} {why}" for who, why in left_out.items()) or "no AMD GPU")

    def _look(self, handles: Sequence[Any]) -> None:
        """Ask every handle whose it is: a new GPU is added, a known one gets its handle of today."""
        missing = {gpu.address: gpu for gpu in self._gpus}
        failed: set[int] = set()
        for index, handle in enumerate(handles):
            try:
                address = str(self._lib.amdsmi_get_gpu_device_bdf(handle)).lower()
            except self._error:
                failed.add(index)
                continue
            known = missing.pop(address, None)
            if known is not None:
                known.index, known.handle = index, handle
            elif address not in self._left_out:
                self._add(index, handle, address)
        # Who fails cannot be asked who it is: the index serves to say which one, unless it was told before.
        told = {gpu.index for gpu in missing.values()}
        self._failed = {f"index-{index}": "error" for index in sorted(failed - told)}
        self._listed = len(handles)

    def _look_again(self, now: int) -> None:
        """Once a minute: a GPU may answer by now, or be plugged in."""
        if now < self._look_ns:
            return
        try:
            handles = list(self._lib.amdsmi_get_processor_handles())
        except self._error:
            return  # the reads will say what is wrong
        if self._failed or len(handles) != self._listed or any(gpu.amiss for gpu in self._gpus):
            self._look(handles)
        done = self._now()
        self._look_ns = done + max(LOOK_AGAIN_NS, LOOK_PAUSES * (done - now))

    def _add(self, index: int, handle: Any, address: str) -> None:
        """Measure a GPU from now on, or say why not."""
        limit = self._limit(handle)
        chip = apu.chip_at(self._sysfs, address)
        of: Device | Meter
        if chip is None or not apu.is_apu(chip):
            of = Device("gpu", address, self.name, UNCERTAINTY_RATIO, self._idle_watts, limit)
        elif self._hwmon_shows_apus and apu.has_power(chip):
            self._leave_out(address, "is the graphics of an APU: part of the CPU's package, a meter of hwmon")
            return
        else:
            of = Meter(apu.meter_name(address), self.name, apu.PACKAGE, (), UNCERTAINTY_RATIO, limit)
        gpu = _Gpu(address, index, handle, of)
        if self._tells_something(gpu):
            self._gpus.append(gpu)
        else:
            self._leave_out(address, "tells neither energy nor power: it is not measured")

    def _leave_out(self, address: str, why: str) -> None:
        self._left_out[address] = why
        self.notes.append(f"{address} {why}")

    def read(self) -> Sample:
        """Energy and use of every GPU that answers."""
        if self._lib is None:
            raise TryAgain("amdsmi is not open")
        readings: list[Reading] = []
        uses: list[DeviceUse] = []
        self._look_again(self._now())
        failures = dict(self._failed)
        for gpu in self._gpus:
            gpu.amiss = False
            try:
                readings.append(self._read(gpu))
                if isinstance(gpu.of, Device):
                    uses.append(self._use(gpu, gpu.of))
            except (self._error, ValueError):
                failures[gpu.of.name] = "error"
                gpu.amiss = True
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

    def _tells_something(self, gpu: _Gpu) -> bool:
        """Not so on the second and later partitions of an MI300, whose first one stands for the whole GPU."""
        for ask in (self._energy, self._power):
            try:
                ask(gpu)
            except ValueError:
                continue
            except self._error as error:
                if _code(error) != _NOT_SUPPORTED:
                    return True  # it may, once the error has passed
            else:
                return True
        return False

    def _read(self, gpu: _Gpu) -> Reading:
        now = self._now()
        if gpu.energy_counts:
            try:
                energy = self._energy(gpu)
            except (self._error, ValueError) as error:
                gpu.energy_errors += 1
                if _code(error) not in (None, _NOT_SUPPORTED) and gpu.energy_errors < ENERGY_ERRORS:
                    raise  # what passes is made good by the counter's next answer
                power = PowerReading(gpu.of, self._power(gpu), now)
                gpu.energy_counts = False
                return power
            gpu.energy_errors = 0
            self._compare(gpu, energy, now)
            if gpu.energy_counts:
                return EnergyReading(gpu.of, energy, now)
        return PowerReading(gpu.of, self._power(gpu), now)

    def _energy(self, gpu: _Gpu) -> int:
        """Microjoules since the driver was loaded. Raises ValueError when the GPU tells none."""
        answer = self._lib.amdsmi_get_energy_count(gpu.handle)
        count = _number(answer.get("energy_accumulator", answer.get("power")))  # so named before 6.3
        resolution = _number(answer.get("counter_resolution"))  # in uJ: 15.3, as a C float 15.30000019
        if count == _UNKNOWN_COUNT:
            raise ValueError("no counter")
        return int(count) * round(resolution * 10_000) // 10_000

    def _power(self, gpu: _Gpu) -> int:
        """Power in microwatts. Raises ValueError when the GPU tells none."""
        answer: Mapping[str, Any] = self._lib.amdsmi_get_power_info(gpu.handle)
        # The last one is the C library's own choice of the two, since 7.0; watts on Linux, else microwatts.
        known = []
        for key in ("current_socket_power", "average_socket_power", "socket_power"):
            with contextlib.suppress(ValueError):
                known.append((key, _number(answer.get(key))))
        watts = [value for _, value in known if 0 < value < _MOST_WATTS]
        if watts:
            return round(watts[0] * 1_000_000)
        if any(value == 0 for key, value in known if key != "socket_power"):
            return 0
        raise ValueError("no power")

    def _compare(self, gpu: _Gpu, energy: int, now: int) -> None:
        """Integrate power beside the counter for a while, then decide which of them to believe."""
        if gpu.checked:
            self._compare_again(gpu, energy, now)
            return
        try:
            power = self._power(gpu)
        except (self._error, ValueError):
            return  # nothing to compare with
        asleep, check = self._now() - self._awake(), gpu.check
        # Asleep, and in a long gap, power was not what it is at both ends.
        if check is None or asleep - check.asleep_ns > _SECOND or now - check.at_ns > CHECK_GAP_NS:
            gpu.check = _Check(energy, now, asleep, power, now)
            return
        check.area += (check.power + power) * (now - check.at_ns) // 2
        check.power, check.at_ns = power, now
        if now - check.since_ns < CHECK_NS:
            return
        counted, integrated = energy - check.energy, check.area // _SECOND
        gpu.check, gpu.checked = None, True
        if not integrated <= counted * CHECK_FACTOR <= integrated * CHECK_FACTOR**2:
            gpu.energy_counts = False
            self.notes.append(
                f"{gpu.of.name}: its energy counter said {counted // 1_000_000} J where its power adds up to"
                f" {integrated // 1_000_000} J: measured by power from now on"
            )

    def _compare_again(self, gpu: _Gpu, energy: int, now: int) -> None:
        """A counter that was right may stop, or count less: power says so, asked now and then."""
        if not gpu.later.wants_power(energy, now):
            return
        try:
            against = gpu.later.refuted_by(self._power(gpu))
        except (self._error, ValueError):
            return  # nothing to compare with
        if against:
            gpu.energy_counts = False
            self.notes.append(f"{gpu.of.name}: {against}: measured by power from now on")

    def _limit(self, handle: Any) -> float:
        try:
            limit = _number(self._lib.amdsmi_get_power_cap_info(handle).get("max_power_cap"))
        except (self._error, ValueError):
            return DEFAULT_MAX_WATTS
        if not 0 < limit < _MOST_LIMIT:
            return DEFAULT_MAX_WATTS
        return limit / 1e6 if limit > _MICROWATTS_ABOVE else limit

    # --- who used it

    def _use(self, gpu: _Gpu, device: Device) -> DeviceUse:
        """Time on the graphics engine since the last read, per process; without it, the only holder.

        Time that is not told may be all of it: of who was not there at the last read, has left since, or has queues
        of ROCm's own, which one that draws may have, too. Such time goes to nobody unless there is but one on the
        list, and with it no GPU is quiet: its draw would be learned as idle.
        """
        try:
            processes = self._lib.amdsmi_get_gpu_process_list(gpu.handle)
        except self._error as error:
            if _code(error) == _NO_PERMISSION and _UNSEEN not in self.notes:
                self.notes.append(_UNSEEN)
            return DeviceUse(device)
        except ValueError:  # a name that the library cut inside a character, which the package cannot decode
            return DeviceUse(device)
        busy, now = _engine_times(processes), self._awake()
        before, elapsed = gpu.busy_ns, now - gpu.listed_ns
        gpu.busy_ns, gpu.listed_ns = busy, now
        holders = frozenset(busy) if _UNKNOWN_PID not in busy else frozenset(busy) - {_UNKNOWN_PID}
        known = _spent_since(before or {}, busy)
        if len(busy) == 1 and not known:
            return DeviceUse(device, dict.fromkeys(busy, 1), holders, "holder")
        told = before is not None and len(known) == len(busy) and before.keys() <= busy.keys()
        weights = {pid: spent for pid, spent in known.items() if spent}
        if weights:
            rest = 0 if told else elapsed - sum(weights.values())
            if rest > 0:
                weights[_UNKNOWN_PID] = rest
            return DeviceUse(device, weights, holders, "utilisation")
        works = told and self._works(gpu)
        if works and len(busy) == 1:
            return DeviceUse(device, dict.fromkeys(busy, 1), holders, "holder")  # on ROCm's own queues
        quiet = told and self._everyone_seen and not works
        return DeviceUse(device, {}, holders, "utilisation" if quiet else "none", quiet)

    def _works(self, gpu: _Gpu) -> bool:
        """Whether its engines are busy now; False where it does not say.

        The list of processes is of those that opened /dev/kfd: of a game nothing else tells.
        """
        try:
            return _number(self._lib.amdsmi_get_gpu_activity(gpu.handle).get("gfx_activity")) > _QUIET_PERCENT
        except (self._error, ValueError, AttributeError):
            return False

    def _sees_everyone(self) -> bool:
        """Whether an empty list means that there is nobody: the library leaves out whom it may not see."""
        try:
            here = (self._procfs / "self/ns/pid").stat().st_ino
        except OSError:
            return False
        return here == self._initial_pid_namespace and os.access(self._procfs / "1/fdinfo", os.R_OK)


def _engine_times(processes: Iterable[Any]) -> dict[int, int]:
    """PID -> nanoseconds on the graphics engine, 0 where none is told: ROCm's own queues are not counted.

    One of which nothing but a handle is told, as old releases do, is somebody all the same: _UNKNOWN_PID.
    Without the exporter: on some GPUs the library itself opens /dev/kfd, which puts it on the list.
    """
    busy: dict[int, int] = {}
    for process in processes:
        pid = int(process.get("pid") or 0) if isinstance(process, dict) else 0
        if pid <= 0:
            busy[_UNKNOWN_PID] = 0
            continue
        try:
            busy[pid] = int(_number((process.get("engine_usage") or {}).get("gfx")))
        except ValueError:
            busy[pid] = 0
    busy.pop(os.getpid(), None)
    return busy


def _spent_since(before: Mapping[int, int], busy: Mapping[int, int]) -> dict[int, int]:
    """PID -> nanoseconds since the last read, of the processes of which that is known.

    Not of one whose time went back: its number is another process's now.
    """
    return {
        pid: spent - before[pid]
        for pid, spent in busy.items()
        if pid in before and spent and spent >= before[pid]
    }


def _load() -> Any:
    """The package amdsmi, whose import loads libamd_smi.so. Raises NotHere, Fatal. Prints nothing.

    A failed import leaves nothing behind that the next one would take for the package.
    """
    if importlib.util.find_spec("amdsmi") is None:
        raise NotHere("the package amdsmi is not installed")
    said = io.StringIO()  # it prints why there is no library, then stumbles over a name
    try:
        with contextlib.redirect_stdout(said):
            return importlib.import_module("amdsmi")
    except (KeyError, OSError) as error:
        reason = next(iter(said.getvalue().splitlines()), f"{type(error).__name__}: {error}")
        raise NotHere(f"libamd_smi.so cannot be loaded: {reason}") from None
    except Exception as error:
        raise Fatal(f"amdsmi cannot be loaded: {type(error).__name__}: {error}", _MISMATCH) from None


def _code(error: Exception) -> int | None:
    """The amdsmi_status_t of an error; None where it has none."""
    code = getattr(error, "err_code", None)
    return code if isinstance(code, int) else None


def _failure(error: Exception) -> Exception:
    """What the caller should do about an error of the library as a whole."""
    text = f"amdsmi: {' '.join(str(error).split())}"  # their text is of two lines
    if _code(error) == _DRIVER_NOT_LOADED:
        return NotHere(text)
    if _code(error) == _NO_PERMISSION:
        return Denied(
            text, "let the exporter's user open /dev/kfd and /dev/dri/renderD* (groups render, video)"
        )
    return TryAgain(text)


def _number(value: Any) -> float:
    """A number of an answer. Raises ValueError for "N/A" and for what is missing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"not a number: {value!r}")
    return value
