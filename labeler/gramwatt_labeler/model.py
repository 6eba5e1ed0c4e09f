"""The nouns of the labeler: what was recorded, what was measured, what it was compared with, what came out.

Everything is frozen. Units: joules, grams of CO2 equivalent, Unix seconds. ``None`` means not known, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .reasons import said

_NO_NUMBERS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Hardware:
    """The devices a window used, by model, with how many of each. Empty where it is not known."""

    gpus: tuple[tuple[str, int], ...] = ()
    cpus: tuple[tuple[str, int], ...] = ()

    @property
    def text(self) -> str:
        """Such as ``8 x NVIDIA H100 80GB HBM3, AMD EPYC 7763``."""
        return ", ".join(
            f"{count} x {model}" if count > 1 else model for model, count in (*self.gpus, *self.cpus)
        )


_NO_HARDWARE = Hardware()


@dataclass(frozen=True, slots=True)
class Window:
    """One finished recorded window, as the exporter described it."""

    id: str
    name: str
    phase: str  # training or inference
    start: float
    end: float
    model: str = ""
    task: str = ""
    dataset: str = ""
    parent: str = ""
    user: str = ""
    values: Mapping[str, float] = field(default_factory=lambda: _NO_NUMBERS)
    instance: str = ""  # the exporter it was recorded on, as Prometheus names it
    failure: str = ""  # how its run failed, in words; "" when it is not known to have failed
    hardware: Hardware = _NO_HARDWARE
    boundary: str = (
        "process"  # what its energy counts: of its processes, or of the whole "machine"; "" not known
    )
    software: str = ""  # what ran, as its owner names it, such as vLLM 0.9

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Imported:
    """Where a measurement came from that Gramwatt did not make. Texts are as the file has them; "" is not stated."""

    tool: str  # CodeCarbon; "" when the file does not say what wrote it
    version: str = ""
    mode: str = ""  # machine: energy of the whole machine; process: of one process
    country: str = ""
    country_code: str = ""
    region: str = ""
    cloud: str = ""
    run: str = ""  # the tool's own id
    outcome: str = ""  # how the run ended
    file: str = ""  # name without folder
    line: int = 0

    @property
    def text(self) -> str:
        """Such as ``imported from CodeCarbon 3.3.2, machine mode, France``."""
        tool = said("no_version", tool=self.tool) if self.tool else said("no_tool")
        if self.tool and self.version:
            tool = f"{self.tool} {self.version}"
        mode = f"{self.mode} mode" if self.mode else ""
        place = ", ".join(filter(None, (self.country or self.country_code, self.region)))
        return said("imported", list=", ".join(filter(None, (tool, mode, place, self.cloud))))


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a window used, read from the raw samples of its counters, or from another tool's file (``imported``).

    ``samples`` is the number of raw samples behind the energy (of the component with the fewest);
    ``coverage_ratio`` the share of the window during which the counters are known to have counted. Both are not
    known for what was imported. ``unknown`` is energy by component that may be the window's own as well, at most.
    """

    energy_joules: float
    components: Mapping[str, float]
    samples: int | None
    coverage_ratio: float | None
    resets: int = 0
    emissions_grams: float | None = None
    cpu_seconds: float | None = None
    uncertainty_ratio: float | None = None  # one sigma as a share of the energy
    sources: tuple[str, ...] = ()  # the sensors behind it: rapl, nvml, estimate, ...
    notes: tuple[str, ...] = ()
    imported: Imported | None = None
    floor_joules: float | None = None  # the least energy the sensors could resolve
    unknown: Mapping[str, float] = field(default_factory=dict)
    zone: str = ""  # of the grid, such as FR
    intensity_method: str = ""  # how its CO2 was known: measured, estimated, annual, configured

    @property
    def most_joules(self) -> float:
        """The energy with all that may be the window's own."""
        return self.energy_joules + sum(self.unknown.values())

    @property
    def unknown_text(self) -> str:
        """Such as ``up to 7200 J more of the gpu may be its own``; "" when there is none."""
        parts = [
            said("unknown_part", joules=f"{joules:.4g}", component=name)
            for name, joules in sorted(self.unknown.items())
        ]
        return said("unknown", parts=" and ".join(parts)) if parts else ""


@dataclass(frozen=True, slots=True)
class ScaleId:
    """Which scale, exactly. ``sha256`` is that of the scale file, so every reader can check it with sha256sum."""

    name: str
    version: str
    date: str
    sha256: str

    @property
    def short_hash(self) -> str:
        return self.sha256[:12]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a measurement was divided by, and where that number came from."""

    joules_per_unit: float
    hardware: str
    source: str
    date: str
    boundary: str = ""
    n: int | None = None
    statistic: str = ""
    is_derived: bool = False
    of_other_hardware: bool = False  # no reference for this hardware: the strictest of others was taken


@dataclass(frozen=True, slots=True)
class MetricGrade:
    """One metric of a grade: its value in its own unit, the index a scale makes of it, and its letter."""

    value: float | None
    index: float | None = None
    letter: str | None = None


@dataclass(frozen=True, slots=True)
class Grade:
    """The outcome of grading one window on one scale.

    Either ``letter`` is set, or ``reason`` says what is missing or wrong. ``letters`` lists all letters of the
    scale from best to worst; ``best`` and ``worst`` are the letters one sigma of the measurement reaches,
    ``None`` when the uncertainty is unknown.
    """

    scale: ScaleId
    letter: str | None
    reason: str = ""
    letters: tuple[str, ...] = ("A", "B", "C", "D", "E")
    best: str | None = None
    worst: str | None = None
    index: float | None = None
    unit: str = ""
    units: float | None = None
    energy_per_unit_joules: float | None = None
    emissions_per_unit_grams: float | None = None
    reference: Reference | None = None
    notes: tuple[str, ...] = ()
    metrics: Mapping[str, MetricGrade] = field(default_factory=dict)

    @property
    def is_lack(self) -> bool:
        """Whether the reason names what is missing; else it is a sentence by itself."""
        return bool(self.reason) and not self.reason.startswith(("no ", "internal", "rejected"))

    @property
    def why(self) -> str:
        """Why there is no letter, such as ``missing a task (...)``."""
        return f"missing {self.reason}" if self.is_lack else self.reason

    @property
    def text(self) -> str:
        """``B``, ``B (B-C)`` or ``not graded: missing a task``."""
        if self.letter is None:
            return f"not graded: {self.why}"
        if self.best is None or self.worst is None or self.best == self.worst:
            return self.letter
        return f"{self.letter} ({self.best}-{self.worst})"

    @property
    def ordinal(self) -> int | None:
        """1 for the best letter, counting up; None when not graded."""
        return None if self.letter is None else self.letters.index(self.letter) + 1


@dataclass(frozen=True, slots=True)
class Graded:
    """One window with everything known about it: the unit the store keeps and the pages show."""

    window: Window
    measurement: Measurement | None
    grade: Grade
    graded_at: float
