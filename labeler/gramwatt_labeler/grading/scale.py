"""What a scale file may say. A scale is data: bands and references with their source and date.

Every kind of scale is one struct; :func:`decode` turns the text of a file into the right one and says what is wrong.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from ..decode_errors import message_and_path
from ..errors import ScaleError
from ..model import ScaleId
from .exact import Number, exact

Phase = Literal["training", "inference"]
Unit = Literal["sample", "token", "request", "run"]
Positive = Annotated[float, Meta(gt=0.0)]
Text = Annotated[str, Meta(min_length=1)]
Letters = Annotated[list[Annotated[str, Meta(min_length=1, max_length=3)]], Meta(min_length=2, max_length=9)]


class _Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping in a scale file; unknown keys are refused."""


class Band(_Part, frozen=True):
    """A letter and the largest value that still earns it; only the last band has no limit."""

    letter: Annotated[str, Meta(min_length=1, max_length=3)]
    up_to: Positive | None = None


class Quality(_Part, frozen=True):
    """A gate: a window whose value ``key`` is below ``floor`` gets no grade, however little energy it used."""

    key: Text
    floor: float


class EeiReference(_Part, frozen=True):
    """What one functional unit of a task costs on a class of hardware (J), and who says so."""

    task: Text
    phase: Phase
    unit: Unit
    hardware: Text
    joules: Positive
    source: Text
    date: date
    datasets: list[str] = []  # only for these data sets; empty: for any
    quality: Quality | None = None


class _Scale(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What all scales say about themselves."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    title: Text
    version: Text
    date: date
    source: Text


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
    """Letters by place in a named population."""

    letters: Letters
    rule: Literal["rank", "range"]  # equal shares of the ranks, or of the span between least and most
    minimum: Annotated[int, Meta(ge=2)] = 10


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


class RatedScale(_Scale, frozen=True, tag="rated"):
    """Several metrics, each cut into ratings, averaged by weight (the GAISSA way)."""

    letters: Letters
    metrics: Annotated[dict[str, RatedMetric], Meta(min_length=1)]
    required: list[str] = []
    phase: Phase | None = None
    ties: Literal["even", "worse"] = "even"  # a mean in the middle of two ratings; even is Python's round()


Scale = EeiScale | AbsoluteScale | RelativeScale | RatedScale


def decode(text: bytes, file: str) -> tuple[Scale, ScaleId]:
    """A scale and its identity from the bytes of a file. Raises ScaleError naming file, key and what is allowed."""
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScaleError(f"{file} is not YAML: {' '.join(str(error).split())}") from None
    try:
        scale: Scale = msgspec.convert(tree, Scale)
    except msgspec.ValidationError as error:
        message, path = message_and_path(str(error))
        raise ScaleError(f"{file}: {path}: {message}") from None
    _check(scale, file)
    return scale, ScaleId(scale.name, scale.version, scale.date.isoformat(), hashlib.sha256(text).hexdigest())


def letter_of(value: Number, bands: Sequence[Band], limit: Literal["better", "worse"] = "better") -> str:
    """The letter of the band a finite value falls into. Raises ValueError for NaN and infinity.

    A value on a limit belongs to the better side, unless a published scale says otherwise.
    """
    if not isinstance(value, Fraction) and not math.isfinite(value):
        raise ValueError(f"{value} has no letter")
    place = exact(value)
    for band in bands:
        if band.up_to is None:
            return band.letter
        up_to = exact(band.up_to)
        if place < up_to or (place == up_to and limit == "better"):
            return band.letter
    raise ValueError("the last band has a limit")


def span(
    value: Number,
    uncertainty_ratio: float | None,
    bands: Sequence[Band],
    limit: Literal["better", "worse"] = "better",
) -> tuple[str | None, str | None]:
    """Best and worst letter one sigma away from a value; (None, None) when the uncertainty is unknown."""
    if uncertainty_ratio is None or not math.isfinite(uncertainty_ratio) or uncertainty_ratio < 0:
        return None, None
    sigma = exact(uncertainty_ratio)
    low, high = exact(value) * max(Fraction(0), 1 - sigma), exact(value) * (1 + sigma)
    return letter_of(low, bands, limit), letter_of(high, bands, limit)


def _check(scale: Scale, file: str) -> None:
    """Rules beyond types."""
    if isinstance(scale, EeiScale | AbsoluteScale):
        limits = [band.up_to for band in scale.bands]
        inner = [limit for limit in limits[:-1] if limit is not None]
        if limits[-1] is not None or len(inner) != len(limits) - 1 or inner != sorted(set(inner)):
            raise ScaleError(
                f"{file}: $.bands: up_to must rise from band to band, and only the last has none"
            )
        if len({band.letter for band in scale.bands}) != len(scale.bands):
            raise ScaleError(f"{file}: $.bands: a letter is used twice")
    if isinstance(scale, EeiScale):
        known = {reference.task for reference in scale.references}
        for alias, task in scale.aliases.items():
            if task not in known:
                raise ScaleError(f"{file}: $.aliases.{alias}: no reference for task {task!r}")
    if isinstance(scale, RatedScale):
        for name, metric in scale.metrics.items():
            _check_metric(name, metric, len(scale.letters) - 1, file)
        for name in scale.required:
            if name not in scale.metrics:
                raise ScaleError(f"{file}: $.required: {name!r} is not among the metrics")


def _check_metric(name: str, metric: RatedMetric, count: int, file: str) -> None:
    at = f"{file}: $.metrics.{name}"
    if bool(metric.bounds) == bool(metric.cuts):
        raise ScaleError(f"{at}: give either bounds or cuts")
    if metric.lower_is_better and not metric.cuts and metric.reference is None:
        raise ScaleError(f"{at}: lower_is_better with bounds needs a reference; or use cuts")
    key, limits = ("cuts", metric.cuts) if metric.cuts else ("bounds", metric.bounds)
    if len(limits) != count or limits != sorted(limits, reverse=key == "bounds"):
        direction = "falling" if key == "bounds" else "rising"
        raise ScaleError(
            f"{at}.{key}: expected {count} {direction} numbers, one less than letters, got {limits}"
        )
