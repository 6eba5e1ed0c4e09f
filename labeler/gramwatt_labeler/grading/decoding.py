"""The text of a scale file -> a scale, or what is wrong with it. Files of format 1 are read as format 2."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import yaml

from ..decode_errors import message_and_path
from ..errors import ScaleError
from ..model import ScaleId
from ..type_descriptions import described
from .scale import (
    AbsoluteScale,
    Band,
    EeiReference,
    EeiScale,
    RatedMetric,
    RatedScale,
    RelativeScale,
    Scale,
    StrepScale,
)

FORMAT = 2
FIFTHS = 5
CONSISTENT = 2.0
"""Two references for one piece of work may differ by this factor, or must say what they were measured on."""


def decode(text: bytes, file: str) -> tuple[Scale, ScaleId]:
    """A scale and its identity from the bytes of a file. Raises ScaleError naming file, key and what is allowed."""
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ScaleError(f"{file} is not YAML: {' '.join(str(error).split())}") from None
    try:
        scale: Scale = msgspec.convert(_migrated(tree), described(Scale))
    except msgspec.ValidationError as error:
        message, path = message_and_path(str(error))
        if message == "Expected `float`, got `str`":
            message += " (YAML takes 1e9 for a text; write 1.0e+9)"
        raise ScaleError(f"{file}: {path}: {message}") from None
    _check(scale, file)
    return scale, ScaleId(scale.name, scale.version, scale.date.isoformat(), hashlib.sha256(text).hexdigest())


def _migrated(tree: Any) -> Any:
    """Format 1 as format 2: its references count all energy of a process, and ``cpu`` and ``gpu`` are classes."""
    if (
        not isinstance(tree, dict)
        or tree.get("format", 1) != 1
        or not isinstance(tree.get("references"), list)
    ):
        return tree
    references = [
        {"boundary": "process"} | one if isinstance(one, dict) else one for one in tree["references"]
    ]
    return tree | {"references": references}


def _check(scale: Scale, file: str) -> None:
    """Rules beyond types."""
    if isinstance(scale, EeiScale | AbsoluteScale):
        _check_bands(scale.bands, file)
    if isinstance(scale, EeiScale):
        _check_references(scale, file)
    if isinstance(scale, RelativeScale | RatedScale | StrepScale) and len(set(scale.letters)) != len(
        scale.letters
    ):
        raise ScaleError(f"{file}: $.letters: a letter is used twice")
    if isinstance(scale, StrepScale) and len(scale.letters) != FIFTHS:
        raise ScaleError(
            f"{file}: $.letters: expected {FIFTHS} letters, one per fifth, got {len(scale.letters)}"
        )
    if isinstance(scale, RatedScale):
        for name, metric in scale.metrics.items():
            _check_metric(name, metric, len(scale.letters) - 1, file)
        for name in scale.required:
            if name not in scale.metrics:
                raise ScaleError(f"{file}: $.required: {name!r} is not among the metrics")


def _check_bands(bands: Sequence[Band], file: str) -> None:
    limits = [band.up_to for band in bands]
    inner = [limit for limit in limits[:-1] if limit is not None]
    if limits[-1] is not None or len(inner) != len(limits) - 1 or inner != sorted(set(inner)):
        raise ScaleError(f"{file}: $.bands: up_to must rise from band to band, and only the last has none")
    if len({band.letter for band in bands}) != len(bands):
        raise ScaleError(f"{file}: $.bands: a letter is used twice")


def _check_references(scale: EeiScale, file: str) -> None:
    known = {reference.task for reference in scale.references}
    for alias, task in scale.aliases.items():
        if task not in known:
            raise ScaleError(f"{file}: $.aliases.{alias}: no reference for task {task!r}")
    seen: dict[tuple[object, ...], int] = {}
    for place, one in enumerate(scale.references):
        at = f"{file}: $.references[{place}]"
        if one.low is not None and one.high is not None and not one.low <= one.joules <= one.high:
            raise ScaleError(
                f"{at}: joules must lie from low to high, got {one.low}, {one.joules}, {one.high}"
            )
        if one.least is not None and one.least > (one.low or one.joules):
            raise ScaleError(f"{at}.least: must not be above low and joules, got {one.least}")
        key = (one.task, one.phase, one.unit, one.boundary, one.hardware, tuple(sorted(one.datasets)))
        if scale.format == FORMAT and key in seen:
            raise ScaleError(
                f"{at}: a second reference for the same task, phase, unit, boundary, hardware and data sets as "
                f"$.references[{seen[key]}]; keep one"
            )
        seen[key] = place
    for one, other in inconsistent(scale.references) if scale.format == FORMAT else ():
        raise ScaleError(
            f"{file}: $.references: task {one.task} on {one.hardware} has {one.joules:g} J per {one.unit} and "
            f"{other.joules:g} J per {other.unit}; they differ more than {CONSISTENT:g}-fold under the same conditions"
        )


def inconsistent(references: Sequence[EeiReference]) -> list[tuple[EeiReference, EeiReference]]:
    """Pairs for one task, phase, boundary and hardware that differ by more than :data:`CONSISTENT` in other units.

    Such a pair lets the name of the unit choose the letter, unless its conditions say that the work differs.
    """
    found = []
    for place, one in enumerate(references):
        for other in references[place + 1 :]:
            alike = all(
                getattr(one, name) == getattr(other, name)
                for name in ("task", "phase", "boundary", "hardware", "datasets", "conditions")
            )
            high, low = max(one.joules, other.joules), min(one.joules, other.joules)
            if alike and one.unit != other.unit and high > CONSISTENT * low:
                found.append((one, other))
    return found


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
            + ("; where less is better write lower_is_better: true and cuts" if key == "bounds" else "")
        )
