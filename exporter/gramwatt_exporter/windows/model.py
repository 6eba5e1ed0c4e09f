"""The nouns of recorded windows: the caller, the request, and what a window is at one moment.

Energies are microjoules, emissions exact emission units (see :mod:`gramwatt_exporter.units`), CPU time
nanoseconds; times of day are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

ProcessKey = tuple[int, int]
"""(pid, start time in clock ticks): never repeats within a boot."""

Phase = Literal["training", "inference"]
State = Literal["open", "finished"]
EndedBy = Literal["stop", "exit", "limit"]

StartTicks = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""When a process began, in clock ticks after boot: field 22 of proc(5)."""

PHASES: tuple[Phase, ...] = ("training", "inference")
SOFTWARE = "software"
"""The tag that names the software a window ran, such as "vLLM 0.9"; everybody may read it."""


class Peer(Struct, frozen=True):
    """The other end of the socket, as the kernel reports it. ``pid`` is 0 when not visible from here."""

    uid: int
    pid: int
    user: str

    @property
    def is_root(self) -> bool:
        """Root sees and touches everybody's windows."""
        return self.uid == 0


ROOT = Peer(0, 0, "root")


class OpenRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of ``POST /v1/windows``. Types are checked by the decoder, values by :class:`WindowBook`."""

    name: str
    phase: str
    pid: int | None = None
    pid_start_ticks: StartTicks | None = None
    model: str = ""
    task: str = ""
    dataset: str = ""
    parent: str = ""
    values: dict[str, float] = {}
    tags: dict[str, str] = {}
    whole_machine: bool = False


class IdleShare(Struct, frozen=True):
    """What of a component's energy is idle draw in one sample. For each microjoule that is charged to its users,
    ``ratio`` microjoules were kept out, of which ``sigma_ratio`` are in doubt. ``methods`` say how they are known."""

    methods: Sequence[str] = ()
    ratio: float = 0.0
    sigma_ratio: float = 0.0


NO_IDLE = IdleShare()


class WindowView(Struct, frozen=True):
    """One window at one moment, for snapshots and answers. Never changes."""

    id: str
    name: str
    phase: Phase
    model: str
    task: str
    dataset: str
    parent: str
    user: str
    uid: int
    pid: int
    state: State
    ended_by: EndedBy | None
    start: float  # Unix seconds
    end: float | None  # Unix seconds; None while open
    nanoseconds: int  # duration by a clock that does not step
    measured_nanoseconds: int  # of that, until the last sample: the time its energy belongs to
    microjoules: Mapping[str, int]  # by component
    emission_units: Mapping[str, int | None]  # by component; None: no intensity was known
    cpu_nanoseconds: int
    processes: int  # processes that have belonged to it so far
    samples: int  # samples taken while it was open
    sources: Mapping[str, str]  # by component; "estimate+rapl" when it changed on the way
    idle_methods: Mapping[
        str, str
    ]  # by component, how its idle draw was known: "fitted+quiet" when that changed
    unknown_microjoules: Mapping[
        str, int
    ]  # by component: at most so much more may be its own, nothing shows whether it is
    uncertainty_ratio: float | None  # one sigma as a share of the energy; None while no energy was charged
    missed_nanoseconds: int  # seconds in which its use is not known
    floor_microjoules: int  # smallest energy its sensors can resolve
    values: Mapping[str, float]
    tags: Mapping[str, str]
    outcome: Mapping[str, int | str] | None = None  # as its owner reported: exit_code, signal or exception
    is_automatic: bool = False  # the window of a workload
    whole_machine: bool = False  # its energy is that of every device, idle draw included

    @property
    def total_microjoules(self) -> int:
        """Energy of all components."""
        return sum(self.microjoules.values())

    @property
    def total_emission_units(self) -> int | None:
        """Emissions of all components that have some; None when no intensity was ever known."""
        known = [
            emission_units for emission_units in self.emission_units.values() if emission_units is not None
        ]
        return sum(known) if known else None

    @property
    def below_floor(self) -> bool:
        """True when the energy means "less than the floor"."""
        return self.total_microjoules < self.floor_microjoules
