"""How each component is measured now, for windows: sources, one sigma, floor and idle draw."""

from __future__ import annotations

from collections.abc import Callable

from ..idle.book import IdleBook
from ..model import COMPONENTS, MergedSample
from .book import WindowBook
from .idle_share import change_ratio, idle_share


class WindowMeters:
    """Pure but for the book of windows, which it writes.

    ``floor_microjoules`` gives the least energy that the sensors of a component (by index) resolve in a sample.
    """

    def __init__(
        self, windows: WindowBook, baseline: IdleBook, floor_microjoules: Callable[[int, MergedSample], int]
    ) -> None:
        self._windows = windows
        self._baseline = baseline
        self._floor_microjoules = floor_microjoules

    def describe(self, merged: MergedSample) -> None:
        """Give the windows the meters of this sample, before its energy is booked."""
        for change in self._baseline.take_changes():
            steps = [step for step in merged.steps if step.device.component == change.component]
            ratio = change_ratio(self._baseline, steps, change.before, change.after)
            self._windows.idle_changed(change.component, ratio)
        for index, component in enumerate(COMPONENTS):
            steps = [step for step in merged.steps if step.device.component == component]
            if steps:
                microjoules = sum(step.microjoules for step in steps)
                doubt = sum(step.microjoules * step.device.uncertainty_ratio for step in steps)
                ratio = doubt / microjoules if microjoules else steps[0].device.uncertainty_ratio
                sources = "+".join(sorted({step.device.source for step in steps}))
                floor = self._floor_microjoules(index, merged)
                idle = idle_share(self._baseline, steps)
                self._windows.measured(component, sources, ratio, floor, idle)
