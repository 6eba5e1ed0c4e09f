"""Values people write with a unit: durations (``5s``, ``10m``, ``1h30m``) and masses (``50kg``)."""

from __future__ import annotations

import math
import re

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)")
_DURATION_SECONDS = {
    "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0,
}  # fmt: skip
_MASS = re.compile(r"(\d+(?:\.\d+)?)\s*(mg|g|kg|t)")
_MASS_GRAMS = {"mg": 0.001, "g": 1.0, "kg": 1000.0, "t": 1_000_000.0}


class Duration(float):
    """Seconds, written like Prometheus writes durations: 500ms, 5s, 10m, 1h30m, 30d."""

    @classmethod
    def parse(cls, text: object) -> Duration:
        """Raises ValueError saying what is allowed."""
        if not isinstance(text, str) or not text:
            raise ValueError(f"expected a duration such as 500ms, 5s, 10m or 30d, got {text!r}")
        end, total = 0, 0.0
        for match in _DURATION.finditer(text):
            if match.start() != end:
                break
            total += float(match[1]) * _DURATION_SECONDS[match[2]]
            end = match.end()
        if end != len(text) or total == math.inf:
            raise ValueError(f"expected a duration such as 500ms, 5s, 10m or 30d, got {text!r}")
        return cls(total)

    def __str__(self) -> str:
        for unit in ("w", "d", "h", "m", "s"):
            size = _DURATION_SECONDS[unit]
            if self >= size and self % size == 0:
                return f"{int(self // size)}{unit}"
        return f"{round(self * 1000)}ms" if self else "0s"


class Mass(float):
    """Grams, written with a unit: 500g, 50kg, 1.5t."""

    @classmethod
    def parse(cls, text: object) -> Mass:
        """Raises ValueError saying what is allowed."""
        match = _MASS.fullmatch(text.strip()) if isinstance(text, str) else None
        grams = math.inf if match is None else float(match[1]) * _MASS_GRAMS[match[2]]
        if grams == math.inf:
            raise ValueError(f"expected a mass such as 500g, 50kg or 1.5t, got {text!r}")
        return cls(grams)

    def __str__(self) -> str:
        return f"{self / 1000:g}kg" if self >= 1000 else f"{self:g}g"


# Alerts divide by a period's length and look at minutes of it: 0s, or 12m for twelve months, would always be spent.
_SHORTEST_PERIOD = 3600.0
_LONGEST_PERIOD = 10 * 31536000.0
CALENDAR_PERIODS = ("day", "week", "month", "quarter", "year")


class Period:
    """A budget's period: rolling (a duration) or by the calendar (one of CALENDAR_PERIODS, in UTC)."""

    __slots__ = ("calendar", "rolling")

    def __init__(self, calendar: str = "", rolling: Duration | None = None) -> None:
        self.calendar = calendar
        self.rolling = rolling

    @classmethod
    def parse(cls, text: object) -> Period:
        """Raises ValueError saying what is allowed."""
        if text in CALENDAR_PERIODS:
            return cls(calendar=str(text))
        try:
            rolling = Duration.parse(text)
        except ValueError:
            words = ", ".join(CALENDAR_PERIODS)
            raise ValueError(f"expected {words} or a duration such as 30d, got {text!r}") from None
        if not _SHORTEST_PERIOD <= rolling <= _LONGEST_PERIOD:
            raise ValueError(f"a budget's period is from 1h to 10y, got {text!r} (m are minutes)")
        return cls(rolling=rolling)

    def __str__(self) -> str:
        return self.calendar or str(self.rolling)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Period) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))
