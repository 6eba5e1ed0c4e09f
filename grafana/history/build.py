"""The whole history, from two weeks ago to a few hours ahead."""

from __future__ import annotations

from bisect import bisect_right

from . import facts, grid
from .laboratory import DAY, HOUR, MACHINES, jobs
from .series import History
from .simulation import Exporter

SPAN = 14 * DAY
AHEAD = 3 * HOUR  # so that it is still of now while the boards are looked at
# Scraped every 30 s on the last day, and less often before: two weeks of that would take minutes to write.
LATE, EARLY = 30, 240


def moments(now: float, span: float = SPAN, late: float = LATE, early: float = EARLY) -> list[float]:
    """When the exporters were scraped: every ``late`` seconds on the last day, every ``early`` before."""
    change = now // HOUR * HOUR - DAY
    times = []
    at = (now - span) // HOUR * HOUR
    while at <= now + AHEAD:
        times.append(at)
        at += late if at >= change else early
    return times


def history(now: float, times: list[float] | None = None) -> History:
    """The history as it is at Unix time ``now``. The same ``now`` always gives the same."""
    found = History(times or moments(now))
    recent = bisect_right(found.times, now - 8 * HOUR)
    everything = jobs(now, found.times[0])
    for machine in MACHINES:
        end = Exporter(found, machine, everything, now).run()
        facts.machine(found, machine, end)
        facts.gpu_memory(found, machine, everything, end)
        if machine.silent_since is None:
            grid.record(found, {"job": "gramwatt", "instance": machine.name}, recent)
    facts.runs(found, everything, now)
    facts.budgets(found, MACHINES, bisect_right(found.times, now - 7 * DAY))
    facts.rules(found, MACHINES, recent)
    return found
