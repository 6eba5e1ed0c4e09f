"""The packages' part of a server's wall power, as powercap would show it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .table import ClassFit, PackageFit, wall_watts

SMALL_CORES = 8
_SHARE_SIGMA = 0.2  # of which part of the wall power a package has


def package_watts(
    fit: ClassFit, features: Mapping[str, float], package: PackageFit, vendor: str
) -> tuple[float, ...]:
    """All packages at the eleven loads, as RAPL would show them.

    Full load is a share of the thermal design power. The curve of a small package is steeper than the wall's: SPECpower
    spreads a load over all cores at low frequencies, while programs keep single cores busy, and on small dies one busy
    core raises the frequency and voltage of all.
    """
    wall = wall_watts(fit, {**features, "memory": fit.typical["memory"]})
    span = max(1e-9, wall[-1] - wall[0])
    idle = package.idle_share * wall[0]
    full = max(idle, package.scale.get(vendor, package.scale["any"]) * features["tdp"] * features["chips"])
    small = small_share(features)
    shape = []
    for watts in wall:
        part = (watts - wall[0]) / span
        shape.append(small * steep(part, package.steepness, package.middle) + (1 - small) * part)
    return tuple(idle + (full - idle) * part for part in shape)


def small_share(features: Mapping[str, float]) -> float:
    """How much one busy core raises all: 1 where there are few, little where each of many has its own frequency."""
    return min(1.0, SMALL_CORES / (features["cores"] * features["chips"]))


def package_sigma(
    wall: Sequence[float], features: Mapping[str, float], package: PackageFit
) -> tuple[float, float, float, float]:
    """Small packages: as the sweeps show. Of large ones there are none: the wall's, and that of the package's share."""
    small = small_share(features)
    a, b, c, d = (
        math.sqrt(small * own**2 + (1 - small) * (each**2 + _SHARE_SIGMA**2))
        for own, each in zip(package.sigma, wall, strict=True)
    )
    return a, b, c, d


def steep(part: float, steepness: float, middle: float) -> float:
    """From 0 to 1 as an S: the power of cores whose frequency rises with their load and then stays."""
    power: float = max(0.0, part) ** steepness
    half: float = middle**steepness
    return power * (1 + half) / (power + half)
