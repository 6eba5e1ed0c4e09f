"""Checks every measurement must pass before any scale sees it."""

from __future__ import annotations

import math

from ..model import Measurement

MINIMUM_COVERAGE = 0.95
MINIMUM_SAMPLES = 3


def refusal(measurement: Measurement) -> str:
    """Why this measurement must not be graded, or "" when it may."""
    energy = measurement.energy_joules
    if not measurement.components:
        return "energy (no sample of gramwatt_window_energy_joules_total)"
    if not math.isfinite(energy) or energy <= 0:
        return f"a usable energy (it is {energy:g} J)"
    if measurement.samples < MINIMUM_SAMPLES:
        return f"samples (the energy counter has {measurement.samples}, {MINIMUM_SAMPLES} are needed)"
    if not measurement.coverage_ratio >= MINIMUM_COVERAGE:
        return (
            f"coverage (the counters cover {100 * measurement.coverage_ratio:.1f} % of the window,"
            f" {100 * MINIMUM_COVERAGE:g} % are needed)"
        )
    return ""
