"""Numbers in words for a terminal: energies with the floor, tables, and lines that fit into 100 columns."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from gramwatt.wording import duration, grams, quantity

COLUMNS = 100
NOT_MEASURED = "not measured"


def energy(phase: Mapping[str, Any]) -> str:
    """``1.23 J``; ``< 50.0 mJ`` for what the sensors cannot resolve."""
    if phase.get("joules") is None:
        return NOT_MEASURED
    if phase.get("below_floor"):
        return f"< {quantity(phase['floor_joules'], 'J')}"
    return quantity(phase["joules"], "J")


def power(phase: Mapping[str, Any]) -> str:
    """``12.3 W``; "" for what is not known or below the floor."""
    watts = phase.get("watts")
    return "" if watts is None or phase.get("below_floor") else quantity(watts, "W")


def emissions(phase: Mapping[str, Any]) -> str:
    """``123 µg``; ``no grid zone`` where the exporter has none."""
    if phase.get("joules") is None:
        return NOT_MEASURED
    if phase.get("grams") is None:
        return "no zone"
    return f"< {grams(_floor_grams(phase))}" if phase.get("below_floor") else grams(phase["grams"])


def _floor_grams(phase: Mapping[str, Any]) -> float | None:
    return phase["grams"] / phase["joules"] * phase["floor_joules"] if phase.get("joules") else None


def time(phase: Mapping[str, Any]) -> str:
    """``1.23 s``, ``25.1 ms``."""
    seconds = phase.get("seconds")
    return quantity(seconds, "s") if seconds is not None and seconds < 1 else duration(seconds)


def spent(phase: Mapping[str, Any]) -> str:
    """The energy, else the time where nothing was measured."""
    return energy(phase) if phase.get("joules") is not None else time(phase)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first is text, the others are numbers."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            f"{cell:<{width}}" if column == 0 else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [head, *lines]
    )


def short(text: str, width: int) -> str:
    """The text, cut to ``width`` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


class Live:
    """What happens now, on a terminal in a line that the next one replaces; whole lines stay."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stdout.isatty()
        self._replaces = False

    def now(self, text: str) -> None:
        """A line that the next one replaces."""
        if self._terminal and not self._quiet:
            print(f"\r\x1b[K{short(text, COLUMNS - 1)}", end="", flush=True)
            self._replaces = True

    def line(self, text: str) -> None:
        """A line that stays."""
        if not self._quiet:
            print(("\r\x1b[K" if self._replaces else "") + text, flush=True)
            self._replaces = False
