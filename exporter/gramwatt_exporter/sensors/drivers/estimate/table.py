"""The fitted table: what a server of a class draws at the wall, and how sure that is. Made by
exporter/tools/estimate_fit.py from SPECpower_ssj2008 results; read here, never changed.

    watts per chip at load u = watts(u) * product of (feature / its typical value) ** exponent(u)

Features: cores of a chip, memory (GB) of a chip, nominal frequency (MHz), thermal design power of a chip, chips; and
``single``, a factor for machines of one chip. A feature that a machine does not show counts as typical.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

FILE = "table.json"
LOADS = tuple(step / 10 for step in range(11))
_REGION_OF = (0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3)  # of each load: idle, 10-30 %, 40-70 %, 80-100 %
_MOST_IDLE = 0.85  # of full load, however far a machine is from the typical one
FEATURES = ("chips", "single", "cores", "memory", "mhz", "tdp")


class ClassFit(Struct, frozen=True):
    """One class. Every sequence of three is at idle, 10 % and full load; between the last two it is linear."""

    machines: int
    models: int
    years: tuple[int, int]
    typical: Mapping[str, float]  # chips, cores, memory, mhz, tdp, threads (of a core)
    watts: tuple[float, ...]  # at the eleven loads, of one chip of the typical machine
    exponents: Mapping[str, tuple[float, float, float]]  # by feature
    sigma: tuple[float, float, float, float]  # by region, for CPUs that were left out of the fit


class PackageFit(Struct, frozen=True):
    """How a package's power follows from the wall's; see power.py."""

    idle_share: float  # of the wall power at rest
    scale: Mapping[str, float]  # by vendor: full load over thermal design power
    steepness: float
    middle: float
    sigma: tuple[float, float, float, float]


class Table(Struct, frozen=True):
    """The file."""

    source: str
    classes: Mapping[str, ClassFit]
    package: PackageFit


@functools.cache
def built_in() -> Table:
    """The table of this release."""
    return decode(Path(__file__).with_name(FILE).read_bytes())


def decode(text: bytes) -> Table:
    """Raises msgspec.MsgspecError when it is none."""
    return msgspec.json.decode(text, type=Table)


def region(load: float) -> int:
    """Which sigma holds at a load of 0..1."""
    return _REGION_OF[min(10, max(0, round(load * 10)))] if load > 0.02 else 0


def at(points: Sequence[float], load: float) -> float:
    """Between the eleven points of a curve."""
    place = min(1.0, max(0.0, load)) * 10
    below = min(int(place), 9)
    return points[below] + (points[below + 1] - points[below]) * (place - below)


def exponent(three: Sequence[float], step: int) -> float:
    """At one of the eleven loads."""
    if step == 0:
        return three[0]
    return three[1] + (three[2] - three[1]) * (step - 1) / 9


def wall_watts(fit: ClassFit, features: Mapping[str, float]) -> tuple[float, ...]:
    """Of the whole machine at the eleven loads; ``features`` of one chip, as FEATURES names them."""
    chips = features["chips"]
    ratios: dict[str, float] = {}
    for name in FEATURES:
        if name == "single":
            ratios[name] = 1.0 if chips == 1 else 0.0
            ratios[name] -= 1.0 if fit.typical["chips"] == 1 else 0.0
        else:
            ratios[name] = math.log(features.get(name, fit.typical[name]) / fit.typical[name])
    watts = []
    for step, typical in enumerate(fit.watts):
        power = sum(ratios[name] * exponent(fit.exponents[name], step) for name in FEATURES)
        watts.append(typical * chips * math.exp(power))
    watts[0] = min(watts[0], _MOST_IDLE * watts[-1])
    for step in range(1, len(watts)):  # more load never draws less
        watts[step] = max(watts[step], watts[step - 1])
    return tuple(watts)


def encode(table: Table) -> str:
    """The file's text, one class a line."""
    plain: dict[str, Any] = msgspec.to_builtins(table)
    text = msgspec.json.encode
    lines = ",\n".join(
        f"  {text(name).decode()}: {text(fit).decode()}" for name, fit in plain["classes"].items()
    )
    head = f'{{"source": {text(plain["source"]).decode()},\n "package": {text(plain["package"]).decode()}'
    return f'{head},\n "classes": {{\n{lines}\n}}}}\n'
