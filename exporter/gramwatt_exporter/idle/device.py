"""The samples of one device, and the idle draw that follows from them by the best method. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .classes import IdleClass
from .fitted import Estimate, fit
from .loads import LoadSums, spans
from .methods import IdleMethod
from .quantile import FadingQuantile

# Learn only from samples long enough for the counter's own resolution to vanish; forced ones are added up until they
# are. One much longer than the longest sampling interval (10 s) was stalled: a virtual machine that its host stopped
# sees no suspend.
SHORTEST_NS = 900_000_000
LONGEST_NS = 30_000_000_000

HOUR_NS = 3_600_000_000_000
# Of quiet samples the lowest twentieth counts, and what was seen six hours of quiet time ago is e times less: a lower
# draw takes over within half an hour, a higher one (another fan, more memory) within a day of quiet time.
QUIET_QUANTILE, QUIET_FADE_NS = 0.05, 6 * HOUR_NS
# Of all samples: no device draws more idle than in use.
LOWEST_QUANTILE, LOWEST_FADE_NS = 0.02, 48 * HOUR_NS
# One sigma of a quiet device's idle draw when all quiet samples agree.
QUIET_SIGMA = 0.02
# What is known is worked out again after 1, 2, 4, 8 samples, then after every 12 (a fit takes about a millisecond), and
# at once where a sample says that it was too much, or is the first quiet one.
SETTLE_EVERY = 12


class Seen:
    """One device. A few microseconds a sample; a fit once a minute while it is not quiet."""

    def __init__(self) -> None:
        self.quiet = FadingQuantile(QUIET_QUANTILE, QUIET_FADE_NS)
        self.lowest = FadingQuantile(LOWEST_QUANTILE, LOWEST_FADE_NS)
        self.loads = LoadSums()
        self._pending: list[float] = [0, 0, 0.0, 0.0]  # energy, time, load * time, time that was not quiet
        self._samples = 0
        self._settle_at = 0
        self._known_power = 0.0  # microjoules a nanosecond; 0 while nothing is known

    def add(self, microjoules: int, nanoseconds: int, utilisation: float | None, quiet: bool) -> bool:
        """A step; returns whether what is known should be worked out again. ``utilisation`` is None where load does not
        explain power."""
        pending = self._pending
        pending[0] += microjoules
        pending[1] += nanoseconds
        pending[2] += (utilisation or 0.0) * nanoseconds
        pending[3] += 0 if quiet else nanoseconds
        if pending[1] < SHORTEST_NS:
            return False
        taken = pending[1] <= LONGEST_NS and pending[0] * 1_000_000_000 >= pending[1]  # a microwatt
        due = taken and self._take(round(pending[0]), round(pending[1]), utilisation is not None)
        self.interrupt()
        return due

    def interrupt(self) -> None:
        """Drop the short samples added up so far: the machine slept, or no sample was taken."""
        self._pending = [0, 0, 0.0, 0.0]

    def _take(self, microjoules: int, nanoseconds: int, explained: bool) -> bool:
        self.lowest.add(microjoules, nanoseconds)
        first_quiet = not self._pending[3] and not self.quiet
        if not self._pending[3]:
            self.quiet.add(microjoules, nanoseconds)
        if explained:
            self.loads.add(microjoules, nanoseconds, min(1.0, self._pending[2] / nanoseconds))
        self._samples += 1
        too_much = microjoules < self._known_power * nanoseconds
        return first_quiet or too_much or self._samples >= self._settle_at

    def known(self, of: IdleClass | None) -> tuple[Estimate, IdleMethod] | None:
        """The idle draw by the best method that gives one; None without one."""
        self._settle_at = self._samples + max(1, min(SETTLE_EVERY, self._samples))
        found = self._known(of)
        self._known_power = found[0].watts / 1000 if found is not None else 0.0
        return found

    def _known(self, of: IdleClass | None) -> tuple[Estimate, IdleMethod] | None:
        quiet = self.quiet.microwatts()
        if quiet is not None:
            spread = math.log((self.quiet.microwatts(0.5) or quiet) / quiet)
            return self._at_most_lowest(Estimate(quiet / 1e6, max(QUIET_SIGMA, spread)), "quiet")
        if of is None:
            return None
        points = self.loads.points()
        if points:
            return self._at_most_lowest(fit(points, of), "fitted" if spans(points) else "model")
        if of.full_watts is None:
            return None
        sigma = math.hypot(of.model_sigma, of.share_sigma, of.full_sigma)
        return Estimate(of.share * of.full_watts, sigma), "model"

    def _at_most_lowest(self, estimate: Estimate, method: IdleMethod) -> tuple[Estimate, IdleMethod]:
        lowest = self.lowest.microwatts()
        if lowest is not None and estimate.watts > lowest / 1e6:
            estimate = Estimate(lowest / 1e6, estimate.sigma)
        return estimate, method

    # --- over restarts

    def state(self) -> dict[str, Any]:
        """What to save."""
        return {"quiet": self.quiet.state(), "lowest": self.lowest.state(), "loads": self.loads.state()}

    @classmethod
    def restored(cls, saved: int | Sequence[Any] | Mapping[str, Any]) -> Seen:
        """Raises TypeError, ValueError, KeyError or AttributeError when it is damaged."""
        seen = cls()
        if isinstance(saved, Mapping):
            seen.quiet.restore(saved["quiet"])
            seen.lowest.restore(saved["lowest"])
            seen.loads.restore(saved["loads"])
            seen._samples = len(seen.loads.points())
        else:
            seen._restore_lowest_of_blocks(saved)
        return seen

    def _restore_lowest_of_blocks(self, saved: int | Sequence[Any]) -> None:
        """An earlier version kept the lowest quiet power of blocks of three hours, the first of all a single number."""
        nanoseconds, *lowest = [0, saved] if isinstance(saved, int) else map(int, saved)
        if nanoseconds < 0 or not lowest or min(lowest) <= 0:
            raise ValueError("not the powers of a quiet device")
        hours = [3 * HOUR_NS] * (len(lowest) - 1) + [max(nanoseconds, 1_000_000_000)]
        for power, time in zip(lowest, hours, strict=True):
            self.quiet.add(power * time / 1e9, time)
