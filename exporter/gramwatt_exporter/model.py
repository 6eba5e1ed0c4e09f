"""The nouns of the exporter: what a sensor reads, which processes used a device, what the grid says.

Everything here is frozen. Units: microjoules, microwatts, nanoseconds as ``int`` (see :mod:`units`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, Protocol

from msgspec import Struct, field

Component = Literal["cpu", "dram", "gpu", "other"]
COMPONENTS: tuple[Component, ...] = ("cpu", "dram", "gpu", "other")
CPU, DRAM, GPU, OTHER = range(4)  # the place of each in COMPONENTS

Part = Literal["idle", "live", "exited", "unattributed"]
PARTS: tuple[Part, ...] = ("idle", "live", "exited", "unattributed")

_EMPTY: Mapping[int, int] = MappingProxyType({})


class Device(Struct, frozen=True):
    """One thing with its own energy counter. Its energy adds to the node's total exactly once."""

    component: Component
    name: str  # package-0, dram-0, a GPU's UUID
    source: str  # the sensor that measures it: rapl, nvml, hwmon, ..., estimate
    uncertainty_ratio: float  # one sigma as a share of the value: ~0.05 measured, ~0.5 modelled
    idle_watts: float | None = None  # true idle draw where known (configured or by construction of a model)
    max_watts: float | None = None  # plausibility bound for one step; None = the sensor's caller decides
    model: str = ""  # of a GPU, as its driver names it
    limit_watts: float | None = None  # of a GPU: the power it is held to
    memory_bytes: int | None = None  # of a GPU


class Meter(Struct, frozen=True):
    """A counter that overlaps with devices (core inside package, psys around it): exported, never added.

    ``covers`` names the components a surrounding meter includes; what it shows beyond them becomes the device
    (``other``, name). An inner meter (core, uncore, a MIG slice) has ``part_of`` instead.
    """

    name: str  # psys, core-0, ipmi
    source: str
    part_of: str | None = None
    covers: tuple[Component, ...] = ()
    uncertainty_ratio: float = 0.05
    max_watts: float | None = None


class EnergyReading(Struct, frozen=True):
    """A cumulative hardware counter; ``wraps_at`` is its largest value before it starts again (None: never).

    ``door`` says through which interface it is seen where there are several: counting begins anew when it changes.
    ``offset`` is what ``microjoules`` holds beyond the hardware's own value: what was drawn while the counter stood
    still or began anew.
    """

    of: Device | Meter
    microjoules: int
    at_ns: int  # CLOCK_BOOTTIME of the read
    wraps_at: int | None = None
    door: str = ""
    offset: int = 0
    own: bool = (
        False  # integrated by this process: it begins anew at a restart, and is not a counter that was reset
    )


class PowerReading(Struct, frozen=True):
    """A power value where no counter exists; the caller integrates it with the trapezoid rule."""

    of: Device | Meter
    microwatts: int
    at_ns: int


Reading = EnergyReading | PowerReading

UseMethod = Literal["utilisation", "holder", "slices", "context", "none"]


class Group(Struct, frozen=True):
    """Processes that used a device together: how much (in the scale of the weights), and not which of them."""

    weight: int
    pids: frozenset[int]


class DeviceUse(Struct, frozen=True):
    """Which processes used a device since the last read: weights per pid (any integer scale), and which hold a context.

    ``quiet``: no process did, for certain. What the device drew is its idle draw then, and is learned as such.
    ``groups``: use of several processes that cannot be distinguished. With method "context" no process worked, and the
    group is the holders of contexts: what the device draws above its idle draw, it draws for them.
    """

    device: Device
    weights: Mapping[int, int] = field(default_factory=lambda: _EMPTY)
    holders: frozenset[int] = frozenset()
    method: UseMethod = "none"
    quiet: bool = False
    groups: tuple[Group, ...] = ()


class DeviceMemory(Struct, frozen=True):
    """Memory of a GPU that is in use, in bytes: of the GPU (None where its driver does not say), and by PID."""

    used_bytes: int | None = None
    by_pid: Mapping[int, int] = field(default_factory=lambda: _EMPTY)


class Sample(Struct, frozen=True):
    """One read of one sensor. ``failures`` are devices that could not be read this time, with a reason slug.

    ``known_until`` names devices whose energy waits until the processes that drew it are known: CLOCK_BOOTTIME in
    nanoseconds up to which it is reported. ``mended`` are devices whose counter brought a step that is implausible or
    missing: their reading holds what another source of the same device showed instead. ``memory`` is by device.
    """

    readings: Sequence[Reading] = ()
    uses: Sequence[DeviceUse] = ()
    failures: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    known_until: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    mended: Sequence[Device] = ()
    memory: Mapping[str, DeviceMemory] = field(default_factory=lambda: MappingProxyType({}))


class Sensor(Protocol):
    """One energy source. ``open`` raises NotHere, Denied, TryAgain or Fatal; so may ``read``.

    One broken device inside a sensor is reported in ``Sample.failures`` and does not raise.
    """

    name: str

    def open(self) -> None: ...

    def read(self) -> Sample: ...

    def close(self) -> None: ...


Basis = Literal["average", "marginal"]
Method = Literal["measured", "estimated", "annual", "configured", "forecast"]
Factor = Literal["lifecycle", "direct"]


Ways = tuple[tuple[str, float], ...]
"""How the electricity is generated: the share of each way (wind, coal, ...), 0 to 1; empty where it is not reported."""


class Intensity(Struct, frozen=True):
    """Carbon intensity of a grid zone and where the number came from."""

    grams_per_kilowatt_hour: float
    zone: str
    provider: str
    basis: Basis
    method: Method
    factor: Factor
    at: float  # Unix seconds the value is valid for (start of its interval)
    renewable_ratio: float | None = None
    fossil_ratio: float | None = None
    estimation: str = ""  # the provider's own word for how it estimated
    ways: Ways = ()


class ForecastPoint(Struct, frozen=True):
    """One step of a forecast: g/kWh from ``at`` (Unix seconds) until the next point."""

    at: float
    grams_per_kilowatt_hour: float


Aspect = Literal["latest", "history", "forecast", "mix"]


class Mix(Struct, frozen=True):
    """Shares of the grid's production at ``at`` (Unix seconds), 0 to 1. None where the provider does not report it."""

    at: float
    renewable_ratio: float | None = None
    fossil_ratio: float | None = None
    ways: Ways = ()


class Fetched(Struct, frozen=True):
    """What one fetch brought. ``values`` and ``forecast`` are ordered by time, newest last.

    ``forecast_factor`` and ``forecast_basis`` are those of every step of the forecast.
    """

    values: Sequence[Intensity] = ()
    forecast: Sequence[ForecastPoint] = ()
    forecast_factor: Factor = "lifecycle"
    forecast_basis: Basis = "average"
    mix: Mix | None = None


class IntensityProvider(Protocol):
    """A source of grid intensity.

    Errors: TryAgain (network, too many calls, an unusable answer), Fatal (bad token, unknown zone), NotHere
    (this provider has no such aspect). A provider never answers for another zone than the one asked for.
    """

    kind: str
    basis: Basis
    aspects: Sequence[Aspect]  # what it can be asked for, "latest" first
    origin: str  # the host it calls; "" for a provider that needs no network

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:
        """Ask once: one request (and a login where its token has run out). ``now`` is Unix seconds."""
        ...


class IntensityState(Struct, frozen=True):
    """What the refresher knows now; swapped as a whole, read by the sampler once per tick."""

    average: Intensity | None = None
    marginal: Intensity | None = None
    forecast: Sequence[ForecastPoint] = ()  # of the provider of ``average``
    history: Sequence[Intensity] = ()  # of the provider of ``average``, newest last
    marginal_forecast: Sequence[ForecastPoint] = ()  # of the provider of ``marginal``
    refresh_failures: Mapping[tuple[str, str], int] = field(default_factory=lambda: MappingProxyType({}))
    next_refresh: float | None = None  # Unix seconds
    message: str = ""  # one line for a person when there is no value


class EnergyStep(Struct, frozen=True):
    """Energy a device drew since the previous read, wraps and resets removed.

    ``missed`` marks energy that passed unwatched (a restart, a sensor outage): it is booked as
    unattributed, because the processes that used it are unknown. ``slept_ns`` is the part of ``nanoseconds`` in
    which the machine was suspended: its energy says nothing about the power of a machine that is awake.
    """

    device: Device
    microjoules: int
    nanoseconds: int
    missed: bool = False
    slept_ns: int = 0


class MeterStep(Struct, frozen=True):
    """Energy of an overlapping meter since the previous read; ``missed`` as for an EnergyStep."""

    meter: Meter
    microjoules: int
    nanoseconds: int
    missed: bool = False


class SensorState(Struct, frozen=True):
    """Health of one sensor.

    ``reason`` is "" while up, else absent, denied, error, lost, disabled, stale (old readings), or why nothing that it
    reads can be used: still, refused, below.
    """

    name: str
    up: bool
    reason: str
    read_seconds: float
    failures: Mapping[str, int]


class MergedSample(Struct, frozen=True):
    """One read of all sensors, merged: every device appears once, measured by its best source.

    ``waiting`` are devices without a step because their slow meter has nothing new yet: their last power still stands.
    ``refused`` are steps that were not believed: 0 uJ, and the time of which it is not known what was drawn.
    """

    steps: Sequence[EnergyStep]
    meters: Sequence[MeterStep]
    uses: Sequence[DeviceUse]
    sensors: Sequence[SensorState]
    resets: Mapping[tuple[str, str], int] = field(default_factory=lambda: MappingProxyType({}))
    waiting: Sequence[Device] = ()
    known_until: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # as in a Sample
    refused: Sequence[EnergyStep] = ()
    memory: Mapping[str, DeviceMemory] = field(default_factory=lambda: MappingProxyType({}))  # as in a Sample


WorkloadKind = Literal["unit", "container", "pod", "slurm", "job", "session", "command"]


class Workload(Struct, frozen=True):
    """What a process belongs to. Never holds command-line arguments: they carry secrets."""

    name: str  # nginx.service, a container's name or short id, namespace/pod, job 4711, session-3, or the command
    kind: WorkloadKind
    user: str


class Identity(Struct, frozen=True):
    """What identifies a process, read once at birth, again after it may have called exec, then on a slow rotation."""

    pid: int
    start: int  # start time in clock ticks since boot: (pid, start) never repeats within a boot
    parent: int
    uid: int
    command: str
    workload: Workload
    owner: int | None = None  # uid that has the session, job or container; None: each process its own user
