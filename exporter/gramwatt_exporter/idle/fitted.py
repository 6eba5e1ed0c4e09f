"""The idle draw of a device that is never quiet, from how its power follows its load. Pure, no numpy.

    P(u) = full * (share + (1 - share) * g(u) ** shape)

``g`` is the curve of the device's class, a concave one or a straight line. ``share`` and ``shape`` have log-normal
priors of the class, ``full`` follows by least squares for each pair of them. The idle draw is the mean of
ln(share * full) over what the measurements leave of the priors, and its sigma is what they leave of the spread. So one
sample gives an answer as wide as the class is, and a span of loads a narrow one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

from .classes import CONCAVE, LINE, IdleClass, at_load
from .loads import Point

# One sigma of a bin's mean power around the curve of a class: programs differ in what a busy CPU draws.
SCATTER = 0.03
# A machine that is straight is straight within less: only then is a line, which has no step below its lowest load, the
# better explanation. Of the servers in SPECpower the straightest tenth deviate by less than this.
LINE_SCATTER = 0.007
# A step below the lowest load, which a line can't show: of that straightest tenth, one in ten has one of a third of its
# idle draw.
LINE_SIGMA = 0.15
# The spread of the concave curve's shape, and how much less likely it is than the class's (minus twice a logarithm).
CONCAVE_SIGMA, CONCAVE_DOUBT = 0.4, 3.0
# Degrees of freedom with which the scatter itself is taken as known.
_FREEDOM = 5.0
# How far apart power and load are looked at, one sigma: a counter may be renewed every 50 ms, ticks count every 10.
_TIMING_NS = 20_000_000
# A bin counts half when it holds this much time.
_HALF_NS = 1_000_000_000
_SHARES = 61
_SHAPES = 9
_REACH = 2.5  # the grid reaches so many sigmas to both sides


class Estimate(Struct, frozen=True):
    """An idle draw with one sigma of its logarithm."""

    watts: float
    sigma: float


def fit(points: Sequence[Point], of: IdleClass) -> Estimate:
    """The idle draw behind at least one point (see :meth:`LoadSums.points`)."""
    grid = list(_hypotheses(points, of))
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


def _hypotheses(points: Sequence[Point], of: IdleClass) -> Iterator[tuple[float, float, float]]:
    """Of every point of the grid minus twice the logarithm of its probability, that of the idle draw, and the variance
    of the latter."""
    held = [time / (time + _HALF_NS) for _, _, time, _ in points]
    noise = [_TIMING_NS**2 * count / (time * time) for _, _, time, count in points]
    fits = _Likelihood(held, noise, [watts for _, watts, _, _ in points], of)
    curves = [(of.curve, of.shape_sigma, 0.0), (CONCAVE, CONCAVE_SIGMA, CONCAVE_DOUBT)]
    for curve, shape_sigma, doubt in curves if of.concave else curves[:1]:
        for shape in _grid(_SHAPES):
            exponent = math.exp(shape * shape_sigma)
            rises = [at_load(curve, load) ** exponent for load, _, _, _ in points]
            yield from fits.shares(rises, SCATTER, doubt + shape * shape, 0.0)
    line = [at_load(LINE, load) for load, _, _, _ in points]
    yield from fits.shares(line, LINE_SCATTER, 0.0, LINE_SIGMA**2)


class _Likelihood:
    """How well curves explain the points. ``held`` is how much each counts (0..1), ``noise`` the variance of its power
    over its value."""

    def __init__(
        self, held: Sequence[float], noise: Sequence[float], watts: Sequence[float], of: IdleClass
    ) -> None:
        self._held, self._noise, self._watts = held, noise, watts
        self._freedom = _FREEDOM + sum(held)
        self._steps = [
            (step * step, min(0.97, of.share * math.exp(step * of.share_sigma))) for step in _grid(_SHARES)
        ]

    def shares(
        self, rises: Sequence[float], scatter: float, doubt: float, unseen: float
    ) -> Iterator[tuple[float, float, float]]:
        """For one curve: every share with the full power that fits best. The scatter is Student's, so that one bin in
        which an odd program ran does not decide."""
        variances = [scatter * scatter + noise for noise in self._noise]
        doubt += sum(held * math.log(variance) for held, variance in zip(self._held, variances, strict=True))
        weights = [held / variance for held, variance in zip(self._held, variances, strict=True)]
        # Power over watts is share * fall + rise, so that sums over the points are polynomials of the share.
        fall = part = fall_fall = fall_part = part_part = 0.0
        for rise, watts, weight in zip(rises, self._watts, weights, strict=True):
            down, up = (1 - rise) / watts, rise / watts
            fall += weight * down
            part += weight * up
            fall_fall += weight * down * down
            fall_part += weight * down * up
            part_part += weight * up * up
        known = sum(weights)
        for cost, share in self._steps:
            above = share * fall + part
            full = above / (share * (share * fall_fall + 2 * fall_part) + part_part)
            misfit = max(0.0, known - above * full)
            yield cost + doubt + self._freedom * math.log1p(misfit / _FREEDOM), math.log(share * full), unseen


def _grid(count: int) -> list[float]:
    """Points of a prior, in sigmas."""
    return [_REACH * (2 * index / (count - 1) - 1) for index in range(count)]
