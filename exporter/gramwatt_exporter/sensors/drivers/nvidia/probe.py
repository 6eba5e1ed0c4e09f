"""One look at one GPU: what the driver says of its energy, its power, its users. Made on a thread of the GPU's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import Struct

from . import modelled
from .holders import Context, ContextReader
from .library import GONE, GPU_SCOPE, MODULE_SCOPE, NEVER, power_field
from .lists import Lists
from .memory import MemoryReader
from .row_clock import Moment
from .rows import Row, rows_of

T = TypeVar("T")

# A call that took longer than this does not say when its value was true.
LONGEST_CALL_NS = 1_000_000_000
# What is not needed at each look (contexts, gauges, power beside a counter) takes a tenth of the time at most.
PAUSES = 10


class _Spared(Generic[T]):
    """A call whose last answer serves again for a while where the driver is slow."""

    def __init__(self, call: Callable[[Any], T], now_ns: Callable[[], int]) -> None:
        self._call = call
        self._now = now_ns
        self._answer: T | None = None
        self._again_ns = 0

    def ask(self, about: Any) -> T:
        """The answer of now, or the last one."""
        began = self._now()
        if self._answer is None or began >= self._again_ns:
            self._answer = self._call(about)
            ended = self._now()
            self._again_ns = ended + PAUSES * (ended - began)
        return self._answer


class Look(Struct, frozen=True):
    """What one look saw. ``rows`` is None where the driver did not say, ``all_rows`` only where none was new."""

    at_ns: int
    moment: Moment
    microjoules: int | None  # the energy counter, where that is the GPU's source
    microwatts: int | None
    module_microwatts: int | None
    has_rows: bool  # the driver has rows; then energy waits for them
    rows: list[Row] | None
    all_rows: list[Row] | None
    context: Context | None
    engines_idle: bool
    seconds: float
    memory_bytes: int | None = None  # in use


class Question(Struct, frozen=True):
    """What to ask of a GPU this time."""

    handle: Any
    source: str
    power_source: str
    module: bool
    pids_usable: bool
    rows_after_us: int  # the newest stamp believed; 0 for all rows there are
    had_holders: bool  # contexts were held at the last look


class Probe:
    """Asks one GPU. ``now_ns`` is CLOCK_BOOTTIME, ``clocks`` every known clock in microseconds."""

    def __init__(
        self, lib: Any, procfs: Path, now_ns: Callable[[], int], moment: Callable[[], Moment]
    ) -> None:
        self._lib = lib
        self._lists = Lists(lib)
        self._now = now_ns
        self._moment = moment
        self._contexts = _Spared(ContextReader(lib, self._lists, procfs).read, now_ns)
        self._idle = _Spared(self._engines_idle, now_ns)
        self._power = _Spared(self._read_power, now_ns)
        self._memory = _Spared(MemoryReader(lib).used_bytes, now_ns)
        self._absent: set[str] = set()  # gauges that this GPU or driver does not have
        self.rows_supported = True

    def look(self, question: Question) -> Look:
        """One look. Raises NVMLError where the GPU does not say what it draws."""
        began = self._now()
        microjoules, microwatts, at_ns = self._draw(question)
        module = self._module(question.handle) if question.module else None
        rows = all_rows = context = None
        moment: Moment | None = None
        if question.pids_usable:
            context = self._contexts.ask(question.handle)
            if context.instances is not None:
                self.rows_supported = True  # asked again when MIG is switched off
            elif self.rows_supported:
                rows, moment = self._rows_in_time(question.handle, question.rows_after_us)
                if rows == [] and question.rows_after_us and (context.holders.pids or question.had_holders):
                    all_rows = self._rows(question.handle, 0)
        idle = not rows and self._idle.ask(question.handle)
        memory = self._memory.ask(question.handle)
        seconds = (self._now() - began) / 1e9
        return Look(
            at_ns,
            moment or self._moment(),
            microjoules,
            microwatts,
            module,
            self.rows_supported,
            rows,
            all_rows,
            context,
            idle,
            seconds,
            memory,
        )

    # --- energy

    def _draw(self, question: Question) -> tuple[int | None, int | None, int]:
        """Counter, power and the moment of the former."""
        lib, handle = self._lib, question.handle
        if question.source != "counter":
            return None, None, self._now()
        for _ in range(3):
            began = self._now()
            millijoules = lib.nvmlDeviceGetTotalEnergyConsumption(handle)
            ended = self._now()
            if ended - began < LONGEST_CALL_NS:
                break
        return int(millijoules) * 1_000, self._power.ask(question), (began + ended) // 2

    def _read_power(self, question: Question) -> int | None:
        """Power beside the counter, in microwatts: the usual call, or the field that answers where there is no such."""
        lib, handle = self._lib, question.handle
        if "power" not in self._absent:
            try:
                return int(lib.nvmlDeviceGetPowerUsage(handle)) * 1_000
            except lib.NVMLError as error:
                if error.value in GONE:
                    raise
                if error.value not in NEVER:
                    return None
                self._absent.add("power")
        if question.power_source not in ("mean", "instant"):
            return None
        return power_now(lib, handle, question.power_source)

    def _module(self, handle: Any) -> int | None:
        lib = self._lib
        for which in (lib.NVML_FI_DEV_POWER_AVERAGE, lib.NVML_FI_DEV_POWER_INSTANT):
            milliwatts = power_field(lib, handle, which, MODULE_SCOPE)
            if milliwatts is not None:
                return milliwatts * 1_000
        return None

    # --- users

    def _rows_in_time(self, handle: Any, after_us: int) -> tuple[list[Row] | None, Moment]:
        """Rows newer than that, and when they were asked for; a call that hung does not say when that was."""
        for _ in range(3):
            began = self._now()
            rows = self._rows(handle, after_us)
            moment = self._moment()
            if moment.at_ns - began < LONGEST_CALL_NS:
                break
        return rows, moment

    def _rows(self, handle: Any, after_us: int) -> list[Row] | None:
        """Rows newer than that; [] when no process ran, None where that is not known."""
        lib = self._lib
        try:
            return rows_of(self._lists.rows(handle, after_us))
        except lib.NVMLError as error:
            if error.value == lib.NVML_ERROR_NOT_FOUND:
                return []  # no process ran: a zero, not an error
            if error.value in GONE:
                raise
            if error.value in NEVER and error.value != lib.NVML_ERROR_INVALID_ARGUMENT:
                self.rows_supported = False
            return None

    def _engines_idle(self, handle: Any) -> bool:
        """Whether every gauge says that nothing works, encoder, decoder, JPEG and optical flow included."""
        lib = self._lib
        for name in (
            "UtilizationRates",
            "EncoderUtilization",
            "DecoderUtilization",
            "JpgUtilization",
            "OfaUtilization",
        ):
            if name in self._absent:
                continue
            try:
                value = getattr(lib, f"nvmlDeviceGet{name}")(handle)
            except AttributeError:  # an older pynvml
                self._absent.add(name)
                continue
            except lib.NVMLError as error:
                if error.value in GONE:
                    raise
                if error.value not in NEVER:
                    return False
                self._absent.add(name)
                continue
            busy = value.gpu or value.memory if name == "UtilizationRates" else value[0]
            if busy:
                return False
        return True


def best_source(lib: Any, handle: Any, has_module: bool) -> str:
    """Which call shows most: counter, instant, mean, usage; utilisation or "none" only where none of them ever will."""
    passing: Exception | None = None
    # On Grace Hopper it is not documented whether the counter spans the GPU or the module with its CPU; power
    # in the scope of the GPU is unambiguous.
    if not has_module:
        try:
            lib.nvmlDeviceGetTotalEnergyConsumption(handle)
            return "counter"
        except lib.NVMLError as error:
            if error.value in GONE:
                raise
            passing = None if error.value in NEVER else error
    # Read ten times a second, the instant says more than the mean of a second, which lags behind by half of that.
    for source, field_id in (
        ("instant", lib.NVML_FI_DEV_POWER_INSTANT),
        ("mean", lib.NVML_FI_DEV_POWER_AVERAGE),
    ):
        if power_field(lib, handle, field_id, GPU_SCOPE) is not None:
            return source
    try:
        lib.nvmlDeviceGetPowerUsage(handle)
        return "usage"
    except lib.NVMLError as error:
        passing = passing if error.value in NEVER else error
    if passing is not None:
        raise passing
    return modelled.SOURCE if modelled.possible(lib, handle) else "none"


def power_now(lib: Any, handle: Any, source: str) -> int | None:
    """Microwatts by a source other than the counter. Raises NVMLError."""
    if source == modelled.SOURCE:
        return modelled.microwatts(lib, handle)
    if source == "usage":
        return int(lib.nvmlDeviceGetPowerUsage(handle)) * 1_000
    which = lib.NVML_FI_DEV_POWER_AVERAGE if source == "mean" else lib.NVML_FI_DEV_POWER_INSTANT
    milliwatts = power_field(lib, handle, which, GPU_SCOPE)
    return None if milliwatts is None else milliwatts * 1_000
