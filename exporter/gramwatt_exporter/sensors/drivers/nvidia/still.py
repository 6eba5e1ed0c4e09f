"""A counter that does not move while its GPU draws power: what it would have counted, by that power. Pure."""

from __future__ import annotations

LEAST_MICROWATTS = 1_000_000  # a GPU below 1 W may be asleep, with a counter that rightly stands still
SPLIT_NS = 1_000_000  # between the last value that is filled in and the first that is counted again
FACTOR = 2  # a counter that catches up counts at least this part of what the power says


class Still:
    """The integral of the power since the counter moved last."""

    def __init__(self) -> None:
        self._points: list[tuple[int, int]] = []  # (CLOCK_BOOTTIME in nanoseconds, microjoules)
        self._counter = 0
        self._microwatts = 0

    @property
    def active(self) -> bool:
        """Whether it stood still at the last look."""
        return bool(self._points)

    def look(
        self,
        microjoules: int,
        microwatts: int | None,
        at_ns: int,
        newest: tuple[int, int],
        short: int = 0,
    ) -> bool:
        """Whether it stands still at this look. ``newest`` is its last reading: moment and microjoules; ``short`` what
        its last step may lack.
        """
        if microwatts is None or microwatts < LEAST_MICROWATTS:
            self._points.clear()
            return False
        if microjoules != newest[1] or at_ns <= newest[0]:
            return False
        if not self._points:
            self._points, self._microwatts, self._counter = [newest], microwatts, newest[1]
        since_ns, energy = self._points[-1]
        if len(self._points) == 1:
            energy += short
        mean = (self._microwatts + microwatts) // 2
        self._points.append((at_ns, energy + mean * (at_ns - since_ns) // 1_000_000_000))
        self._microwatts = microwatts
        return True

    def missed(self, microjoules: int, at_ns: int) -> bool:
        """The counter moves again: whether it left out what was drawn while it stood still."""
        if not self._points:
            return False
        since_ns, energy = self._points[-1]
        until_ns = at_ns - SPLIT_NS
        if until_ns > since_ns:
            self._points.append(
                (until_ns, energy + self._microwatts * (until_ns - since_ns) // 1_000_000_000)
            )
        drawn = self._points[-1][1] - self._points[0][1]
        if (microjoules - self._counter) * FACTOR >= drawn:
            self._points.clear()
            return False
        return True

    def drawn(self, at_ns: int) -> int | None:
        """Microjoules from the moment since which it stood still until ``at_ns``; None where it did not."""
        if not self._points:
            return None
        after = next((index for index, point in enumerate(self._points) if point[0] >= at_ns), None)
        if after is None:
            since_ns, energy = self._points[-1]
            return energy + self._microwatts * (at_ns - since_ns) // 1_000_000_000 - self._points[0][1]
        (t0, e0), (t1, e1) = self._points[max(0, after - 1)], self._points[after]
        energy = e0 if t1 <= t0 else e0 + (e1 - e0) * (at_ns - t0) // (t1 - t0)
        return energy - self._points[0][1]

    def points(self) -> list[tuple[int, int]]:
        """What it would have counted; begins anew."""
        points, self._points = self._points, []
        return points
