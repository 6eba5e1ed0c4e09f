"""NVIDIA GPUs through NVML (package nvidia-ml-py, ``import pynvml``), loaded only where the driver's library is.

Energy: the GPU's own counter (Volta and later, millijoules since the driver was loaded), else power, which the bank
integrates: field 185 (mean of a second), field 186 (instant), nvmlDeviceGetPowerUsage, whichever answers.
API: https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from ..errors import Denied, Fatal, NotHere, TryAgain
from ..model import Device, DeviceUse, EnergyReading, Meter, PowerReading, Reading, Sample
from .standing_still import CounterCheck

# A100 and H100 sample their power during a quarter of the time only; over seconds the counter is within 5 % of an
# external meter (Yang, Adamek, Armour, "Part-time Power Measurements", https://arxiv.org/abs/2312.02741).
UNCERTAINTY_RATIO = 0.05
DEFAULT_MAX_WATTS = 1500.0
# The counters refresh every 20 to 100 ms: a read sooner than this sees users, but not yet their energy.
SHORTEST_NS = 100_000_000
LOOK_AGAIN_NS = 60_000_000_000
LOOK_PAUSES = (
    600  # a look that takes a second is made every ten minutes: it holds up the reads of the other GPUs
)
# Inode of the first PID namespace, fixed in the kernel's include/linux/proc_ns.h (PROC_PID_INIT_INO).
INITIAL_PID_NAMESPACE = 4026531836
LIBRARY = "libnvidia-ml.so.1"

_GPU_SCOPE, _MODULE_SCOPE = 0, 1
_UNKNOWN_PID = 0  # weight of users nobody can name: their energy is unattributed
_GONE = {15: "lost", 16: "reset_required"}
# Invalid argument, not supported, no permission, function not found: asked again, the answer is the same.
_NEVER = frozenset({2, 3, 4, 13})
_RESTART = (
    "the NVIDIA driver was changed while its old library is in use: restart the exporter (or the machine)"
)


class _Gpu(Struct):
    uuid: str
    index: int  # in NVML's order, which a reset or a GPU plugged in may change
    handle: Any
    device: Device
    module: Meter | None = None  # Grace Hopper: the whole module, CPU included
    source: str = "counter"  # counter, mean, instant, usage, none
    seen_us: int = 0  # newest utilisation row taken into account
    asked_ns: int = 0
    amiss: bool = False  # its last read failed
    utilisation: bool = True
    empty: bool = False  # at the last read nobody held a context, for certain
    check: CounterCheck | None = None  # of its counter against its power


class Nvml:
    """Every NVIDIA GPU by its UUID: energy, who used it, who holds a context.

    Raises NotHere (no library, no GPU), Denied, TryAgain (driver not ready), Fatal (driver replaced). One GPU
    that is lost or needs a reset is a failure of that GPU only, and looked for again every minute.
    """

    name = "nvml"
    slow_open = True  # without persistence mode the driver wakes every GPU first, which takes seconds
    may_hang = True  # calls into a driver that a broken GPU can wedge

    def __init__(
        self,
        procfs: str,
        boottime_ns: Callable[[], int],
        wall_us: Callable[[], int],
        idle_watts: float | None = None,
        initial_pid_namespace: int = INITIAL_PID_NAMESPACE,
    ) -> None:
        self._procfs = Path(procfs)
        self._now = boottime_ns
        self._wall_us = wall_us
        self._idle_watts = idle_watts
        self._initial_pid_namespace = initial_pid_namespace
        self._lib: Any = None
        self._gpus: list[_Gpu] = []
        self._failed: dict[str, str] = {}  # GPUs that cannot be opened, by their index
        self._look_ns = 0  # when to look for GPUs again
        self._pids_usable = True
        self._last: tuple[int, Sample] | None = None
        self.notes: list[str] = []

    # --- open and close

    def open(self) -> None:
        """Load the library, initialise it and find the GPUs."""
        self.close()
        lib = self._load()
        try:
            lib.nvmlInit()
        except lib.NVMLError as error:
            raise _failure(error, "nvmlInit") from None
        self._lib = lib
        try:
            count = lib.nvmlDeviceGetCount()
        except lib.NVMLError as error:
            self.close()
            raise _failure(error, "nvmlDeviceGetCount") from None
        self._pids_usable = self._in_initial_pid_namespace()
        self.notes = []
        if not self._pids_usable:
            self.notes.append(
                "GPUs are measured but not split: the driver's PIDs are those of the host (share its PID namespace)"
            )
        self._look(count)
        self._look_ns = self._now() + LOOK_AGAIN_NS
        if not self._gpus and not self._failed:
            self.close()
            raise NotHere("no NVIDIA GPU")
        if not self._gpus:
            failed = dict(self._failed)
            self.close()
            raise TryAgain(f"no NVIDIA GPU answers: {failed}", retry_after=60)

    def close(self) -> None:
        """Let the library go."""
        lib, self._lib, self._gpus, self._last = self._lib, None, [], None
        if lib is not None:
            with contextlib.suppress(lib.NVMLError):  # a driver that has gone cannot say goodbye
                lib.nvmlShutdown()

    @staticmethod
    def _load() -> Any:
        import ctypes

        try:
            ctypes.CDLL(LIBRARY)  # before pynvml, whose 7,000 lines nobody without a GPU should pay for
        except OSError:
            raise NotHere(f"{LIBRARY} is not installed") from None
        try:
            import pynvml  # type: ignore[import-untyped]  # ships no types
        except ImportError:
            raise Fatal("the package nvidia-ml-py is missing", "pip install nvidia-ml-py") from None
        return pynvml

    def _in_initial_pid_namespace(self) -> bool:
        try:
            return (self._procfs / "self/ns/pid").stat().st_ino == self._initial_pid_namespace
        except OSError:
            return False

    def _look(self, count: int) -> None:
        """Ask at every index who is there: a new GPU is opened, a known one gets its handle of today."""
        lib = self._lib
        missing = {gpu.uuid: gpu for gpu in self._gpus}
        failed: dict[int, str] = {}
        for index in range(count):
            try:
                handle = lib.nvmlDeviceGetHandleByIndex(index)
                uuid = str(lib.nvmlDeviceGetUUID(handle))
                known = missing.pop(uuid, None)
                if known is None:
                    self._gpus.append(self._found(index, handle, uuid))
                else:
                    known.index, known.handle = index, handle
            except lib.NVMLError as error:
                failed[index] = _GONE.get(error.value, "error")
        # Who fails cannot be asked for its UUID: the index serves to say which one it is, unless it was told before.
        told = {gpu.index for gpu in missing.values()}
        self._failed = {f"index-{index}": reason for index, reason in failed.items() if index not in told}

    def _look_again(self, now: int) -> None:
        """Once a minute: a GPU may be back after its reset, or plugged in.

        By index: a look-up by UUID may fail as long as any GPU is lost, says NVML's reference.
        """
        if now < self._look_ns:
            return
        try:
            count = self._lib.nvmlDeviceGetCount()
        except self._lib.NVMLError:
            return  # the reads will say what is wrong
        if self._failed or count != len(self._gpus) or any(gpu.amiss for gpu in self._gpus):
            self._look(count)
        done = self._now()
        self._look_ns = done + max(LOOK_AGAIN_NS, LOOK_PAUSES * (done - now))

    def _found(self, index: int, handle: Any, uuid: str) -> _Gpu:
        """How a GPU is measured. Raises NVMLError where that cannot be said now."""
        lib = self._lib
        limit = DEFAULT_MAX_WATTS
        with contextlib.suppress(lib.NVMLError):
            limit = lib.nvmlDeviceGetPowerManagementLimitConstraints(handle)[1] / 1000 or limit
        gpu = _Gpu(
            uuid, index, handle, Device("gpu", uuid, self.name, UNCERTAINTY_RATIO, self._idle_watts, limit)
        )
        if self._field(handle, lib.NVML_FI_DEV_POWER_AVERAGE, _MODULE_SCOPE) or self._field(
            handle, lib.NVML_FI_DEV_POWER_INSTANT, _MODULE_SCOPE
        ):
            gpu.module = Meter(f"module-{uuid}", self.name, part_of=None, max_watts=None)
        gpu.source = self._best_source(gpu)
        if gpu.source == "counter":
            gpu.check = CounterCheck()
        if gpu.source == "none":
            self.notes.append(f"{uuid} tells neither energy nor power: it is not measured")
        return gpu

    # --- energy

    def _best_source(self, gpu: _Gpu) -> str:
        """Which call tells most; "none" only where every one of them will never do."""
        lib = self._lib
        passing: Exception | None = None
        # On Grace Hopper it is not documented whether the counter spans the GPU or the module with its CPU; power
        # in the scope of the GPU is unambiguous.
        if gpu.module is None:
            try:
                lib.nvmlDeviceGetTotalEnergyConsumption(gpu.handle)
                return "counter"
            except lib.NVMLError as error:
                if error.value in _GONE:
                    raise
                passing = None if error.value in _NEVER else error
        if self._field(gpu.handle, lib.NVML_FI_DEV_POWER_AVERAGE, _GPU_SCOPE) is not None:
            return "mean"
        if self._field(gpu.handle, lib.NVML_FI_DEV_POWER_INSTANT, _GPU_SCOPE) is not None:
            return "instant"
        try:
            lib.nvmlDeviceGetPowerUsage(gpu.handle)
            return "usage"
        except lib.NVMLError as error:
            passing = passing if error.value in _NEVER else error
        if passing is not None:
            raise passing
        return "none"

    def _field(self, handle: Any, field_id: int, scope: int) -> int | None:
        """One power field in milliwatts; every value has a return code of its own. None: not supported."""
        lib = self._lib
        try:
            value = lib.nvmlDeviceGetFieldValues(handle, [(field_id, scope)])[0]
        except lib.NVMLError as error:
            if error.value in _GONE:
                raise
            return None
        except Exception as error:
            _mismatch(error)
            return None
        if value.nvmlReturn != lib.NVML_SUCCESS:
            return None
        if value.valueType == lib.NVML_VALUE_TYPE_UNSIGNED_INT:
            return int(value.value.uiVal)
        if value.valueType in (lib.NVML_VALUE_TYPE_UNSIGNED_LONG, lib.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG):
            return int(value.value.ullVal)
        return None

    def _power_source(self, gpu: _Gpu) -> tuple[str, int] | None:
        """The best call that answers with a power, and its milliwatts now."""
        lib = self._lib
        for source, field in (
            ("mean", lib.NVML_FI_DEV_POWER_AVERAGE),
            ("instant", lib.NVML_FI_DEV_POWER_INSTANT),
        ):
            milliwatts = self._field(gpu.handle, field, _GPU_SCOPE)
            if milliwatts is not None:
                return source, milliwatts
        try:
            return "usage", int(lib.nvmlDeviceGetPowerUsage(gpu.handle))
        except lib.NVMLError as error:
            if error.value in _GONE:
                raise
            return None

    def _refuted(self, gpu: _Gpu, check: CounterCheck, microjoules: int, at_ns: int) -> bool:
        """Whether the GPU's power says that its counter does not count: then its power is the source from now on."""
        if not check.wants_power(microjoules, at_ns):
            return False
        power = self._power_source(gpu)
        if power is None:
            return False
        against = check.refuted_by(power[1] * 1000)
        if against:
            gpu.source, gpu.check = power[0], None
            self.notes.append(f"{gpu.uuid}: {against}: measured by power from now on")
        return bool(against)

    def _energy(self, gpu: _Gpu) -> Reading:
        """The GPU's counter or its power. Raises NVMLError."""
        lib = self._lib
        if gpu.source == "counter":
            energy, at_ns = int(lib.nvmlDeviceGetTotalEnergyConsumption(gpu.handle)) * 1000, self._now()
            if gpu.check is None or not self._refuted(gpu, gpu.check, energy, at_ns):
                return EnergyReading(gpu.device, energy, at_ns)
        milliwatts: int | None
        if gpu.source == "usage":
            milliwatts = int(lib.nvmlDeviceGetPowerUsage(gpu.handle))
        else:
            which = lib.NVML_FI_DEV_POWER_AVERAGE if gpu.source == "mean" else lib.NVML_FI_DEV_POWER_INSTANT
            milliwatts = self._field(gpu.handle, which, _GPU_SCOPE)
        if milliwatts is None:
            raise lib.NVMLError(lib.NVML_ERROR_NO_DATA)
        return PowerReading(gpu.device, milliwatts * 1000, self._now())

    def read(self) -> Sample:
        """Energy and use of every GPU that answers."""
        lib = self._lib
        if lib is None:
            raise TryAgain("NVML is not open")
        began = self._now()
        if self._last is not None and began - self._last[0] < SHORTEST_NS:
            return self._last[1]  # the same readings again: no time has passed
        readings: list[Reading] = []
        uses: list[DeviceUse] = []
        self._look_again(began)
        failures = dict(self._failed)
        worst: Any = None
        for gpu in self._gpus:
            if gpu.source == "none":
                continue
            try:
                readings.append(self._energy(gpu))
                gpu.amiss = False
                if gpu.module is not None:
                    self._read_module(gpu, readings)
                if self._pids_usable:
                    uses.append(self._use(gpu))
            except lib.NVMLError as error:
                worst = error
                failures[gpu.uuid] = _GONE.get(error.value, "error")
                gpu.amiss, gpu.empty = True, False
        if not readings and worst is not None and worst.value not in _GONE:
            raise _failure(worst, "reading")
        self._last = began, Sample(readings, (), failures)
        return Sample(readings, uses, failures)

    def _read_module(self, gpu: _Gpu, readings: list[Reading]) -> None:
        lib = self._lib
        assert gpu.module is not None
        for which in (lib.NVML_FI_DEV_POWER_AVERAGE, lib.NVML_FI_DEV_POWER_INSTANT):
            milliwatts = self._field(gpu.handle, which, _MODULE_SCOPE)
            if milliwatts is not None:
                readings.append(PowerReading(gpu.module, milliwatts * 1000, self._now()))
                return

    # --- who used it

    def _use(self, gpu: _Gpu) -> DeviceUse:
        if self._mig_mode(gpu.handle):
            gpu.utilisation = True  # ask again when MIG is switched off
            return self._use_of_instances(gpu)
        holders, all_told = self._holders(gpu.handle)
        left_empty = self._left_empty(gpu, all_told and not holders)
        weights = self._utilisation(gpu) if gpu.utilisation else None
        if weights is not None:
            return DeviceUse(gpu.device, weights, frozenset(holders), "utilisation", not weights)
        if len(holders) == 1:
            return DeviceUse(gpu.device, dict.fromkeys(holders, 1), frozenset(holders), "holder")
        # Several holders and no word on who worked: an equal split would be an invention. And where utilisation is
        # not known just now, it may be because of rows of somebody who is on no list.
        return DeviceUse(gpu.device, {}, frozenset(holders), "none", left_empty and not gpu.utilisation)

    @staticmethod
    def _left_empty(gpu: _Gpu, empty: bool) -> bool:
        """Whether nobody is there, nor was at the last read: who has left since may have worked until then."""
        before, gpu.empty = gpu.empty, empty
        return before and empty

    def _mig_mode(self, handle: Any) -> bool:
        try:
            return bool(self._lib.nvmlDeviceGetMigMode(handle)[0])
        except self._lib.NVMLError as error:
            if error.value in _GONE:
                raise
            return False  # before Ampere

    def _use_of_instances(self, gpu: _Gpu) -> DeviceUse:
        """MIG: power is measured on the whole GPU only; instances in use share it by their slices of compute."""
        lib = self._lib
        weights: dict[int, int] = {}
        everyone: set[int] = set()
        all_told = True
        for index in range(lib.nvmlDeviceGetMaxMigDeviceCount(gpu.handle)):
            try:
                instance = lib.nvmlDeviceGetMigDeviceHandleByIndex(gpu.handle, index)
                # Not gpuInstanceSliceCount: that is of the GPU instance, which it may share with others (1c.4g).
                slices = int(lib.nvmlDeviceGetAttributes_v2(instance).computeInstanceSliceCount)
            except lib.NVMLError as error:
                if error.value in _GONE:
                    raise
                if error.value != lib.NVML_ERROR_NOT_FOUND:  # which says that there is none at this index
                    all_told = False
                continue
            holders, told = self._holders(instance)
            if holders:
                user = next(iter(holders)) if len(holders) == 1 else _UNKNOWN_PID
                weights[user] = weights.get(user, 0) + max(1, slices)
            everyone |= holders
            all_told = all_told and told
        empty = all_told and not everyone and self._holders(gpu.handle) == (set(), True)
        quiet = self._left_empty(gpu, empty)
        return DeviceUse(gpu.device, weights, frozenset(everyone), "slices" if weights else "none", quiet)

    def _holders(self, handle: Any) -> tuple[set[int], bool]:
        """PIDs with a context: compute, graphics and MPS clients; and whether they are surely all."""
        found: set[int] = set()
        all_told = True
        for kind in ("Compute", "Graphics", "MPSCompute"):
            pids = self._running(kind, handle)
            if pids is None:
                all_told = False
            else:
                found |= pids
        # A process without a number is somebody nobody can name.
        return found - {_UNKNOWN_PID}, all_told and _UNKNOWN_PID not in found

    def _running(self, kind: str, handle: Any) -> set[int] | None:
        """PIDs on one list; None where it cannot be read."""
        lib = self._lib
        for version in ("_v3", "_v2"):
            try:
                processes = getattr(lib, f"nvmlDeviceGet{kind}RunningProcesses{version}")(handle)
            except lib.NVMLError as error:
                if error.value in _GONE:
                    raise
                if error.value == lib.NVML_ERROR_FUNCTION_NOT_FOUND:
                    continue  # an older driver
                # Without graphics nobody draws. Every GPU has the list for compute, with the server of MPS on it.
                return set() if error.value == lib.NVML_ERROR_NOT_SUPPORTED and kind != "Compute" else None
            except Exception as error:
                _mismatch(error)
                continue
            return {int(process.pid) for process in processes}
        return None

    def _utilisation(self, gpu: _Gpu) -> dict[int, int] | None:
        """SM percent by PID in rows newer than the last seen; {} when nobody ran, None where that is not known."""
        lib = self._lib
        now = self._now()
        elapsed_us, gpu.asked_ns = (now - gpu.asked_ns) // 1000, now
        first = gpu.seen_us == 0
        rows: Any = ()
        for _ in range(3):
            try:
                rows = lib.nvmlDeviceGetProcessUtilization(gpu.handle, gpu.seen_us)
                break
            except lib.NVMLError as error:
                if error.value == lib.NVML_ERROR_INSUFFICIENT_SIZE:
                    continue  # the ring grew between the two calls pynvml makes
                if error.value in (lib.NVML_SUCCESS, lib.NVML_ERROR_NOT_FOUND):
                    break  # nobody ran: a zero, not an error
                if error.value in _NEVER and error.value != lib.NVML_ERROR_INVALID_ARGUMENT:
                    gpu.utilisation = False
                elif error.value in _GONE:
                    raise
                return None
        else:
            return None
        newest = max((int(row.timeStamp) for row in rows), default=0)
        weights: dict[int, int] = {}
        odd = False
        for row in rows:
            if not row.smUtil or row.timeStamp <= gpu.seen_us:
                continue
            if row.pid and row.smUtil <= 100:
                weights[int(row.pid)] = weights.get(int(row.pid), 0) + int(row.smUtil)
            else:
                odd = True
        # Time goes on while nobody runs, or the first row after a pause would average the pause. The driver's
        # clock is the wall clock; counting on from the last row stays right where it is not.
        if newest:
            gpu.seen_us = newest
        elif first:
            gpu.seen_us = self._wall_us()
        else:
            gpu.seen_us += elapsed_us
        # Rows from before the first reading are not of its energy. Neither they nor rows that cannot be say that
        # nobody ran: what the GPU draws would be learned as its idle draw.
        return None if first or (odd and not weights) else weights


def _failure(error: Any, call: str) -> Exception:
    """What the caller should do about an error of the library as a whole."""
    code = error.value
    if code == 4:
        return Denied(f"{call}: {error}", "let the exporter's user open /dev/nvidiactl and /dev/nvidia*")
    if code == 12:
        return NotHere(f"{call}: {error}")
    if code == 18:
        return Fatal(f"{call}: {error}", _RESTART)
    return TryAgain(f"{call}: {error}")


def _mismatch(error: Exception) -> None:
    """NVMLLibraryMismatchError is a bare Exception: let it pass, and nothing else."""
    if type(error).__name__ != "NVMLLibraryMismatchError":
        raise error
