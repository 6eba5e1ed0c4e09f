"""Modelled devices inside a meter draw no more than the meter leaves beside the measured ones. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from ..model import Component, Device, EnergyStep
from .timeline import MODELLED, Inside

MEMORY_SECONDS = (
    60.0  # the rest of the meter is averaged over about so long: its readings lag behind the load
)
# Of a part that is only known to lie between nothing and what the meter leaves, one sigma is 0.29 of the upper end
# (a uniform distribution); the model said more than fits, so the truth lies nearer to the upper end than that.
BOUNDED_UNCERTAINTY_RATIO = 0.3


class ModelBound:
    """Scales the modelled devices to the rest of a measured whole; later steps make up for too much booked energy."""

    def __init__(self) -> None:
        self._left = 0.0  # microjoules that the meter left beside the measured devices, fading
        self._model = 0.0  # microjoules of the model in the same time, fading as well
        self._debt = 0  # microjoules booked beyond the meter
        self._devices: dict[tuple[Device, int], Device] = {}

    @property
    def ratio(self) -> float:
        """The share of the model's energy that fits; 1 if all of it fits.

        A meter that shows less than the measured devices does not surround them and bounds nothing.
        """
        return min(1.0, self._left / self._model) if self._model > 0 and self._left > 0 else 1.0

    def interval(self, shown: int, inside: Inside, excess: int, seconds: float) -> None:
        """The meter showed ``shown`` uJ over so many seconds; ``excess`` is the meter less the devices so far."""
        if inside.model <= 0 and self._model <= 0:
            return
        fading = 0.5 ** (seconds / MEMORY_SECONDS)
        self._left = self._left * fading + shown - inside.measured
        self._model = self._model * fading + inside.model
        self._debt = max(0, -excess) if self.ratio < 1.0 else 0

    def apply(self, step: EnergyStep, covers: Sequence[Component]) -> EnergyStep:
        """The step as it may be booked."""
        device = step.device
        ratio = self.ratio
        if device.source != MODELLED or device.component not in covers or ratio >= 1.0:
            return step
        fits = int(step.microjoules * ratio)
        paid = min(fits, self._debt)
        self._debt -= paid
        return replace(step, device=self._bounded(device, round(ratio * 100)), microjoules=fits - paid)

    def _bounded(self, device: Device, percent: int) -> Device:
        bounded = self._devices.get((device, percent))
        if bounded is None:
            if len(self._devices) > 256:
                self._devices.clear()
            idle = None if device.idle_watts is None else device.idle_watts * percent / 100
            sigma = min(device.uncertainty_ratio, BOUNDED_UNCERTAINTY_RATIO)
            bounded = replace(device, uncertainty_ratio=sigma, idle_watts=idle)
            self._devices[device, percent] = bounded
        return bounded

    def state(self) -> list[int]:
        """What to save."""
        return [round(self._left), round(self._model), self._debt]

    @classmethod
    def restored(cls, saved: Sequence[Any]) -> ModelBound:
        """Go on from ``state``."""
        bound = cls()
        left, model, debt = saved
        bound._left, bound._model, bound._debt = float(left), float(model), int(debt)
        return bound
