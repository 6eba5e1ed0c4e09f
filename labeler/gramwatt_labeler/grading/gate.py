"""Checks every measurement must pass before any scale sees it."""

from __future__ import annotations

import math

from ..model import Measurement, Window

MINIMUM_COVERAGE = 0.95
MINIMUM_SAMPLES = 3
_UNFIT = {
    "part": "boundary (the selector takes a part of the energy: leave out component, device and source)",
    "window": "boundary (a recorded window is graded by gramwatt-labeler grade --window ID)",
}
_ROUNDING = 0.01  # of energies that a file has with few digits


def failed_run(window: Window) -> str:
    """Why this run must not be graded whatever it used, or ""."""
    if window.failure:
        return failed(window.failure)
    return _UNFIT.get(window.boundary, "")


def failed(how: str) -> str:
    """Why a run that ended so must not be graded."""
    return f"a run that succeeded ({how}); a failed run used less because it did less"


def too_little_seen(coverage: float) -> str:
    """Why a run must not be graded of which the counters cover so little (0 to 1)."""
    return (
        f"coverage (the counters cover {100 * coverage:.1f} % of the window,"
        f" {100 * MINIMUM_COVERAGE:g} % are needed)"
    )


def refusal(measurement: Measurement) -> str:
    """Why this measurement must not be graded, or "" when it may."""
    energy = measurement.energy_joules
    if measurement.imported is None and not measurement.components:
        more = f"; {measurement.unknown_text}" if measurement.unknown else ""
        return f"energy (no sample of gramwatt_window_energy_joules_total{more})"
    if not math.isfinite(energy) or energy <= 0:
        return f"a usable energy (it is {energy:g} J)"
    if measurement.imported is not None:
        return _odd_parts(measurement)  # how well another tool covered its run is not in its file
    if measurement.energy_joules < MINIMUM_COVERAGE * measurement.most_joules:
        return f"energy that is known ({measurement.unknown_text}: no source says which processes used it)"
    samples, coverage = measurement.samples or 0, measurement.coverage_ratio or 0.0
    if samples < MINIMUM_SAMPLES:
        return f"samples (the energy counter has {samples}, {MINIMUM_SAMPLES} are needed)"
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
        return f"an energy that its parts agree with (it is {measurement.energy_joules:g} J, they are {parts:g} J)"
    return ""


def below_floor(energy: float, floor: float) -> str:
    """Why energy (J) below what the sensors resolve (J) has no letter."""
    return (
        f"energy that the sensors can resolve (it is {energy:g} J, they resolve {floor:g} J); run for longer"
    )


def undecided(measurement: Measurement, letter: str, worst: str | None) -> str:
    """Why a letter must not be given that energy of unknown owner could change to ``worst``, or ""."""
    if letter == worst:
        return ""
    other = worst or "not graded"
    return f"energy that is known ({measurement.unknown_text}, which would make it {other} and not {letter})"
