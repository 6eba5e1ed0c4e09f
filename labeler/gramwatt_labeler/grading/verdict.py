"""What goes through the door of grading: facts about a piece of work, and the verdict on them.

A fact is a number with a unit, by name. ``None`` and numbers that are not finite are not known, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..model import MetricGrade, Reference

Quantity = tuple[float | None, str]
"""A value and its unit; the unit "" is the metric's own (J, g, bytes, a count or a ratio)."""
Population = Mapping[str, Mapping[str, float | None]]
"""Metrics of named members, in the metrics' own units."""

_NOTHING: Mapping[str, Quantity] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a piece of work. Texts are "" where they are not known.

    ``hardware`` is a group such as H100 or consumer-gpu; ``boundary`` says what the energy counts: gpu, process or
    machine. ``weights`` replace a scale's own, by metric.
    """

    phase: str = ""
    task: str = ""
    dataset: str = ""
    hardware: str = ""
    boundary: str = ""
    metrics: Mapping[str, Quantity] = field(default_factory=lambda: _NOTHING)
    weights: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What an energy grade rests on: J per ``unit`` over ``units`` of them, and what that was compared with."""

    unit: str
    units: float
    per_unit_joules: float
    index: float | None = None
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Either ``letter`` is set, or ``reasons`` say what is missing or wrong.

    ``span`` are the best and the worst letter that measurement and reference allow, where both are known. ``groups``
    are the letters of groups of metrics (STREP). ``notes`` are said beside a letter.
    """

    letter: str | None
    letters: tuple[str, ...] = ("A", "B", "C", "D", "E")
    metrics: Mapping[str, MetricGrade] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    span: tuple[str, str] | None = None
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    compound: float | None = None
    basis: Basis | None = None
