"""Checks that no more CPU time is charged than the CPUs had. Pure but for its log lines.

Exact sums do not show a wrong share: a process that is charged twice takes from all others, and every sum stays right.
But the CPUs have only so much time. So CPU time booked since any earlier sample is at most CPUs x the time since then,
plus one tick a CPU.

The bound holds for any span of samples and not for each by itself: a process that ends while the clocks are read is
reported one sample later, with time of the sample before. So unused time of the sample before may be used; unused time
of earlier samples may not, or a machine that was idle for an hour could be overbooked for an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

_LOG = logging.getLogger(__name__)

# CPU time is reported in steps of this where it is not read from clocks (USER_HZ is 100 on all platforms of Linux).
# It is also the longest timer tick, at which the kernel brings the run time of a thread up to date.
TICK_NS = 10_000_000
# The fault is over after so many samples within the bound: one that comes with every job is logged once.
HOLDS_AFTER = 12
# Reading all clocks takes time, and each is read at another moment. The longest duration of the last samples counts.
_FADES = 0.75


class CpuBalance:
    """``cpus`` counts the CPUs; it is called again before a fault is reported, because CPUs may be added."""

    def __init__(self, cpus: Callable[[], int]) -> None:
        self._count_cpus = cpus
        self._cpus = cpus()
        self._ended_ns: int | None = None  # of the previous sample
        self._debt_ns = 0  # overbooked time; negative: unused time of the previous sample
        self._reading_ns = 0
        self._within = 0
        self._exceeded = False
        self.samples = 0  # that exceeded the bound
        self.nanoseconds = 0  # by how much

    def observe(self, booked_ns: int, began_ns: int, ended_ns: int, in_ticks: int = 0) -> None:
        """One sample booked ``booked_ns`` of CPU time; it read the clocks from ``began_ns`` to ``ended_ns``.

        ``in_ticks``: how many of the amounts are differences of times in ticks; each may be two ticks more than
        the truth (user and system time).
        """
        before, self._ended_ns = self._ended_ns, ended_ns
        self._reading_ns = max(ended_ns - began_ns, round(self._reading_ns * _FADES))
        if before is None:
            return
        elapsed = max(0, ended_ns - before)
        doubt = self._reading_ns + TICK_NS
        known = self._debt_ns + booked_ns - 2 * TICK_NS * in_ticks
        if known > self._cpus * (elapsed + doubt):
            self._cpus = max(self._cpus, self._count_cpus())
        exceeds = known > self._cpus * (elapsed + doubt)
        capacity = self._cpus * elapsed
        self._debt_ns = max(self._debt_ns + booked_ns - capacity, -capacity)
        if exceeds:
            self._count(booked_ns, elapsed)
        elif self._exceeded:
            self._within += 1
            if self._within >= HOLDS_AFTER:
                self._exceeded = False
                _LOG.info("the CPU time charged to processes is again no more than the CPUs had")

    def _count(self, booked_ns: int, elapsed_ns: int) -> None:
        excess_ns, self._debt_ns = self._debt_ns, 0  # it is counted once, and all of it
        self.samples += 1
        self.nanoseconds += excess_ns
        self._within = 0
        if not self._exceeded:
            self._exceeded = True
            _LOG.warning(
                "%.2f CPU seconds were charged to processes for %.2f s on %d CPUs, %.2f s too many:"
                " some process is charged for what it did not use, the others too little. Please report it;"
                " gramwatt_cpu_overbooked_seconds_total counts on",
                booked_ns / 1e9,
                elapsed_ns / 1e9,
                self._cpus,
                excess_ns / 1e9,
            )
