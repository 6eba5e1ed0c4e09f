"""Time that a hypervisor ran others: a process is charged or spared it, and no kernel says whose it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def stolen_seconds() -> float:
    """Since boot, of all CPUs (field 8 of the first line of /proc/stat)."""
    return int(Path("/proc/stat").read_text().split(None, 9)[8]) * _TICK


def undisturbed(measure: Callable[[], T], most_seconds: float, attempts: int = 4) -> tuple[T, float]:
    """``measure()``, again while more than ``most_seconds`` were stolen from it; and what was from the last one."""
    while True:
        before = stolen_seconds()
        measured = measure()
        time.sleep(2 * _TICK)  # it is counted at the next timer tick
        stolen = stolen_seconds() - before
        attempts -= 1
        if stolen <= most_seconds or not attempts:
            return measured, stolen
        print(f"again: {stolen:.2f} s were stolen by the hypervisor")
