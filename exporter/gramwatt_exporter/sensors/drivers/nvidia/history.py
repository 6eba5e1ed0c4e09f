"""How much energy a GPU had drawn at a moment in the recent past. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque

KEEP = 512  # readings: at ten a second, the time for which energy waits for its owners at most


class History:
    """Readings of one energy counter, oldest first: (CLOCK_BOOTTIME in nanoseconds, microjoules)."""

    def __init__(self) -> None:
        self._points: deque[tuple[int, int]] = deque(maxlen=KEEP)

    def __bool__(self) -> bool:
        return bool(self._points)

    @property
    def begins(self) -> bool:
        """Whether there is just one reading: nothing was drawn yet."""
        return len(self._points) == 1

    @property
    def oldest_ns(self) -> int:
        """Moment of the oldest reading kept."""
        return self._points[0][0]

    @property
    def newest_ns(self) -> int:
        """Moment of the newest reading."""
        return self._points[-1][0]

    @property
    def newest_microjoules(self) -> int:
        """The counter at the newest reading."""
        return self._points[-1][1]

    @property
    def last_step(self) -> tuple[int, int]:
        """Nanoseconds and microjoules between the newest two readings; (0, 0) where there are not two."""
        if len(self._points) < 2:
            return 0, 0
        (t0, e0), (t1, e1) = self._points[-2], self._points[-1]
        return t1 - t0, e1 - e0

    def add(self, at_ns: int, microjoules: int) -> None:
        """Take a reading. One of no later time is the same reading again."""
        if not self._points or at_ns > self._points[-1][0]:
            self._points.append((at_ns, microjoules))

    def clear(self) -> None:
        """The counter begins anew."""
        self._points.clear()

    def at(self, at_ns: int) -> int:
        """Microjoules at that moment, between two readings in proportion to time; at the ends the nearest reading."""
        points = self._points
        index = bisect_right(points, at_ns, key=lambda point: point[0])
        if index == 0:
            return points[0][1]
        if index == len(points):
            return points[-1][1]
        (t0, e0), (t1, e1) = points[index - 1], points[index]
        return e0 + (e1 - e0) * (at_ns - t0) // (t1 - t0)

    def reading_before(self, at_ns: int) -> int:
        """Moment of the last reading at or before that; of the oldest when there is none."""
        index = bisect_right(self._points, at_ns, key=lambda point: point[0])
        return self._points[max(0, index - 1)][0]

    def reading_after(self, at_ns: int) -> int:
        """Moment of the first reading at or after that; of the newest when there is none."""
        points = self._points
        index = bisect_left(points, at_ns, key=lambda point: point[0])
        return points[min(index, len(points) - 1)][0]

    def forget_before(self, at_ns: int) -> None:
        """Drop what lies before that moment, except the reading that gives its value."""
        points = self._points
        while len(points) > 2 and points[1][0] <= at_ns:
            points.popleft()
