"""The charts of a report, by title, the same on a page and on paper."""

from __future__ import annotations

from collections.abc import Sequence

from ..charts.drawing import draw
from ..charts.specs import component_bars, daily_bars, letter_bars
from ..render.palette import colours
from ..units import energy_unit
from .content import Report


def charts(report: Report) -> Sequence[tuple[str, str]]:
    """``(title, svg)``; a chart without anything to show is left out."""
    found = []
    largest = max((joules for _, joules in report.days), default=0.0)
    unit, size = energy_unit(largest)
    if len(report.days) > 1:
        days = [(day, joules / size) for day, joules in report.days]
        found.append(("Energy by day", draw(daily_bars(days, unit), "energy by day")))
    if not report.is_of_one and any(count for _, count in report.letters):
        title = "Letters of the runs"
        found.append((title, draw(letter_bars(report.letters, colours(len(report.letters))), title)))
    if len(report.components) > 1:
        total = sum(report.components.values())
        unit, size = energy_unit(total)
        parts = {name: joules / size for name, joules in report.components.items()}
        found.append(
            ("Energy by component", draw(component_bars([("all runs", parts)], unit), "energy by component"))
        )
    return found
