"""A linear mixed model of ln(watts): what all servers share, what a class adds, what a CPU model adds. Needs numpy.

    ln W = mean + class + era + vendor and era + sum over features of (common + class's slope) * x + model + rest

Every term is a normal variable whose spread is found from the data (maximum marginal likelihood); a class with few
machines therefore leans on the others, and one that was never seen on its vendor and era. The prediction is linear in
the features, so it becomes a table of typical watts and exponents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_ERA_YEARS = 3.0  # over so many years designs resemble each other
_BROAD = 4.0  # variance of the mean


@dataclass(frozen=True)
class Inputs:
    """What the model knows of each row."""

    classes: Any
    vendors: Any
    years: Any
    models: Any
    x: Any  # features, centred

    def rows(self, chosen: Any) -> Inputs:
        """Some of them."""
        return Inputs(
            self.classes[chosen],
            self.vendors[chosen],
            self.years[chosen],
            self.models[chosen],
            self.x[chosen],
        )


def covariance(log_spreads: Any, a: Inputs, b: Inputs) -> Any:
    """Between the rows of a and b, without the models' own terms and the rest."""
    spread = np.exp(2 * np.asarray(log_spreads))
    width = a.x.shape[1]
    same = a.classes[:, None] == b.classes[None, :]
    era = np.exp(-0.5 * ((a.years[:, None] - b.years[None, :]) / _ERA_YEARS) ** 2)
    vendor = era * (a.vendors[:, None] == b.vendors[None, :])
    total = _BROAD + spread[0] * same + spread[1] * era + spread[2] * vendor
    for j in range(width):
        product = np.outer(a.x[:, j], b.x[:, j])
        total = total + product * (spread[3 + j] + spread[3 + width + j] * same)
    return total


def _whole(log_spreads: Any, inputs: Inputs) -> Any:
    model = inputs.models[:, None] == inputs.models[None, :]
    own, rest = np.exp(2 * np.asarray(log_spreads[-2:]))
    return covariance(log_spreads[:-2], inputs, inputs) + own * model + rest * np.eye(len(inputs.models))


def _cost(log_spreads: Any, inputs: Inputs, y: Any) -> float:
    """Minus the logarithm of the marginal likelihood, with a weak pull to spreads of a fifth."""
    try:
        root = np.linalg.cholesky(_whole(log_spreads, inputs))
    except np.linalg.LinAlgError:
        return float("inf")
    scaled = np.linalg.solve(root, y - y.mean())
    pull = 0.02 * float(np.sum((np.asarray(log_spreads) + 1.5) ** 2))
    return float(0.5 * scaled @ scaled + np.log(np.diag(root)).sum()) + pull


def spreads(inputs: Inputs, y: Any, start: Any | None = None, rounds: int = 7) -> Any:
    """The logarithms of the spreads: one coordinate after the other, with halving steps."""
    width = inputs.x.shape[1]
    found = np.array([-1.5, -1.0, -1.0] + [-2.0] * width + [-3.0] * width + [-2.0, -2.0])
    found = found if start is None else np.array(start)
    best, steps = _cost(found, inputs, y), np.full(len(found), 0.7)
    for _ in range(rounds):
        for j in range(len(found)):
            for step in (steps[j], -steps[j]):
                tried = found.copy()
                tried[j] = np.clip(tried[j] + step, -6, 1.5)
                cost = _cost(tried, inputs, y)
                if cost < best - 1e-3:
                    best, found = cost, tried
                    break
            else:
                steps[j] /= 2
    return found


class Fit:
    """One load: predicts ln(watts) and its variance for CPU models that it has not seen."""

    def __init__(self, log_spreads: Any, inputs: Inputs, y: Any) -> None:
        self._spreads, self._inputs, self._mean = log_spreads, inputs, float(y.mean())
        self._whole = _whole(log_spreads, inputs)
        self._weights = np.linalg.solve(self._whole, y - self._mean)

    def predict(self, at: Inputs) -> tuple[Any, Any]:
        """Mean and variance."""
        cross = covariance(self._spreads[:-2], self._inputs, at)
        mean = self._mean + cross.T @ self._weights
        own = np.exp(2 * np.asarray(self._spreads[-2:])).sum()
        prior = np.diag(covariance(self._spreads[:-2], at, at)) + own
        return mean, prior - np.einsum("ij,ij->j", cross, np.linalg.solve(self._whole, cross))


def left_out(log_spreads: Any, inputs: Inputs, y: Any, groups: Sequence[Any]) -> tuple[Any, Any]:
    """For every row the prediction of a fit that has seen nothing of its group, and its variance."""
    mean, variance = np.zeros(len(y)), np.zeros(len(y))
    names = np.asarray(groups)
    for group in dict.fromkeys(groups):
        out = names == group
        fit = Fit(log_spreads, inputs.rows(~out), y[~out])
        mean[out], variance[out] = fit.predict(inputs.rows(out))
    return mean, variance
