"""The idle draw of a device that is never quiet, from how its power follows its load. Pure, no numpy.

    P(u) = full * (share + (1 - share) * g(u) ** shape)

``g`` is the curve of the device's class, or a straight line. ``share`` and ``shape`` have log-normal priors of the
class, ``full`` follows by least squares for each pair of them. The idle draw is the mean of ln(share * full) over what
the measurements leave of the priors, and its sigma is what they leave of the spread. So one sample gives an answer as
wide as the class is, and a span of loads a narrow one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

from .classes import LINE, IdleClass, at_load
from .loads import Point

# One sigma of a bin's mean power around the curve of a class: programs differ in what a busy CPU draws.
SCATTER = 0.03
# A machine that is straight is straight within less: only then is a line, which has no step below its lowest load, the
# better explanation. Of the servers in SPECpower the straightest tenth deviate by less than this.
LINE_SCATTER = 0.007
# Degrees of freedom with which the scatter itself is taken as known.
_FREEDOM = 5.0
# A bin counts half when it holds this much time.
_HALF_NS = 5_000_000_000
# What no curve shows: a step below the lowest load seen, a class that is not this machine's. Chosen so that of servers
# left out two thirds lie within one sigma (exporter/tools/idle_classes.py prints it).
MODEL_SIGMA = 0.08

_SHARES = 21
_SHAPES = 9
_REACH = 2.5  # the grid reaches so many sigmas to both sides


class Estimate(Struct, frozen=True):
    """An idle draw with one sigma of its logarithm."""

    watts: float
    sigma: float


def fit(points: Sequence[Point], of: IdleClass) -> Estimate:
    """The idle draw behind at least one point (see :meth:`LoadSums.points`)."""
    weights = [time / (time + _HALF_NS) for _, _, time in points]
    grid = list(_hypotheses(points, weights, of))
    best = min(cost for cost, _ in grid)
    total = mean = square = 0.0
    for cost, idle in grid:
        weight = math.exp((best - cost) / 2)
        total += weight
        mean += weight * idle
        square += weight * idle * idle
    mean /= total
    variance = max(0.0, square / total - mean * mean)
    return Estimate(math.exp(mean), math.sqrt(variance + MODEL_SIGMA**2))


def _hypotheses(
    points: Sequence[Point], weights: Sequence[float], of: IdleClass
) -> Iterator[tuple[float, float]]:
    """Minus twice the logarithm of the probability, and that of the idle draw, of every point of the grid."""
    for shape in _grid(_SHAPES):
        exponent = math.exp(shape * of.shape_sigma)
        rises = [at_load(of.curve, load) ** exponent for load, _, _ in points]
        yield from _shares(points, weights, of, rises, SCATTER, shape * shape)
    yield from _shares(points, weights, of, [at_load(LINE, load) for load, _, _ in points], LINE_SCATTER, 0.0)


def _shares(
    points: Sequence[Point],
    weights: Sequence[float],
    of: IdleClass,
    rises: Sequence[float],
    scatter: float,
    doubt: float,
) -> Iterator[tuple[float, float]]:
    """For one curve: every share with the full power that fits best. The scatter is Student's, so that one bin in
    which an odd program ran does not decide."""
    known = sum(weights)
    doubt += 2 * known * math.log(scatter)
    for step in _grid(_SHARES):
        share = min(0.97, of.share * math.exp(step * of.share_sigma))
        below = above = 0.0
        for rise, (_, watts, _), weight in zip(rises, points, weights, strict=True):
            part = (share + (1 - share) * rise) / watts
            below += weight * part * part
            above += weight * part
        full = above / below
        misfit = max(0.0, known - above * full)
        cost = step * step + doubt + (_FREEDOM + known) * math.log1p(misfit / (_FREEDOM * scatter**2))
        yield cost, math.log(share * full)


def _grid(count: int) -> list[float]:
    """Points of a prior, in sigmas."""
    return [_REACH * (2 * index / (count - 1) - 1) for index in range(count)]
