"""The idle draw of a device that is never quiet, from how its power follows its load. Pure, no numpy.

    P(u) = full * (share + (1 - share) * g(u) ** shape)

``g`` is the curve of the device's class, or a straight line. ``share`` and ``shape`` have log-normal priors of the
class, ``full`` follows by least squares for each pair of them. The idle draw is the mean of ln(share * full) over what
the measurements leave of the priors, and its sigma is what they leave of the spread. So one sample gives an answer as
wide as the class is, and a span of loads a narrow one.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence

from msgspec import Struct

from .classes import LINE, IdleClass, at_load
from .loads import Point

# One sigma of a bin's mean power around the curve of a class: programs differ in what a busy CPU draws.
SCATTER = 0.03
# A machine that is straight is straight within less: only then is a line, which has no step below its lowest load, the
# better explanation. Of the servers in SPECpower the straightest tenth deviate by less than this.
LINE_SCATTER = 0.007
# A step below the lowest load, which a line can't show: of that straightest tenth, one in ten has one of a third of its
# idle draw.
LINE_SIGMA = 0.15
# Degrees of freedom with which the scatter itself is taken as known.
_FREEDOM = 5.0
# A bin counts half when it holds this much time.
_HALF_NS = 2_000_000_000
_SHARES = 61
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
    best = min(cost for cost, _, _ in grid)
    total = mean = square = 0.0
    for cost, idle, unseen in grid:
        weight = math.exp((best - cost) / 2)
        total += weight
        mean += weight * idle
        square += weight * (idle * idle + unseen)
    mean /= total
    variance = max(0.0, square / total - mean * mean)
    return Estimate(math.exp(mean), math.sqrt(variance + of.model_sigma**2))


def _hypotheses(
    points: Sequence[Point], weights: Sequence[float], of: IdleClass
) -> Iterator[tuple[float, float, float]]:
    """Of every point of the grid minus twice the logarithm of its probability, that of the idle draw, and the variance
    of the latter."""
    for shape in _grid(_SHAPES):
        exponent = math.exp(shape * of.shape_sigma)
        rises = [at_load(of.curve, load) ** exponent for load, _, _ in points]
        yield from _shares(points, weights, of, rises, SCATTER, shape * shape, 0.0)
    line = [at_load(LINE, load) for load, _, _ in points]
    yield from _shares(points, weights, of, line, LINE_SCATTER, 0.0, LINE_SIGMA**2)


def _shares(
    points: Sequence[Point],
    weights: Sequence[float],
    of: IdleClass,
    rises: Sequence[float],
    scatter: float,
    doubt: float,
    unseen: float,
) -> Iterator[tuple[float, float, float]]:
    """For one curve: every share with the full power that fits best. The scatter is Student's, so that one bin in
    which an odd program ran does not decide."""
    # Power over watts is share * fall + rise, so that sums over the points are polynomials of the share.
    falls = [(1 - rise) / watts for rise, (_, watts, _) in zip(rises, points, strict=True)]
    parts = [rise / watts for rise, (_, watts, _) in zip(rises, points, strict=True)]
    fall = sum(map(operator.mul, weights, falls))
    part = sum(map(operator.mul, weights, parts))
    fall_fall = sum(weight * one * one for weight, one in zip(weights, falls, strict=True))
    fall_part = sum(weight * one * two for weight, one, two in zip(weights, falls, parts, strict=True))
    part_part = sum(weight * two * two for weight, two in zip(weights, parts, strict=True))
    known = sum(weights)
    freedom, unit = _FREEDOM + known, 1 / (_FREEDOM * scatter**2)
    doubt += 2 * known * math.log(scatter)
    for step in _grid(_SHARES):
        share = min(0.97, of.share * math.exp(step * of.share_sigma))
        above = share * fall + part
        full = above / (share * (share * fall_fall + 2 * fall_part) + part_part)
        misfit = max(0.0, known - above * full)
        yield step * step + doubt + freedom * math.log1p(misfit * unit), math.log(share * full), unseen


def _grid(count: int) -> list[float]:
    """Points of a prior, in sigmas."""
    return [_REACH * (2 * index / (count - 1) - 1) for index in range(count)]
