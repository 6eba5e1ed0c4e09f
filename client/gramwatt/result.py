"""The result of a window: its numbers, their sources and their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .equivalents import Equivalent, equivalents
from .outcome import Outcome, failed, from_answer

_JOULES_PER_WATT_HOUR = 3600.0


@dataclass(frozen=True)
class Result:
    """One window, finished or still open.

    Joules, grams of CO2 equivalent, seconds and watts. ``None`` means *not known* (no exporter, no grid zone), never
    zero. ``str()`` is always safe to print.
    """

    name: str
    phase: str
    window: Optional[str] = None
    """The exporter's id; None when only this process measured the window."""
    state: str = "finished"
    ended_by: Optional[str] = None
    start: Optional[float] = None
    end: Optional[float] = None
    seconds: Optional[float] = None
    joules: Optional[float] = None
    grams: Optional[float] = None
    watts: Optional[float] = None
    """Mean power."""
    components: Mapping[str, float] = field(default_factory=dict)
    """Joules by component: cpu, dram, gpu, other."""
    component_grams: Mapping[str, float] = field(default_factory=dict)
    cpu_seconds: Optional[float] = None
    processes: Optional[int] = None
    sources: Mapping[str, str] = field(default_factory=dict)
    """What measured each component: rapl, nvml, ..., estimate, estimate-local."""
    unknown: Mapping[str, float] = field(default_factory=dict)
    """Most joules by component that the window may have used beyond ``components``."""
    uncertainty: Optional[float] = None
    """One sigma of the energy as a share of it: about 0.05 measured, 0.5 and more modelled."""
    missed_seconds: Optional[float] = None
    """Seconds without a measurement: the exporter was down, or a sample failed."""
    floor_joules: Optional[float] = None
    below_floor: bool = False
    """The window used less than the sensors can resolve: read ``joules`` as "less than ``floor_joules``"."""
    values: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    task: str = ""
    dataset: str = ""
    parent: str = ""
    boundary: str = "process"
    """What the energy counts: ``process``, that of its processes, or ``machine``, all of it with the idle draw."""
    outcome: Optional[Outcome] = None
    """How the run ended: ``exit_code``, ``signal`` or ``exception``; None when it is not recorded."""
    note: str = ""
    """Why numbers are missing or how they were estimated; "" when all are measured."""

    @property
    def watt_hours(self) -> Optional[float]:
        """Energy in watt-hours."""
        return None if self.joules is None else self.joules / _JOULES_PER_WATT_HOUR

    @property
    def measured(self) -> bool:
        """Whether the energy is known, from a sensor or from a model (see ``sources``)."""
        return self.joules is not None

    @property
    def failed(self) -> bool:
        """Whether the run is known to have failed. Such a run gets no grade."""
        return failed(self.outcome)

    @property
    def equivalents(self) -> tuple[Equivalent, ...]:
        """The energy and the emissions in everyday terms, each with the source of its factor."""
        return equivalents(joules=self.joules, grams=self.grams)

    def summary(self) -> dict[str, Any]:
        """The JSON object ``gramwatt run --summary-json`` writes. Keys and units are part of the contract."""
        return {
            "window": self.window,
            "name": self.name,
            "phase": self.phase,
            "energy_joules": self.joules,
            "emissions_grams": self.grams,
            "duration_seconds": self.seconds,
            "mean_power_watts": self.watts,
            "components": dict(self.components),
            "cpu_seconds": self.cpu_seconds,
            "sources": dict(self.sources),
            "unknown_joules": dict(self.unknown),
            "uncertainty_ratio": self.uncertainty,
            "values": dict(self.values),
            "model": self.model,
            "task": self.task,
            "dataset": self.dataset,
            "boundary": self.boundary,
            "missed_seconds": self.missed_seconds,
            "below_floor": self.below_floor,
            "floor_joules": self.floor_joules,
            "ended_by": self.ended_by,
            "outcome": None if self.outcome is None else dict(self.outcome),
            "note": self.note,
        }

    def __str__(self) -> str:
        from .wording import one_line

        return one_line(self)


def from_window(answer: Mapping[str, Any]) -> Result:
    """Read a Window object of the socket API. Fields that are missing or of another type count as not known."""
    return Result(
        name=_text(answer, "name"),
        phase=_text(answer, "phase"),
        window=_text(answer, "window") or None,
        state=_text(answer, "state") or "finished",
        ended_by=_text(answer, "ended_by") or None,
        start=_number(answer, "start"),
        end=_number(answer, "end"),
        seconds=_number(answer, "duration_seconds"),
        joules=_number(answer, "energy_joules"),
        grams=_number(answer, "emissions_grams"),
        watts=_number(answer, "mean_power_watts"),
        components=_numbers(answer, "components"),
        component_grams=_numbers(answer, "component_emissions_grams"),
        cpu_seconds=_number(answer, "cpu_seconds"),
        processes=_whole(answer, "processes"),
        sources=_texts(answer, "sources"),
        unknown=_numbers(answer, "unknown_joules"),
        uncertainty=_number(answer, "uncertainty_ratio"),
        missed_seconds=_number(answer, "missed_seconds"),
        floor_joules=_number(answer, "floor_joules"),
        below_floor=answer.get("below_floor") is True,
        values=_numbers(answer, "values"),
        model=_text(answer, "model"),
        task=_text(answer, "task"),
        dataset=_text(answer, "dataset"),
        parent=_text(answer, "parent"),
        boundary=_text(answer, "boundary") or "process",
        outcome=from_answer(answer.get("outcome")),
        note=_unknown_note(_numbers(answer, "unknown_joules")),
    )


def _unknown_note(unknown: Mapping[str, float]) -> str:
    """What a window may have used beyond its known energy, in words; "" for less than is worth a line."""
    parts = [
        f"up to {joules:.0f} J more of the {component}"
        for component, joules in sorted(unknown.items())
        if joules >= 1
    ]
    if not parts:
        return ""
    return f"{' and '.join(parts)} may be its own: the exporter does not know which process used it"


def _text(answer: Mapping[str, Any], key: str) -> str:
    value = answer.get(key)
    return value if isinstance(value, str) else ""


def finite_number(value: Any) -> Optional[float]:
    """A finite float; JSON as Python reads it also has NaN, infinity and integers beyond every float."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _number(answer: Mapping[str, Any], key: str) -> Optional[float]:
    return finite_number(answer.get(key))


def _whole(answer: Mapping[str, Any], key: str) -> Optional[int]:
    number = _number(answer, key)
    return None if number is None else int(number)


def _numbers(answer: Mapping[str, Any], key: str) -> dict[str, float]:
    value = answer.get(key)
    if not isinstance(value, dict):
        return {}
    found = {str(name): finite_number(one) for name, one in value.items()}
    return {name: one for name, one in found.items() if one is not None}


def _texts(answer: Mapping[str, Any], key: str) -> dict[str, str]:
    value = answer.get(key)
    if not isinstance(value, dict):
        return {}
    return {str(k): v for k, v in value.items() if isinstance(v, str)}
