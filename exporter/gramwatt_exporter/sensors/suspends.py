"""When the machine slept, from two clocks. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

_SECOND = 1_000_000_000


class Suspends:
    """How long the machine had slept since boot at the moment of a reading.

    Two clocks are looked at before and after the sensors are read: ``boottime_ns`` goes on in a suspend, ``awake_ns``
    stands still. Nearly always all looks say the same.
    """

    def __init__(self, boottime_ns: Callable[[], int], awake_ns: Callable[[], int]) -> None:
        self._now = boottime_ns
        self._awake = awake_ns
        # Moments, and how long it had slept: after the last sample, before and after this one.
        self._looks: list[tuple[int, int]] = []
        self._slept = False  # since then
        self._calm = (0, False)  # what to say of every moment where it did not

    def before(self, now_ns: int) -> None:
        """The sensors will be read now."""
        del self._looks[:-1]
        self._look(now_ns)

    def after(self) -> None:
        """They have been read."""
        self._look(self._now())
        asleep = self._looks[-1][1]
        self._slept, self._calm = asleep - self._looks[0][1] > _SECOND, (asleep, False)

    def _look(self, now_ns: int) -> None:
        asleep = now_ns - self._awake()
        if self._looks and asleep < self._looks[-1][1]:  # did not run between the two clocks: too little
            asleep = self._looks[-1][1]
        self._looks.append((now_ns, asleep))

    def at(self, at_ns: int) -> tuple[int, bool]:
        """Nanoseconds slept until then, and whether that is in doubt: it slept while the sensors were read.

        A suspend lasts longer than they take, so the time of a reading is of before or of after it. But the value
        may be of the other side: it is taken shortly before or after the time, and a process may be stopped between.
        """
        if not self._slept:
            return self._calm
        looks = self._looks
        index = min(bisect_right(looks, at_ns, key=lambda look: look[0]), len(looks) - 1)
        (before_ns, before), (after_ns, after) = looks[max(0, index - 1)], looks[index]
        slept = after - before
        if slept <= _SECOND:  # the two clocks are not read at the same moment
            return after, False
        return (after if after_ns - at_ns < slept <= at_ns - before_ns else before), True
