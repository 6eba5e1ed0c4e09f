"""NVIDIA GPUs through NVML (package nvidia-ml-py, ``import pynvml``), loaded only where the driver's library is.

Energy: the GPU's own counter (Volta and later, millijoules since the driver was loaded), else its power, read several
times a second and integrated. Users: rows of utilisation, contexts, MIG instances. The parts are in ``nvidia/``.
API: https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ....errors import NotHere, TryAgain
from ....model import Device, DeviceUse, Meter, Reading, Sample
from ...standing_still import CounterCheck
from ...threads import Attempt, Repeater, Worker
from ...timeline import MODELLED
from . import modelled
from .gpu import Gpu
from .library import GONE, failure, load
from .looks import Looks
from .probe import Probe, power_now
from .row_clock import Moment
from .survey import Census, Found, survey

# A100 and H100 sample their power during a quarter of the time only; over seconds the counter is within 5 % of an
# external meter (Yang, Adamek, Armour, "Part-time Power Measurements", https://arxiv.org/abs/2312.02741).
UNCERTAINTY_RATIO = 0.05
# The counters refresh every 20 to 100 ms: a read sooner than this sees users, but not yet their energy.
SHORTEST_NS = 100_000_000
LOOK_AGAIN_NS = 60_000_000_000
LOOK_PAUSES = 600  # a survey that takes a second is made every ten minutes
PATIENCE_SECONDS = 0.1  # what a read waits for looks; one that takes longer is reported by a later read
COUNT_SECONDS = 1.0
SLOW_OPEN_NS = 1_000_000_000  # a driver that takes longer to be opened is slow in what follows
HANGS_NS = 10_000_000_000  # a look that has not come back for so long is a failure of its GPU
# Inode of the first PID namespace, fixed in the kernel's include/linux/proc_ns.h (PROC_PID_INIT_INO).
INITIAL_PID_NAMESPACE = 4026531836
LIBRARY = "libnvidia-ml.so.1"


class Nvml:
    """Every NVIDIA GPU by its UUID: energy, users, holders of contexts.

    Raises NotHere (no library, no GPU), Denied, TryAgain (driver not ready, every GPU lost), Fatal (driver replaced).
    One GPU that is lost or needs a reset is a failure of that GPU only, and looked for again every minute. Looks at
    the GPUs run on threads of their own: a slow driver costs freshness, and a hanging one only its GPU.
    """

    name = "nvml"
    slow_open = True  # without persistence mode the driver wakes every GPU first, which takes seconds

    def __init__(
        self,
        procfs: str,
        boottime_ns: Callable[[], int],
        wall_us: Callable[[], int],
        idle_watts: float | None = None,
        initial_pid_namespace: int = INITIAL_PID_NAMESPACE,
        awake_ns: Callable[[], int] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        background: bool = True,
    ) -> None:
        """``background`` False: nothing is read but when ``read`` is called, for clocks that a test moves."""
        self._procfs = Path(procfs)
        self._now = boottime_ns
        self._wall_us = wall_us
        self._awake = awake_ns or boottime_ns
        self._idle_watts = idle_watts
        self._initial_pid_namespace = initial_pid_namespace
        self._patience = patience_seconds
        self._looks = Looks(boottime_ns, lambda: self._patience)
        self._background = background
        self._counting: Repeater | None = None
        self._lib: Any = None
        self._gpus: list[Gpu] = []
        self._failed: dict[str, str] = {}  # GPUs that cannot be opened, by their index
        self._survey_ns = 0  # when to look for GPUs again
        self._surveying: Attempt[Census | None] | None = None
        self._surveyor = Worker("nvml-survey")
        self._pids_usable = True
        self._rows_dropped = 0  # of GPUs that were closed
        self._last: tuple[int, Sample] | None = None
        self.notes: list[str] = []

    # --- open and close

    def open(self) -> None:
        """Load the library, initialise it and find the GPUs."""
        self.close()
        began = self._now()
        lib = load(LIBRARY)
        try:
            lib.nvmlInit()
        except lib.NVMLError as error:
            raise failure(error, "nvmlInit") from None
        self._lib = lib
        try:
            count = lib.nvmlDeviceGetCount()
        except lib.NVMLError as error:
            self.close()
            raise failure(error, "nvmlDeviceGetCount") from None
        self._pids_usable = self._in_initial_pid_namespace()
        self.notes = []
        if not self._pids_usable:
            self.notes.append(
                "GPUs are measured but not split: the driver's PIDs are those of the host (share its PID namespace)"
            )
        self._take_census(survey(lib, count, frozenset()))
        self._survey_ns = self._now() + LOOK_AGAIN_NS
        if not self._gpus:
            failed = dict(self._failed)
            self.close()
            if not failed:
                raise NotHere("no NVIDIA GPU")
            pause = min(60.0, max(5.0, LOOK_PAUSES * (self._now() - began) / 1e9))
            raise TryAgain(f"no NVIDIA GPU answers: {_listed(failed)}", retry_after=pause)
        self._counting = Repeater(self.count, "nvml-counters", self._background)
        if self._now() - began > SLOW_OPEN_NS:
            # The first looks take as long again: begun now, they may be done at the next read.
            self._looks.begin(self._measurable(), self._pids_usable)

    def close(self) -> None:
        """Let the library go."""
        lib, self._lib, gpus, self._gpus, self._last = self._lib, None, self._gpus, [], None
        self._surveying = None
        self._rows_dropped += sum(gpu.rows_dropped for gpu in gpus)
        if self._counting is not None:
            self._counting.stop()
        for gpu in gpus:
            gpu.close()
        if lib is not None:
            with contextlib.suppress(lib.NVMLError):  # a driver that has gone cannot say goodbye
                lib.nvmlShutdown()

    def _in_initial_pid_namespace(self) -> bool:
        try:
            return (self._procfs / "self/ns/pid").stat().st_ino == self._initial_pid_namespace
        except OSError:
            return False

    # --- which GPUs there are

    def _take_census(self, census: Census) -> None:
        """A new GPU is opened, a known one gets its handle of today."""
        missing = {gpu.uuid: gpu for gpu in self._gpus}
        for found in census.found:
            known = missing.pop(found.uuid, None)
            if known is not None:
                known.index, known.handle = found.index, found.handle
            elif found.source is not None:
                self._gpus.append(self._opened(found))
        # A GPU that fails cannot be asked for its UUID: its index names it, unless it was known before.
        said = {gpu.index for gpu in missing.values()}
        self._failed = {f"index-{i}": reason for i, reason in census.failed.items() if i not in said}

    def _opened(self, found: Found) -> Gpu:
        assert found.source is not None
        facts = found.facts
        device = Device(
            *("gpu", found.uuid, self.name, UNCERTAINTY_RATIO, self._idle_watts, found.max_watts),
            model=facts.model,
            limit_watts=facts.limit_watts,
            memory_bytes=facts.memory_bytes,
        )
        if found.source == modelled.SOURCE:
            device = replace(device, source=MODELLED, uncertainty_ratio=modelled.UNCERTAINTY_RATIO)
        module = Meter(f"module-{found.uuid}", self.name, max_watts=None) if found.has_module else None
        probe = Probe(self._lib, self._procfs, self._now, self._moment)
        gpu = Gpu(found.uuid, found.index, found.handle, device, module, found.source, probe)
        gpu.power_source = found.power_source
        if found.source == "counter":
            gpu.counter.check = CounterCheck()
        if found.source == "none":
            self.notes.append(f"{found.uuid} reports neither energy nor power: it is not measured")
        elif found.source == modelled.SOURCE:
            self.notes.append(
                f"{found.uuid} reports neither energy nor power: it is modelled by its board's limit and its use,"
                f" ±{modelled.UNCERTAINTY_RATIO:.0%}"
            )
        if found.source not in ("counter", "none"):
            gpu.read_power(partial(self._power_of, gpu), self._now, self._background)
        return gpu

    def _give_way(self, gpu: Gpu) -> None:
        """Its counter is refuted by its own power: from now on its energy is the integral of that."""
        gpu.source = gpu.power_source
        gpu.read_power(partial(self._power_of, gpu), self._now, self._background)
        self.notes.append(f"{gpu.uuid}: {gpu.counter.refuted}; its power is integrated instead")

    def count(self) -> float:
        """Read what is read between two looks, so that it is known when energy was drawn. Returns seconds to pause.

        Called on a thread of its own, or by a test that moves the clock.
        """
        lib = self._lib
        for gpu in list(self._gpus):
            if gpu.repeater is not None and not self._background:
                gpu.repeater.once()
            if lib is not None:
                with contextlib.suppress(lib.NVMLError):  # the looks will say what is wrong
                    gpu.read_count(lib.nvmlDeviceGetTotalEnergyConsumption, self._power_beside, self._now)
        return COUNT_SECONDS

    def _power_of(self, gpu: Gpu) -> int | None:
        return power_now(self._lib, gpu.handle, gpu.source)

    def _power_beside(self, gpu: Gpu) -> int | None:
        return power_now(self._lib, gpu.handle, gpu.power_source)

    def _moment(self) -> Moment:
        now = self._now()
        clocks = {"wall": self._wall_us(), "boot": now // 1_000, "monotonic": self._awake() // 1_000}
        return Moment(now, clocks)

    def _survey_again(self, now: int) -> None:
        """Once a minute: a GPU may be back after its reset, or plugged in."""
        if self._surveying is None:
            if now < self._survey_ns:
                return
            amiss = bool(self._failed) or any(gpu.failed for gpu in self._gpus)
            known = frozenset(gpu.uuid for gpu in self._gpus)
            self._surveying = self._surveyor.submit(partial(self._census, known, amiss))
        if not self._surveying.done(self._patience):
            return
        surveying, self._surveying = self._surveying, None
        with contextlib.suppress(self._lib.NVMLError):  # the looks will say what is wrong
            census = surveying.result()
            if census is not None:
                self._take_census(census)
        done = self._now()
        self._survey_ns = done + max(LOOK_AGAIN_NS, LOOK_PAUSES * (done - now))

    def _census(self, known: frozenset[str], amiss: bool) -> Census | None:
        count = self._lib.nvmlDeviceGetCount()
        return survey(self._lib, count, known) if amiss or count != len(known) else None

    # --- reading

    def read(self) -> Sample:
        """Energy and use of every GPU, up to the moment for which its users are known."""
        if self._lib is None:
            raise TryAgain("NVML is not open")
        began = self._now()
        if self._last is not None and began - self._last[0] < SHORTEST_NS:
            return self._last[1]  # the same readings again: no time has passed
        self._survey_again(began)
        gpus = self._measurable()
        outcomes = {gpu.uuid: self._outcome(gpu) for gpu in gpus if gpu.looking is not None}
        self._looks.begin(gpus, self._pids_usable)
        readings: list[Reading] = []
        uses: list[DeviceUse] = []
        failures = dict(self._failed)
        for gpu in gpus:
            reported, use = outcomes.get(gpu.uuid, ([], None))
            if use is None:  # else the look just begun is reported by the next read
                more, use = self._outcome(gpu)
                reported = [*reported, *more]
            readings += reported
            uses += [use] if use is not None else []
            if gpu.failed:
                failures[gpu.uuid] = gpu.failed
            self._pass_on_notes(gpu)
        mended = [gpu.device for gpu in gpus if gpu.counter.take_mended()]
        behind = {gpu.uuid: gpu.known_until_ns for gpu in gpus if gpu.waits}
        if gpus and not readings and all(gpu.error is not None for gpu in gpus):
            self._raise(gpus[-1].error, failures)
        memory = {gpu.uuid: gpu.memory for gpu in gpus if gpu.memory is not None}
        self._last = began, Sample(readings, (), failures, behind, memory=memory)
        return Sample(readings, uses, failures, behind, mended, memory)

    def _measurable(self) -> list[Gpu]:
        return [gpu for gpu in self._gpus if gpu.source != "none"]

    def _outcome(self, gpu: Gpu) -> tuple[list[Reading], DeviceUse | None]:
        """What the look at a GPU brought; its last reading again while it is under way."""
        if gpu.looking is None:
            return [], None
        if not gpu.looking.done():
            if self._now() - gpu.looking_since_ns > HANGS_NS:
                gpu.note_silence()
            return gpu.repeated, None
        try:
            look = gpu.end_look()
        except self._lib.NVMLError as error:
            return gpu.lost(GONE.get(error.value, "error"))
        gpu.note_pace(is_slow=look.seconds > self._patience)
        outcome = gpu.take(look)
        if gpu.counter.refuted and gpu.source == "counter" and gpu.power_source != "none":
            self._give_way(gpu)
        return outcome

    @property
    def refused(self) -> Mapping[str, int]:
        """How many rows of utilisation were not believed since the start, by reason."""
        rows = self._rows_dropped + sum(gpu.rows_dropped for gpu in self._gpus)
        return {"implausible_row": rows} if rows else {}

    def _pass_on_notes(self, gpu: Gpu) -> None:
        if gpu.notes:
            self.notes += gpu.notes
            gpu.notes.clear()

    @staticmethod
    def _raise(worst: Any, failures: dict[str, str]) -> None:
        """No GPU answers."""
        error = failure(worst, "reading")
        if isinstance(error, TryAgain) and worst.value in GONE:
            raise TryAgain(f"no NVIDIA GPU answers: {_listed(failures)}")
        raise error


def _listed(failures: dict[str, str]) -> str:
    return ", ".join(f"{name} {reason}" for name, reason in sorted(failures.items()))
