"""Checks every measurement must pass before any scale sees it."""

from __future__ import annotations

import math

from ..model import Measurement, Window
from ..reasons import said

MINIMUM_COVERAGE = 0.95
MINIMUM_SAMPLES = 3
_UNFIT = {
    "part": "part",
    "window": "recorded_window",
}
_ROUNDING = 0.01  # of energies that a file has with few digits


def failed_run(window: Window) -> str:
    """Why this run must not be graded whatever it used, or ""."""
    if window.failure:
        return failed(window.failure)
    unfit = _UNFIT.get(window.boundary)
    return said(unfit) if unfit else ""


def failed(how: str) -> str:
    """Why a run that ended so must not be graded."""
    return said("failed", how=how)


def too_little_seen(coverage: float) -> str:
    """Why a run must not be graded of which the counters cover so little (0 to 1)."""
    return said("coverage", share=f"{100 * coverage:.1f}", needed=f"{100 * MINIMUM_COVERAGE:g}")


def refusal(measurement: Measurement) -> str:
    """Why this measurement must not be graded, or "" when it may."""
    energy = measurement.energy_joules
    if measurement.imported is None and not measurement.components:
        if measurement.unknown:
            return said("no_energy_unknown", unknown=measurement.unknown_text)
        return said("no_energy")
    if not math.isfinite(energy) or energy <= 0:
        return said("unusable_energy", joules=f"{energy:g}")
    if measurement.imported is not None:
        return _odd_parts(measurement)  # how well another tool covered its run is not in its file
    if measurement.energy_joules < MINIMUM_COVERAGE * measurement.most_joules:
        return said("unknown_energy", unknown=measurement.unknown_text)
    samples, coverage = measurement.samples or 0, measurement.coverage_ratio or 0.0
    if samples < MINIMUM_SAMPLES:
        return said("samples", samples=str(samples), needed=str(MINIMUM_SAMPLES))
    if not coverage >= MINIMUM_COVERAGE:
        return too_little_seen(coverage)
    floor = measurement.floor_joules
    if floor is not None and energy < floor:
        return below_floor(energy, floor)
    return ""


def _odd_parts(measurement: Measurement) -> str:
    """Why an energy that is less than its own parts must not be graded, or ""."""
    parts = math.fsum(measurement.components.values())
    if parts > measurement.energy_joules * (1 + _ROUNDING):
        return said("odd_parts", joules=f"{measurement.energy_joules:g}", sum=f"{parts:g}")
    return ""


def below_floor(energy: float, floor: float) -> str:
    """Why energy (J) below what the sensors resolve (J) has no letter."""
    return said("below_floor", joules=f"{energy:g}", floor=f"{floor:g}")


def undecided(measurement: Measurement, letter: str, worst: str | None) -> str:
    """Why a letter must not be given that energy of unknown owner could change to ``worst``, or ""."""
    if letter == worst:
        return ""
    other = worst or "not graded"
    return said("undecided", unknown=measurement.unknown_text, other=other, letter=letter)
