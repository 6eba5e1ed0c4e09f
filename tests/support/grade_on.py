"""A window graded on a scale, in the order in which tests think of it."""

from __future__ import annotations

from gramwatt_labeler.grading.recorded import grade_window
from gramwatt_labeler.grading.scale import AbsoluteScale, EeiScale
from gramwatt_labeler.model import Grade, Measurement, ScaleId, Window


def grade_on(
    window: Window,
    measurement: Measurement,
    scale: EeiScale | AbsoluteScale,
    identity: ScaleId,
    hardware: str = "",
) -> Grade:
    return grade_window(scale, identity, window, measurement, hardware)
