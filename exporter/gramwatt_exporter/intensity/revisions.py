"""Grams by which a total would change with intensities that became known later. Pure, whole numbers.

The counters themselves never go back. Energy is remembered in five-minute slots with the intensity that priced it;
a provider's history (measured values in place of estimates, the right hour in place of the hour before) prices the
slot again. After a day nothing changes any more and the slot is settled.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from gramwatt_exporter import units
from gramwatt_exporter.intensity.checks import plausible
from gramwatt_exporter.model import Factor, Intensity

SLOT = 300  # seconds; every provider's interval is a multiple of it
KEEP = 26 * 3600  # seconds a slot stays open; providers give 24 hours of history

_Key = tuple[str, Factor, int]  # zone, factor, start of the slot in Unix seconds


class Revisions:
    """Single writer. Only values of the same zone, the same factor and the average basis revise each other."""

    def __init__(self) -> None:
        self._booked: dict[_Key, dict[int, int]] = {}  # mg/kWh used -> microjoules
        self._revised: dict[_Key, int] = {}  # mg/kWh now known
        self._settled: dict[str, int] = {}  # emission units by zone
        self._seen: Sequence[Intensity] = ()
        self._fresh = False  # whether a slot was begun since the history was last read

    def book(self, intensity: Intensity | None, microjoules: int, at: float) -> None:
        """Energy drawn at ``at`` (Unix seconds) and the average intensity that priced it (None: not priced)."""
        if intensity is None or intensity.basis != "average" or not microjoules:
            return
        key = (intensity.zone, intensity.factor, int(at) // SLOT * SLOT)
        price = units.milligrams_per_kilowatt_hour(intensity.grams_per_kilowatt_hour)
        prices = self._booked.get(key)
        if prices is None:
            prices = self._booked[key] = {}
            self._fresh = True
        prices[price] = prices.get(price, 0) + microjoules

    def observe(self, history: Sequence[Intensity], now: float) -> None:
        """Price open slots with a provider's present ``history``, ordered by time.

        Cheap while ``history`` is the object of the last call and no new slot has begun.
        """
        self._settle(now)
        if history is self._seen and not self._fresh:
            return
        self._seen, self._fresh = history, False
        known: dict[tuple[str, Factor], list[Intensity]] = {}
        for value in history:
            if value.basis == "average":
                known.setdefault((value.zone, value.factor), []).append(value)
        for (zone, factor), values in known.items():
            import statistics  # here, because decimal and fractions come with it

            starts = [value.at for value in values]
            steps = [later - earlier for earlier, later in itertools.pairwise(starts)]
            span = statistics.median(steps) if steps else 3600.0
            for key in self._booked:
                if key[:2] != (zone, factor):
                    continue
                index = bisect.bisect_right(starts, key[2]) - 1
                if index >= 0 and key[2] - starts[index] < span:
                    grams = values[index].grams_per_kilowatt_hour
                    self._revised[key] = units.milligrams_per_kilowatt_hour(grams)

    def emission_units(self) -> Mapping[str, int]:
        """Emission units by zone; negative when the total is too high. A zone without a history is absent."""
        totals = dict(self._settled)
        for key, revised in self._revised.items():
            totals[key[0]] = totals.get(key[0], 0) + self._change(key, revised)
        return totals

    def state(self) -> dict[str, Any]:
        """What to save, as JSON values."""
        return {
            "settled": dict(self._settled),
            "slots": [
                [zone, factor, start, price, energy]
                for (zone, factor, start), prices in self._booked.items()
                for price, energy in prices.items()
            ],
            "revised": [
                [zone, factor, start, price] for (zone, factor, start), price in self._revised.items()
            ],
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take back what was saved. Raises ValueError, KeyError or TypeError, and changes nothing, when damaged."""
        settled = {str(zone): int(amount) for zone, amount in saved["settled"].items()}
        booked: dict[_Key, dict[int, int]] = {}
        for zone, factor, start, price, energy in saved["slots"]:
            booked.setdefault(_key(zone, factor, start), {})[int(price)] = int(energy)
        revised = {_key(zone, factor, start): int(price) for zone, factor, start, price in saved["revised"]}
        self._settled, self._booked = settled, booked
        # A state of before today's checks may hold a price no grid can have.
        self._revised = {
            key: price for key, price in revised.items() if key in booked and plausible(price / 1000, key[1])
        }
        self._seen, self._fresh = (), True

    def _change(self, key: _Key, revised: int) -> int:
        return sum(
            units.emission_units(energy, revised) - units.emission_units(energy, used)
            for used, energy in self._booked[key].items()
        )

    def _settle(self, now: float) -> None:
        # Slots are in order of time unless the clock was set back; then a few stay open longer, which is harmless,
        # and those that are far in the future now will not be reported again.
        while self._booked:
            key = next(iter(self._booked))
            if now - KEEP <= key[2] <= now + KEEP:
                return
            revised = self._revised.get(key)
            if revised is not None:
                self._settled[key[0]] = self._settled.get(key[0], 0) + self._change(key, revised)
                del self._revised[key]
            del self._booked[key]


def _key(zone: Any, factor: Any, start: Any) -> _Key:
    if factor not in ("lifecycle", "direct"):
        raise ValueError(f"no factor: {factor!r}")
    return str(zone), factor, int(start)
