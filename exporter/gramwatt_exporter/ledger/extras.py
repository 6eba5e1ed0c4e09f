"""What is counted beside the operational grams: marginal emissions, revisions, PUE, embodied, price, water."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import units
from ..config import Config
from ..intensity.revisions import Revisions
from ..model import COMPONENTS, EnergyStep, Intensity, IntensityState, MergedSample
from ..snapshot import Factors
from .accounts import Accounts
from .factors import FactorBook
from .interval import SHORTEST_POWER_NS

# How old a sensor's value may be when it is read: the least energy a window can resolve is power times this.
# RAPL updates every millisecond, NVML and hwmon within 100 ms, the estimate with the 10 ms clock tick.
_REFRESH_NANOSECONDS = {"rapl": 1_000_000, "estimate": 10_000_000, "nvml": 100_000_000, "hwmon": 100_000_000}
_REFRESH_OTHERWISE = 1_000_000_000


class Extras:
    """Single writer, like the booking it stands beside."""

    def __init__(self, config: Config, accounts: Accounts) -> None:
        self.accounts = accounts
        self._factors = FactorBook()
        self._revisions = Revisions()
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Apply settings, at the start and after a reload."""
        self._factors.configure(
            pue=config.pue,
            currency=config.price.currency,
            price=config.price.per_kilowatt_hour,
            hourly=config.price.hourly,
            water=config.water.litres_per_kilowatt_hour,
            embodied={
                name: (float(item.emissions), float(item.lifetime), item.count)
                for name, item in config.embodied.items()
            },
        )

    def book(self, steps: Sequence[EnergyStep], state: IntensityState, now: float, now_ns: int) -> None:
        """One sample's energy of the whole node. ``now`` is Unix seconds, ``now_ns`` time since boot."""
        node = sum(step.microjoules for step in steps)
        amount = 0
        if state.average is not None:
            amount = units.emission_units(node, _price(state.average))
        self._factors.book(node, amount, now, now_ns)
        self._revisions.book(state.average, node, now)
        self._revisions.observe(state.history, now)
        if state.marginal is not None:
            key = (state.marginal.zone, state.marginal.provider)
            more = units.emission_units(node, _price(state.marginal))
            self.accounts.marginal[key] = self.accounts.marginal.get(key, 0) + more

    def revisions(self) -> Mapping[str, int]:
        """Emission units by which each zone's total would change."""
        return self._revisions.emission_units()

    def factors(self, now: float) -> Factors:
        """The configured factors now."""
        book = self._factors
        return Factors(
            pue=book.pue,
            overhead_microjoules=book.overhead.microjoules,
            overhead_units=book.overhead.emission_units,
            embodied_units=book.embodied,
            currency=book.currency,
            price=book.price(now),
            cost=book.cost,
            water_litres=book.water_litres,
        )

    def floor_microjoules(self, component: int, sensor_set: MergedSample) -> int:
        """The least energy the component's sensors resolve at its present power."""
        floor = 0
        for step in sensor_set.steps:
            if step.device.component == COMPONENTS[component] and step.nanoseconds > 0:
                refresh = _REFRESH_NANOSECONDS.get(step.device.source, _REFRESH_OTHERWISE)
                microjoules, nanoseconds = self._mean(step)
                floor += microjoules * refresh // nanoseconds
        return floor

    def _mean(self, step: EnergyStep) -> tuple[int, int]:
        """Energy and time of the step. A step too short for a mean gives those of the last published interval: a
        counter that is renewed every 0.1 s seems to show thirty times the power in the 3 ms of a forced sample."""
        account = self.accounts.devices.get((step.device.component, step.device.name))
        if step.nanoseconds >= SHORTEST_POWER_NS or account is None or account.last_ns <= step.nanoseconds:
            return step.microjoules, step.nanoseconds
        return account.last_uj, account.last_ns

    def state(self) -> dict[str, Any]:
        """What to save."""
        return {"factors": self._factors.state(), "revisions": self._revisions.state()}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take back what was saved. Raises KeyError, TypeError or ValueError when it is damaged."""
        self._factors.restore(saved["factors"])
        self._revisions.restore(saved["revisions"])


def _price(intensity: Intensity) -> int:
    return units.milligrams_per_kilowatt_hour(intensity.grams_per_kilowatt_hour)
