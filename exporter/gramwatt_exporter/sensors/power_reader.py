"""Energy of a GPU without a counter: its power, read several times a second, integrated by the trapezoid rule."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from .counters import believed

SHORTEST_SECONDS, LONGEST_SECONDS = 0.1, 1.0
SHARE_OF_TIME = 0.1  # most of the time that may be spent in the driver, as a share
LONGEST_GAP_NS = 60_000_000_000  # over a longer gap the energy is not known
_MEMORY_NS = 120_000_000_000  # the variation of about so long decides how uncertain the integral is
_SENSOR_RATIO = 0.05  # one sigma of the power reading itself


class PowerReader:
    """Called on a thread of its own (``step``), drained by the sensor (``drain``).

    ``power`` returns microwatts or None, or raises; ``failed`` keeps the last error until a value comes.
    """

    def __init__(
        self,
        power: Callable[[], int | None],
        now_ns: Callable[[], int],
        max_watts: float | None,
        sensor_ratio: float = _SENSOR_RATIO,
    ) -> None:
        self._sensor_ratio = sensor_ratio
        self._power = power
        self._now = now_ns
        self._max_watts = max_watts
        self._last: tuple[int, int] | None = None  # when, microwatts
        self._carry = 0
        self._microjoules = 0
        self._points: deque[tuple[int, int]] = deque(maxlen=4096)
        self._variance = 0.0  # of the integral, joules squared, fading
        self._energy = 0.0  # joules of the same time, fading
        self.failed: Exception | None = None
        self.refused = 0

    def step(self) -> float:
        """Read once; returns the seconds to wait before the next read."""
        began = self._now()
        try:
            value = self._power()
        except Exception as error:  # the sensor handles it
            self.failed = error
            return LONGEST_SECONDS
        ended = self._now()
        if value is None:
            return LONGEST_SECONDS
        self.failed = None
        self.take(value, (began + ended) // 2)
        return min(max(SHORTEST_SECONDS, (ended - began) / 1e9 / SHARE_OF_TIME), LONGEST_SECONDS)

    def take(self, microwatts: int, at_ns: int) -> None:
        """One power value."""
        value = believed(microwatts, self._max_watts)
        if value is None:
            self.refused += 1
            return
        last, self._last = self._last, (at_ns, value)
        if last is None:
            self._points.append((at_ns, self._microjoules))
            return
        elapsed = at_ns - last[0]
        if elapsed <= 0:
            return
        if elapsed <= LONGEST_GAP_NS:
            energy, self._carry = divmod((last[1] + value) * elapsed + self._carry, 2_000_000_000)
            self._microjoules += energy
            self._vary(abs(value - last[1]), energy, elapsed)
        self._points.append((at_ns, self._microjoules))

    def drain(self) -> list[tuple[int, int]]:
        """(CLOCK_BOOTTIME in nanoseconds, microjoules so far) of every value since the last call."""
        points = []
        while self._points:
            points.append(self._points.popleft())
        return points

    @property
    def microjoules(self) -> int:
        """The integral so far."""
        return self._microjoules

    @property
    def uncertainty_ratio(self) -> float:
        """One sigma as a share of the energy: of the sensor, and of changes between two values."""
        sampling = math.sqrt(self._variance) / self._energy if self._energy > 0 else 0.0
        return round(math.hypot(self._sensor_ratio, sampling), 3)

    def _vary(self, step_microwatts: int, energy: int, elapsed_ns: int) -> None:
        """A change lies anywhere between two values: the integral errs by step * elapsed / sqrt(12), one sigma."""
        kept = max(0.0, 1 - elapsed_ns / _MEMORY_NS)
        error = step_microwatts / 1e6 * elapsed_ns / 1e9
        self._variance = self._variance * kept + error * error / 12
        self._energy = self._energy * kept + energy / 1e6
