"""One immutable picture of everything, made by the sampler. Scrapes and the socket read nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

from msgspec import Struct, field

from .budgets import BudgetView
from .hardware import Part
from .idle import Idle
from .machine import MachineInfo
from .model import Identity, IntensityState, SensorState
from .windows import WindowView
from .windows.projects import ProjectView

Four = tuple[int, ...]
"""Values by component, in the order of ``model.COMPONENTS``."""


class DeviceView(Struct, frozen=True):
    """One device. ``microjoules`` by source; ``partition`` in the order of ``model.PARTS``."""

    component: str
    name: str
    source: str  # the present one
    microjoules: Mapping[str, int]
    partition: Four
    emission_units: int
    power_microwatts: int | None  # None: not known for this sample
    uncertainty_ratio: float
    idle: Idle
    context: int = 0  # of live and exited, what it drew for open contexts while no process worked
    model: str = ""  # of a GPU, as are the next three
    limit_watts: float | None = None
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None


class ProcessMemory(Struct, frozen=True):
    """Memory of a GPU that one process holds, in bytes."""

    device: str
    pid: int
    command: str
    workload: str
    user: str
    used_bytes: int


class MeterView(Struct, frozen=True):
    """One overlapping meter."""

    name: str
    source: str
    relation: str
    microjoules: int


class ProcessView(Struct, frozen=True):
    """One exported process; totals since it became a series, power in microjoules of the interval."""

    pid: int
    command: str
    workload: str
    kind: str
    user: str
    microjoules: Four
    emission_units: Four
    cpu_nanoseconds: int
    power: Four


class ProcessColumns(Sequence[ProcessView]):
    """All exported processes, one list per number: reads as a sequence of views, and renders without making any.

    ``microjoules``, ``emission_units`` and ``power`` hold one list for each of ``model.COMPONENTS``; the meaning of the
    numbers is that of the fields of :class:`ProcessView`.
    ``new`` says of which rows (by position) which components (by index) are shown as 0 until they have been scraped;
    ``windows`` holds the id of the innermost window that each is in, "" for none.
    """

    __slots__ = ("cpu_nanoseconds", "emission_units", "identities", "microjoules", "new", "power", "windows")

    def __init__(
        self,
        identities: Sequence[Identity],
        microjoules: Sequence[Sequence[int]],
        emission_units: Sequence[Sequence[int]],
        power: Sequence[Sequence[int]],
        cpu_nanoseconds: Sequence[int],
        new: Mapping[int, Sequence[int]] | None = None,
        windows: Sequence[str] = (),
    ) -> None:
        self.windows = windows
        self.identities = identities
        self.microjoules = microjoules
        self.emission_units = emission_units
        self.power = power
        self.cpu_nanoseconds = cpu_nanoseconds
        self.new = new or {}

    def __len__(self) -> int:
        return len(self.identities)

    @overload
    def __getitem__(self, index: int) -> ProcessView: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[ProcessView]: ...

    def __getitem__(self, index: int | slice) -> ProcessView | Sequence[ProcessView]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        identity = self.identities[index]
        return ProcessView(
            pid=identity.pid,
            command=identity.command,
            workload=identity.workload.name,
            kind=identity.workload.kind,
            user=identity.workload.user,
            microjoules=tuple(column[index] for column in self.microjoules),
            emission_units=tuple(column[index] for column in self.emission_units),
            cpu_nanoseconds=self.cpu_nanoseconds[index],
            power=tuple(column[index] for column in self.power),
        )


class WorkloadView(Struct, frozen=True):
    """One workload; totals since the ledger began. ``new`` are the components (by index) that are shown as 0 until they
    have been scraped."""

    name: str
    kind: str
    user: str
    microjoules: Four
    emission_units: Four
    cpu_nanoseconds: int
    power: Four
    new: Sequence[int] = ()


class UserView(Struct, frozen=True):
    """All workloads of one kind of a user; totals since the ledger began. ``new`` as of a workload."""

    user: str
    kind: str
    microjoules: Four
    emission_units: Four
    new: Sequence[int] = ()


class Remainder(Struct, frozen=True):
    """Energy of processes without a series of their own (``other``) or whose series has left (``departed``)."""

    microjoules: Four
    emission_units: Four
    cpu_nanoseconds: int


class Factors(Struct, frozen=True):
    """Numbers beside the operational grams; None where not configured."""

    pue: float | None = None
    overhead_microjoules: int = 0
    overhead_units: int = 0
    embodied_units: Mapping[str, int] = field(default_factory=dict)
    currency: str = ""
    price: float | None = None
    cost: float | None = None
    water_litres: float | None = None


class Snapshot(Struct, frozen=True):
    """The machine at one moment. ``at`` is Unix seconds, ``interval_ns`` the time since the published sample
    before, over which every power is the mean."""

    at: float
    samples: int
    sample_failures: int
    interval_ns: int
    sample_seconds: float
    devices: Sequence[DeviceView]
    meters: Sequence[MeterView]
    processes: ProcessColumns
    other: Remainder
    departed: Remainder
    workloads: Sequence[WorkloadView]
    workloads_held: tuple[int, int, int]  # listed, unlisted, most
    departed_workloads: Sequence[WorkloadView]  # sums by kind and user of those that left, without a name
    users: Sequence[UserView]
    process_count: int
    components: Sequence[int]  # positions of the components that have a device
    priced: Mapping[tuple[str, str], tuple[int, int]]
    priced_ever: bool
    intensity: IntensityState
    marginal: Mapping[tuple[str, str], int]
    revisions: Mapping[str, int]
    factors: Factors
    windows: Sequence[WindowView]
    windows_held: tuple[int, int]  # open, finished: also those that are not among ``windows`` any more
    budgets: Sequence[BudgetView]
    projects: Sequence[ProjectView]
    sensors: Sequence[SensorState]
    resets: Mapping[tuple[str, str], int]
    exit_mode: str
    clock_method: str
    exits_observed: Mapping[str, int]
    exits_lost: int
    cpu_overbooked: tuple[int, int]  # samples, nanoseconds (ledger/cpu_balance.py)
    state_saved_at: float | None
    state_save_failures: int
    state_damages: Mapping[
        str, int
    ]  # starts with a damaged ledger, by the source of the totals: last ledger, previous one, none
    boot_id: str
    machine: MachineInfo | None = None
    hardware: Sequence[Part] = ()
    gpu_memory: Sequence[ProcessMemory] = ()
