"""A rough measurement without an exporter: own CPU time times an assumed power per CPU.

It sees this process and the children it has waited for, nothing else: no memory, no GPU, no idle draw. It is marked
``source="estimate-local"`` wherever it appears.
"""

from __future__ import annotations

import os
import time
from typing import Optional

from .environment import FALLBACK_WATTS
from .notices import warn_once

SOURCE = "estimate-local"

ASSUMED_WATTS_PER_CPU = 3.5
"""Thermal design power of one logical CPU: server parts lie between about 2 and 5 W, desktop parts between
4 and 10 W."""

UNCERTAINTY_ASSUMED = 0.75
UNCERTAINTY_CONFIGURED = 0.5


class LocalMeter:
    """CPU time of this process and its waited-for children since construction (seconds)."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._cpu_began = _cpu_seconds()

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since construction."""
        return time.monotonic() - self._began

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds since construction. In a forked child the clock starts lower; never negative."""
        return max(0.0, _cpu_seconds() - self._cpu_began)


def watts_per_cpu() -> tuple[float, float, str]:
    """Power of one busy logical CPU in watts, its uncertainty (one sigma, a share), and the assumption in words."""
    configured = _configured()
    if configured is not None:
        return (
            configured,
            UNCERTAINTY_CONFIGURED,
            f"own CPU time at {configured:g} W per CPU ({FALLBACK_WATTS})",
        )
    return (
        ASSUMED_WATTS_PER_CPU,
        UNCERTAINTY_ASSUMED,
        f"own CPU time at an assumed {ASSUMED_WATTS_PER_CPU:g} W per CPU; set {FALLBACK_WATTS} to correct it",
    )


def _configured() -> Optional[float]:
    text = os.environ.get(FALLBACK_WATTS, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0 < value < 1000:
        return value
    warn_once(f"{FALLBACK_WATTS}={text!r} is not a number of watts; it is ignored", topic=FALLBACK_WATTS)
    return None


def _cpu_seconds() -> float:
    return time.process_time() + children_cpu_seconds()


def children_cpu_seconds() -> float:
    """CPU seconds of all children waited for, and of theirs; 0 where the platform does not report it (Windows)."""
    try:
        import resource
    except ImportError:
        return 0.0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
