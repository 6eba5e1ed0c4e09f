"""One recorded window while the exporter holds it, and what is charged to it."""

from __future__ import annotations

import math

from msgspec import Struct, field

from ..model import WorkloadKind
from .model import NO_IDLE, EndedBy, IdleShare, Phase, ProcessKey, State, WindowView

SCRAPES_KEPT = 5  # a finished window stays at least this many scrapes, so that Prometheus has its last value

WorkloadKey = tuple[WorkloadKind, str, int | None]
"""Key of a workload's automatic window: kind, name and, where each user has names of their own (user services, rootless
containers), the owner's uid."""


class Resolution(Struct, frozen=True):
    """How a component is measured now."""

    source: str
    uncertainty_ratio: float
    floor_microjoules: int
    idle: IdleShare = NO_IDLE


class Window(Struct):
    """One recorded window while the exporter holds it: the source of a WindowView.

    Only the book changes it. Energies are microjoules; ``start`` and ``end`` are Unix seconds.
    """

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
    start: float
    start_ns: int  # by the boot clock
    tags: dict[str, str]
    values: dict[str, float]
    processes: set[ProcessKey] = field(default_factory=set)  # roots: each with its descendants
    left: set[ProcessKey] = field(
        default_factory=set
    )  # roots that left the window; they may have joined again
    joined: int = 0
    state: State = "open"
    ended_by: EndedBy | None = None
    end: float | None = None
    nanoseconds: int = 0  # final duration, once finished
    microjoules: dict[str, int] = field(default_factory=dict)
    emission_units: dict[str, int | None] = field(default_factory=dict)
    cpu_nanoseconds: int = 0
    samples: int = 0
    last_sample: float | None = None
    sources: dict[str, set[str]] = field(default_factory=dict)
    unknown_microjoules: dict[str, int] = field(default_factory=dict)  # energy that may belong to the window
    uncertain_microjoules: float = 0.0  # energy times its one sigma, to weight the ratio
    idle_uncertain_microjoules: float = 0.0  # one sigma of the idle draw that was kept out of it
    idle_changed_microjoules: float = 0.0  # by which the present method would change it
    idle_microjoules: dict[str, float] = field(default_factory=dict)  # kept out of it so far
    idle_methods: dict[str, set[str]] = field(default_factory=dict)
    floor_microjoules: int = 0
    missed_nanoseconds: int = 0  # in which its use is not known
    scrapes: int = 0
    published: bool = False  # has been in a snapshot since it finished
    view: WindowView | None = None  # remembered once it has finished
    outcome: dict[str, int | str] | None = None  # as its owner reported it at the stop
    was_asked_for: bool = False  # opened by a client, not automatic
    whole_machine: bool = False  # charged with all that every device draws, not with what its processes use

    @property
    def is_open(self) -> bool:
        """Still recording."""
        return self.state == "open"

    @property
    def away(self) -> set[ProcessKey]:
        """Processes that left, each with its descendants."""
        return self.left - self.processes

    @property
    def sigma_microjoules(self) -> float:
        """One sigma of its energy: of the meters, and of the idle draw that was kept out of it."""
        return math.hypot(
            self.uncertain_microjoules, self.idle_uncertain_microjoules, self.idle_changed_microjoules
        )

    def charge(
        self, component: str, microjoules: int, emission_units: int | None, resolution: Resolution | None
    ) -> None:
        """Energy of one of its processes, measured as ``resolution`` says; emissions None without an intensity."""
        self.microjoules[component] = self.microjoules.get(component, 0) + microjoules
        known = self.emission_units.get(component)
        if emission_units is not None:
            known = (known or 0) + emission_units
        self.emission_units[component] = known
        if resolution is None:
            return
        self.uncertain_microjoules += microjoules * resolution.uncertainty_ratio
        self.sources.setdefault(component, set()).update(resolution.source.split("+"))
        idle = resolution.idle
        if idle.methods:
            self.idle_methods.setdefault(component, set()).update(idle.methods)
            self.idle_uncertain_microjoules += microjoules * idle.sigma_ratio
            kept = self.idle_microjoules.get(component, 0.0)
            self.idle_microjoules[component] = kept + microjoules * idle.ratio

    def charge_unknown(self, component: str, microjoules: int) -> None:
        """Note energy that may belong to one of its processes."""
        self.unknown_microjoules[component] = self.unknown_microjoules.get(component, 0) + microjoules

    def doubt_idle(self, component: str, ratio: float) -> None:
        """The idle draw of a component changed by this ratio: the part kept out so far is in doubt."""
        self.idle_changed_microjoules += abs(ratio) * self.idle_microjoules.get(component, 0.0)

    def refine_floor(self, microjoules: int) -> None:
        """The least energy that its meters resolve; the coarsest of its time counts."""
        self.floor_microjoules = max(self.floor_microjoules, microjoules)

    def shift(self, seconds: float) -> None:
        """The wall clock was set by so much: what is dated by it moves along."""
        self.start += seconds
        if self.last_sample is not None:
            self.last_sample += seconds

    def finish(self, end: float, ended_by: EndedBy) -> None:
        """It records no more since Unix time ``end``."""
        self.state, self.ended_by, self.end = "finished", ended_by, end
