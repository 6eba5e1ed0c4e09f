"""What a scale file may say. A scale is data: bands and references with what they were measured on and their source.

Every kind of scale is one struct; :mod:`.decoding` turns the text of a file into the right one.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Phase = Literal["training", "inference"]
Unit = Literal["sample", "token", "request", "run"]
Boundary = Literal["gpu", "process", "machine"]
Positive = Annotated[float, Meta(gt=0.0)]
Text = Annotated[str, Meta(min_length=1)]
Letter = Annotated[str, Meta(min_length=1, max_length=3)]
Letters = Annotated[list[Letter], Meta(min_length=2, max_length=9)]


class _Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping in a scale file; unknown keys are refused."""


class Band(_Part, frozen=True):
    """A letter and the largest value that still earns it; only the last band has no limit."""

    letter: Letter
    up_to: Positive | None = None


class Quality(_Part, frozen=True):
    """A gate: a window whose value ``key`` is below ``floor`` gets no grade, however little energy it used."""

    key: Text
    floor: float


class Conditions(_Part, frozen=True):
    """How a reference was measured. ``tokens_out`` per request is compared with the window's own, the rest is said."""

    hardware: str = ""
    batch: str = ""
    precision: str = ""
    tokens_in: Positive | None = None
    tokens_out: Positive | None = None
    steps: Positive | None = None


class EeiReference(_Part, frozen=True):
    """What one functional unit of a task costs (J), on what, within which boundary, and its source.

    ``boundary``: ``gpu`` counts a GPU's energy alone, ``process`` all energy of the measured processes, ``machine``
    that of a whole machine with its idle draw. ``hardware`` is a group (H100), a class (gpu, cpu) or ``any``.
    ``low`` and ``high`` are the 20 % and 80 % quantiles of ``n`` values, ``least`` and ``most`` the
    smallest and largest of them. ``derived`` figures were not measured: their span is three times as wide.
    """

    task: Text
    phase: Phase
    unit: Unit
    boundary: Boundary
    hardware: Text
    joules: Positive
    source: Text
    date: datetime.date
    statistic: str = ""
    n: Annotated[int, Meta(ge=1)] | None = None
    low: Positive | None = None
    high: Positive | None = None
    least: Positive | None = None
    most: Positive | None = None
    conditions: Conditions = Conditions()
    derived: bool = False
    datasets: list[str] = []  # only for these data sets; empty: for any
    quality: Quality | None = None
    licence: str = ""
    url: str = ""
    valid_from: datetime.date | None = None
    verified_by: str = ""
    rescale_when: str = ""


class Distribution(_Part, frozen=True):
    """The letters a scale gives to a named public population, so that a reader sees that they spread."""

    population: Text
    n: Annotated[int, Meta(ge=1)]
    letters: dict[str, int]
    task: str = ""
    hardware: str = ""  # one group of the population; empty: all of it
    note: str = ""


class _Scale(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What all scales say about themselves. A ``retired`` scale is read and grades nothing new."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    title: Text
    version: Text
    date: datetime.date
    source: Text
    format: Literal[1, 2] = 1
    licence: str = ""
    retired: bool = False
    distribution: list[Distribution] = []


class EeiScale(_Scale, frozen=True, tag="eei"):
    """Energy per functional unit divided by a reference, cut into bands (energy efficiency index)."""

    bands: Annotated[list[Band], Meta(min_length=2)]
    references: Annotated[list[EeiReference], Meta(min_length=1)]
    aliases: dict[str, str] = {}  # other spellings of tasks


class AbsoluteScale(_Scale, frozen=True, tag="absolute"):
    """Energy per functional unit cut into bands directly; ``joules`` is the size of the bands' unit in J."""

    unit: Unit
    phase: Phase
    measure: Text  # the bands' unit in words, such as Wh per million output tokens
    joules: Positive
    bands: Annotated[list[Band], Meta(min_length=2)]
    limit: Literal["better", "worse"] = "better"  # the side a value on the limit belongs to
    tasks: list[str] = []  # empty: any task


class RelativeScale(_Scale, frozen=True, tag="relative"):
    """Letters by place in a named population; less is better. ``metric`` "" is the one metric that is given."""

    letters: Letters
    rule: Literal["rank", "range"]  # equal shares of the ranks, or of the span between least and most
    minimum: Annotated[int, Meta(ge=2)] = 10
    metric: str = ""


class RatedMetric(_Part, frozen=True):
    """One metric of a rated scale: weight, direction, and either ``bounds`` or ``cuts``, one less than letters.

    ``bounds`` fall, and a larger index (value/reference, or reference/value where lower is better) is better.
    ``cuts`` rise, are in the metric's own unit, and a smaller value is better.
    """

    weight: Positive
    bounds: list[float] = []
    cuts: list[float] = []
    reference: Positive | None = None  # None: values are compared as they are, without an index
    ceiling: float | None = None  # a larger index is out of range, which GAISSALabel rates the worst
    lower_is_better: bool = False
    unit: str = ""  # the unit values are in: g, B, J, ...


class RatedScale(_Scale, frozen=True, tag="rated"):
    """Several metrics, each cut into ratings, averaged by weight (the GAISSA way).

    ``absent`` says what a missing metric does: ``skip`` averages over those present, as the originals do; ``decide``
    gives a letter only where no value of the missing one could change it.
    """

    letters: Letters
    metrics: Annotated[dict[str, RatedMetric], Meta(min_length=1)]
    required: list[str] = []
    phase: Phase | None = None
    ties: Literal["even", "worse"] = "even"  # a mean in the middle of two ratings; even is Python's round()
    absent: Literal["skip", "decide"] = "skip"


class StrepProperty(_Part, frozen=True):
    """A metric of a STREP scale: its group, direction, and weight when it is not shared out evenly."""

    group: Text = "Quality"  # as STREP takes what is not described
    higher_is_better: bool = False
    weight: Annotated[float, Meta(ge=0.0)] | None = None
    unit: str = ""


class StrepScale(_Scale, frozen=True, tag="strep"):
    """Every metric as a share of the best in a population, letters by fifths, and a compound of all."""

    metrics: Annotated[dict[str, StrepProperty], Meta(min_length=1)]
    letters: Letters  # five, for fifths
    mode: Literal["mean", "median"] = "mean"


Scale = EeiScale | AbsoluteScale | RelativeScale | RatedScale | StrepScale


def letters_of(scale: Scale) -> tuple[str, ...]:
    """All letters of a scale, best first."""
    if isinstance(scale, EeiScale | AbsoluteScale):
        return tuple(band.letter for band in scale.bands)
    return tuple(scale.letters)
