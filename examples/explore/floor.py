"""The measurement floor: loops of 100 to 100,000,000 rounds, each in a window, and from which on energy is seen.

A meter has a resolution. A loop that uses less is reported as "less than the floor", however often it is asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median
from typing import Any

import gramwatt
from gramwatt.wording import quantity

from . import charts, runs, words
from .backends.machine import processor
from .measured import summed
from .runs import Summary
from .session import Session

LEAST, MOST = 100, 100_000_000


def floor(most: int = MOST, repeats: int = 3, session: Session | None = None) -> Summary:
    """The summary of loops of 100, 1,000, ... ``most`` rounds, each ``repeats`` times. Nothing is raised."""
    session = session or Session()
    config = {"model": "loop", "most": most, "repeats": repeats, "hardware": processor(), "device": "cpu"}
    key = runs.key("floor", config)
    kept = session.find(key, "floor")
    if kept is not None:
        return kept
    points = []
    for rounds in _sizes(most):
        session.live.now(f"{rounds:,} rounds")
        found = [_measured(rounds) for _ in range(repeats)]
        points.append({"rounds": rounds, **_middle(found)})
    measured = all(point["joules"] is not None for point in points)
    each = _joules_per_round(points)
    floor_joules = median([p["floor_joules"] for p in points]) if measured and _all_floors(points) else None
    summary: Summary = {
        "kind": "floor", **config, "points": points, "joules_per_round": each, "floor_joules": floor_joules,
        "knee_rounds": None if each is None or floor_joules is None else floor_joules / each,
        "phases": {"whole": points[-1]},
    }  # fmt: skip
    files = {"floor.svg": charts.svg(charts.floor_curve(summary)).encode()} if measured else {}
    return session.keep(key, summary, measured, files=files)


def line(point: dict[str, Any]) -> str:
    """``1,000,000 rounds   25.1 ms   < 50.0 mJ``."""
    return f"{point['rounds']:>12,} rounds  {words.time(point):>9}  {words.energy(point):>13}  {words.power(point)}"


def said(summary: Summary) -> str:
    """The knee in a sentence."""
    knee, least = summary["knee_rounds"], summary["floor_joules"]
    if all(point["joules"] is None for point in summary["points"]):
        return "nothing was measured, so there is no floor to see"
    if least == 0:
        return "these meters report no floor: every energy is taken as it is"
    if knee is None:
        return "every loop is below the floor: try a larger --most"
    return (
        f"the floor is {quantity(least, 'J')}: loops of less than about {float(f'{knee:.2g}'):,.0f} rounds "
        "cannot be told from none"
    )


def _measured(rounds: int) -> dict[str, Any]:
    with gramwatt.window(
        f"loop of {rounds}", phase="inference", model="loop", task="measurement-floor"
    ) as window:
        total = 0
        for number in range(rounds):
            total += number
        window.record(samples=rounds)
    return summed([window.result])


def _sizes(most: int) -> Iterator[int]:
    rounds = LEAST
    while rounds <= most:
        yield rounds
        rounds *= 10


def _middle(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The run of median energy; all of them are kept beside it."""
    known = sorted(found, key=lambda one: one["joules"] if one["joules"] is not None else -math.inf)
    return {**known[len(known) // 2], "each": [one["joules"] for one in found]}


def _joules_per_round(points: list[dict[str, Any]]) -> float | None:
    """By the largest loop above the floor."""
    seen = [point for point in points if point["joules"] and not point["below_floor"]]
    return seen[-1]["joules"] / seen[-1]["rounds"] if seen else None


def _all_floors(points: list[dict[str, Any]]) -> bool:
    return all(point["floor_joules"] is not None for point in points)
