"""AMD GPUs through AMD SMI (package ``amdsmi``, which comes with ROCm and is installed separately).

API: https://rocm.docs.amd.com/projects/amdsmi/en/latest/reference/amdsmi-py-api.html. Its answers changed names
between releases; values that a GPU does not have are the text "N/A" or the largest number of their C type. The parts
are in ``amd/``.

The graphics of an APU is no device: the CPU's package counts it. The kernel says which one it is, as for hwmon.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ....errors import NotHere, TryAgain
from ....model import Device, DeviceUse, Meter, Reading, Sample
from ...threads import Repeater, Turns
from .. import apu, vram
from .gpu import Gpu
from .library import failure, load, number
from .processes import Births
from .users import Users

# AMD does not state the accuracy of its counter; taken as for power that firmware models.
UNCERTAINTY_RATIO = 0.1
DEFAULT_MAX_WATTS = 1500.0

# Inode of the first PID namespace, fixed in the kernel's include/linux/proc_ns.h (PROC_PID_INIT_INO).
INITIAL_PID_NAMESPACE = 4026531836

LOOK_AGAIN_NS = 60_000_000_000
LOOK_PAUSES = (
    600  # a look that takes a second is made every ten minutes: it holds up the reads of the other GPUs
)
BETWEEN_SECONDS = 1.0  # between two looks at the processes
POWER_SECONDS = 0.1  # between two reads of a GPU's power that is integrated
SHARE_OF_TIME = 0.1  # of the time at most is spent in the library between two reads
PATIENCE_SECONDS = 0.1  # what a read may take: a library that takes longer is read between two reads
HANGS_SECONDS = (
    3600.0  # a call that hangs keeps the other thread waiting: the read is then reported as hanging
)

_SECOND = 1_000_000_000
_START_NS = 20_000_000  # /proc states starts in ticks of 10 ms
_MICROWATTS_ABOVE = 10_000  # limits are watts in some releases and microwatts in others
_MOST_LIMIT = 10**12  # of a limit in either unit

MakeRepeater = Callable[[Callable[[], float], str], Repeater]


class AmdSmi:
    """Every AMD GPU by its PCI address, as hwmon names it too: the first of the two measures, this one also splits.

    Raises NotHere (no package, library, driver or GPU), Denied, Fatal (package and library of different releases),
    TryAgain (not ready). One broken GPU is a failure of that GPU only. ``hwmon_shows_apus``: the sensor hwmon is in
    use, so that the meter of an APU's graphics is left to it. ``awake_ns`` (CLOCK_MONOTONIC), where there is one,
    stands still while the machine sleeps. ``procfs`` is where AMD's library finds processes: it has no other root.
    ``repeater`` makes what looks at the GPUs between two reads; without it they are looked at only when read.
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
        repeater: MakeRepeater | None = None,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._sysfs = sysfs
        self._now = boottime_ns
        self._awake = awake_ns or boottime_ns
        self._procfs = Path(procfs)
        self._initial_pid_namespace = initial_pid_namespace
        self._everyone_seen = False
        self._hwmon_shows_apus = hwmon_shows_apus
        self._idle_watts = idle_watts
        self._stopwatch = stopwatch
        self._slow = False  # the library takes long: it is read between two reads, which only hand on
        self._ready: Sample | TryAgain | None = None  # read so and not handed on yet
        self._last = Sample()  # handed on last
        self._births = Births(self._procfs)
        self._make_repeater = repeater
        self._repeater: Repeater | None = None
        self._turns = Turns(HANGS_SECONDS)
        self._looked_ns = 0  # when the processes were last looked at
        self._resets = 0  # of GPUs that were let go
        self._lib: Any = None
        self._error: type[Exception] = Exception
        self._gpus: list[Gpu] = []
        self._failed: dict[str, str] = {}  # GPUs without an identity, by their index
        self._left_out: dict[str, str] = {}  # address -> why it is not measured here
        self._listed = 0  # GPUs in the library's list when it was last gone through
        self._look_ns = 0  # when to look for GPUs again
        self.notes: list[str] = []

    def open(self) -> None:
        """Load the library and find the GPUs."""
        self.close()
        lib = load()
        self._error = lib.AmdSmiException
        self.notes, self._failed, self._left_out = [], {}, {}
        self._everyone_seen = self._sees_everyone()
        try:
            lib.amdsmi_init()
            self._lib = lib
            handles = list(lib.amdsmi_get_processor_handles())
        except self._error as error:
            self.close()
            raise failure(error) from None
        self._look(handles)
        self._look_ns = self._now() + LOOK_AGAIN_NS
        if not self._gpus:
            failed, left_out = self._failed, self._left_out
            self.close()
            if failed:
                raise TryAgain(f"no AMD GPU answers: {sorted(failed)}")
            raise NotHere("; ".join(f"{name} {why}" for name, why in left_out.items()) or "no AMD GPU")
        if self._make_repeater is not None:
            self._repeater = self._make_repeater(self.count, "amdsmi-between")

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
        # A GPU that fails cannot be asked for its identity: the index names it, unless it is known from before.
        indexes_known = {gpu.index for gpu in missing.values()}
        self._failed = {f"index-{index}": "error" for index in sorted(failed - indexes_known)}
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
            total = None if chip is None else vram.total_bytes(chip)
            of = Device(
                *("gpu", address, self.name, UNCERTAINTY_RATIO, self._idle_watts, limit), memory_bytes=total
            )
        elif self._hwmon_shows_apus and apu.has_power(chip):
            self._leave_out(address, "is the graphics of an APU: part of the CPU's package, a meter of hwmon")
            return
        else:
            of = Meter(apu.meter_name(address), self.name, apu.PACKAGE, (), UNCERTAINTY_RATIO, limit)
        users = Users(self._born_since)
        integrates = self._make_repeater is not None
        gpu = Gpu(self._lib, address, index, handle, of, self._now, self._awake, users, integrates)
        gpu.chip = chip
        if gpu.reports_something():
            self._gpus.append(gpu)
        else:
            self._leave_out(address, "reports neither energy nor power: it is not measured")

    def _born_since(self, pid: int, at_ns: int) -> bool:
        born = self._births.of(pid)
        return born is not None and born >= at_ns - _START_NS

    def _leave_out(self, address: str, why: str) -> None:
        self._left_out[address] = why
        self.notes.append(f"{address} {why}")

    def read(self) -> Sample:
        """Energy and use of every GPU that answers."""
        if self._lib is None:
            raise TryAgain("amdsmi is not open")
        ready, self._ready = self._ready, None
        if ready is None and not self._slow:
            ready = self._turns.call(self._read)
        if ready is None:
            return Sample(self._last.readings, (), self._last.failures, memory=self._last.memory)
        if isinstance(ready, TryAgain):
            raise ready
        self._last = ready
        return ready

    def _read(self) -> Sample:
        readings: list[Reading] = []
        uses: list[DeviceUse] = []
        self._look_again(self._now())
        began, failures = self._stopwatch(), dict(self._failed)
        self._looked_ns = self._now()
        for gpu in self._gpus:
            gpu.amiss = False
            try:
                readings.append(gpu.read())
                if isinstance(gpu.of, Device) and not gpu.repeats:
                    gpu.look_at_users(self._everyone_seen)
                    uses.append(gpu.use(gpu.of))
            except (self._error, ValueError):
                failures[gpu.of.name] = "error"
                gpu.amiss = True
            self._pass_on_notes(gpu)
        self._slow = self._repeater is not None and self._stopwatch() - began > PATIENCE_SECONDS
        if not readings:
            raise TryAgain(f"no AMD GPU answers: {sorted(failures)}")
        memory = {
            gpu.of.name: gpu.memory() for gpu in self._gpus if isinstance(gpu.of, Device) and not gpu.amiss
        }
        return Sample(readings, uses, failures, memory=memory)

    def count(self) -> float:
        """What is read between two reads, so that it is known which process drew the energy and when. Returns
        seconds to pause.

        Called on a thread of its own, or by a test that moves the clock.
        """
        return self._turns.call(self._count)

    def _count(self) -> float:
        if self._lib is None:
            return BETWEEN_SECONDS
        began = self._stopwatch()
        if self._slow and self._ready is None:
            try:
                self._ready = self._read()
            except TryAgain as error:
                self._ready = error
            return max(BETWEEN_SECONDS, (self._stopwatch() - began) / SHARE_OF_TIME)
        due = self._now() - self._looked_ns >= BETWEEN_SECONDS * _SECOND * 0.95
        for gpu in self._gpus:
            if due or not gpu.energy_counts:
                gpu.between()
            if due and not gpu.amiss and isinstance(gpu.of, Device):
                gpu.look_at_users(self._everyone_seen)
        if due:
            self._looked_ns = self._now()
        took = self._stopwatch() - began
        # Where hwmon measures the GPUs, their power here only says when it was drawn.
        often = not self._hwmon_shows_apus and any(not gpu.energy_counts for gpu in self._gpus)
        return max(POWER_SECONDS if often else BETWEEN_SECONDS, took / SHARE_OF_TIME)

    @property
    def refused(self) -> Mapping[str, int]:
        """How many steps of counters were not believed since the start, by reason."""
        resets = self._resets + sum(gpu.resets for gpu in self._gpus)
        return {"counter_reset": resets} if resets else {}

    def _pass_on_notes(self, gpu: Gpu) -> None:
        self.notes += [note for note in gpu.notes if note not in self.notes]
        gpu.notes.clear()

    def close(self) -> None:
        """Let the library go."""
        self._resets += sum(gpu.resets for gpu in self._gpus)
        if self._repeater is not None:
            self._repeater.stop()
            self._repeater = None
        self._slow, self._ready, self._last = False, None, Sample()
        lib, self._lib, self._gpus = self._lib, None, []
        if lib is not None:
            try:
                lib.amdsmi_shut_down()
            except self._error:
                return

    def _limit(self, handle: Any) -> float:
        try:
            limit = number(self._lib.amdsmi_get_power_cap_info(handle).get("max_power_cap"))
        except (self._error, ValueError):
            return DEFAULT_MAX_WATTS
        if not 0 < limit < _MOST_LIMIT:
            return DEFAULT_MAX_WATTS
        return limit / 1e6 if limit > _MICROWATTS_ABOVE else limit

    def _sees_everyone(self) -> bool:
        """Whether an empty list means that there is no process: the library leaves out those it may not see."""
        try:
            here = (self._procfs / "self/ns/pid").stat().st_ino
        except OSError:
            return False
        return here == self._initial_pid_namespace and os.access(self._procfs / "1/fdinfo", os.R_OK)
