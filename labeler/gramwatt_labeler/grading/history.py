"""A scale made of one's own recorded runs, so that a team sees progress on its own work.

The median is the reference, its spread and number are said, and a letter by it is named by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..model import Graded, Measurement, Window
from .exact import exact, nearest
from .gate import failed_run, refusal
from .recorded import boundary_of, hardware_group
from .references import slug
from .scale import Unit
from .strep import quantile
from .units import units_of

LEAST_RUNS = 5
"""A spread of fewer says nothing."""
_BANDS = [("A", 0.25), ("B", 0.5), ("C", 1.0), ("D", 2.0), ("E", None)]
_UNITS: tuple[Unit, ...] = ("token", "sample", "request", "run")


@dataclass(frozen=True, slots=True)
class Key:
    """Runs that are alike: they make one reference."""

    task: str
    phase: str
    dataset: str
    unit: Unit
    boundary: str
    hardware: str


def runs(stored: Iterable[Graded], wanted: dict[str, str], since: float) -> dict[Key, list[float]]:
    """J per unit of the runs that may be graded, by what they are. ``wanted`` are facts of the window."""
    found: dict[Key, list[float]] = defaultdict(list)
    seen = set()
    for one in stored:
        window, measurement = one.window, one.measurement
        if measurement is None or window.id in seen or window.end < since:
            continue
        seen.add(window.id)
        if any(slug(str(getattr(window, name))) != slug(value) for name, value in wanted.items()):
            continue
        if not window.task.strip() or not window.phase or failed_run(window) or refusal(measurement):
            continue
        key = _key(window, measurement)
        units, _ = units_of(window.values, key.unit)
        if units is not None and key.boundary:
            found[key].append(nearest(exact(measurement.energy_joules) / exact(units)))
    return dict(found)


def _key(window: Window, measurement: Measurement) -> Key:
    unit: Unit = next((one for one in _UNITS if units_of(window.values, one)[0] is not None), "run")
    return Key(
        slug(window.task),
        window.phase,
        slug(window.dataset),
        unit,
        boundary_of(window, measurement),
        hardware_group(window, measurement),
    )


def scale_of(name: str, found: Mapping[Key, Sequence[float]], what: str, at: float) -> dict[str, object]:
    """The content of a scale file. Every reference has at least :data:`LEAST_RUNS` runs."""
    day = datetime.fromtimestamp(at, UTC).date()
    source = f"Own runs ({what}), as of {day.isoformat()}"
    references = [_reference(key, values, source, day) for key, values in found.items()]
    return {
        "format": 2,
        "kind": "eei",
        "name": name,
        "title": f"Own history: {what}",
        "version": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H%MZ}",
        "date": day,
        "source": f"{source}. Bands: one octave per letter around the median",
        "bands": [
            {"letter": letter} if up_to is None else {"letter": letter, "up_to": up_to}
            for letter, up_to in _BANDS
        ],
        "references": references,
    }


def _reference(key: Key, values: Sequence[float], source: str, day: object) -> dict[str, object]:
    low, middle, high = (nearest(quantile(values, share)) for share in (0.2, 0.5, 0.8))
    found: dict[str, object] = {
        "task": key.task,
        "phase": key.phase,
        "unit": key.unit,
        "boundary": key.boundary,
        "hardware": key.hardware,
        "joules": middle,
        "statistic": "median of own runs",
        "n": len(values),
        "low": low,
        "high": high,
        "date": day,
        "source": source,
    }
    return found | ({"datasets": [key.dataset]} if key.dataset else {})
