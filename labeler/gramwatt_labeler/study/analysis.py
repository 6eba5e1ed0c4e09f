"""What CO2 goes along with, over the models of a study: pure functions of rows (extra ``study``: scipy).

Association is not cause: most rows are of AutoTrain, so the effect of size is looked at within sources as well.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ..errors import ConfigError
from .frame import Row, months

LEAST = 10
"""With fewer models nothing is tested."""
ALPHA = 0.05
DRIVERS: Mapping[str, tuple[str, Callable[[Row], float | None]]] = {
    "size": ("size of the model file", lambda row: row.size),
    "dataset_size": ("size of the data sets", lambda row: row.dataset_size),
    "performance": ("performance score", lambda row: row.performance),
    "downloads": ("downloads", lambda row: row.downloads),
    "likes": ("likes", lambda row: row.likes),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A test. ``effect`` lies between ``low`` and ``high`` with 95 %; ``corrected`` is by Benjamini-Hochberg.

    ``name`` is what was tested, ``statistic`` what the effect is (Spearman's rho, Cliff's delta, a slope).
    """

    name: str
    statistic: str
    n: int
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    corrected: float | None = None
    note: str = ""
    along: str = "it"  # what CO2 rises or falls with, in a sentence

    @property
    def words(self) -> str:
        """The outcome as a sentence says it."""
        p = self.corrected if self.corrected is not None else self.p
        if self.effect is None or p is None:
            return self.note or "not tested"
        if p >= ALPHA:
            return "not significant"
        return f"{'rises' if self.effect > 0 else 'falls'} with {self.along}"


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that is said of the rows."""

    models: int
    with_co2: int
    grams: float
    median_grams: float | None
    reporting: Mapping[str, int]
    sources: Mapping[str, int]
    domains: Mapping[str, int]
    drivers: Sequence[Finding]
    training: Finding
    trend: Finding
    size_within: Finding
    confounding: str

    @property
    def findings(self) -> Sequence[Finding]:
        """All tests, those of the drivers first."""
        return [*self.drivers, self.size_within, self.training, self.trend]


def analyse(rows: Sequence[Row]) -> Study:
    """Raises ConfigError where scipy is missing."""
    stats = _stats()
    known = [row for row in rows if row.grams is not None]
    grams = [row.grams for row in known if row.grams is not None]
    sources = Counter(row.source or "not stated" for row in known)
    return Study(
        len(rows),
        len(known),
        math.fsum(grams),
        median(grams) if grams else None,
        dict(Counter(row.reporting or "not known" for row in rows)),
        dict(sources),
        dict(Counter(row.domain or "not known" for row in known)),
        drivers(known, stats),
        training_types(known, stats),
        trend(known, stats),
        size_within(known, stats),
        _confounding(sources, len(known)),
    )


def drivers(rows: Sequence[Row], stats: Any) -> list[Finding]:
    """Rank correlation of CO2 with each quantity; p corrected over all of them."""
    found = []
    for title, value in DRIVERS.values():
        pairs = [
            (row.grams, one) for row in rows if row.grams is not None and (one := value(row)) is not None
        ]
        if len(pairs) < LEAST or len({one for _, one in pairs}) < 2:
            found.append(Finding(title, "Spearman's rho", len(pairs), note=_too_few(len(pairs))))
            continue
        outcome = stats.spearmanr(*zip(*pairs, strict=True))
        rho = float(outcome.statistic)
        low, high = _rho_interval(rho, len(pairs))
        found.append(Finding(title, "Spearman's rho", len(pairs), rho, low, high, float(outcome.pvalue)))
    return _corrected(found, stats)


def training_types(rows: Sequence[Row], stats: Any) -> Finding:
    """Pre-training against fine-tuning, by ranks. The effect is Cliff's delta: 1 is every one above every other."""
    groups = [
        [row.grams for row in rows if row.grams is not None and row.training_type == kind]
        for kind in ("pretraining", "fine-tuning")
    ]
    n = sum(len(one) for one in groups)
    name = f"pre-training ({len(groups[0])}) against fine-tuning ({len(groups[1])})"
    if min(len(one) for one in groups) < LEAST:
        return Finding(name, "Cliff's delta", n, note=_too_few(min(len(one) for one in groups)))
    outcome = stats.mannwhitneyu(*groups, alternative="two-sided")
    delta = 2 * float(outcome.statistic) / (len(groups[0]) * len(groups[1])) - 1
    return Finding(name, "Cliff's delta", n, delta, p=float(outcome.pvalue))


def trend(rows: Sequence[Row], stats: Any) -> Finding:
    """The monthly median over time: Theil-Sen's slope of its decimal logarithm a year, Kendall's test."""
    by_month = months(rows)
    points = [(_years(month), math.log10(median(_grams(some)))) for month, some in by_month.items()]
    if len(points) < LEAST:
        return Finding("median of a month over time", "log10 a year", len(points), note=_too_few(len(points)))
    times, values = zip(*points, strict=True)
    slope = stats.theilslopes(values, times)
    tau = stats.kendalltau(times, values)
    return Finding(
        "median of a month over time", "log10 a year", len(points), float(slope.slope), float(slope.low_slope),
        float(slope.high_slope), float(tau.pvalue), along="time",
    )  # fmt: skip


def size_within(rows: Sequence[Row], stats: Any) -> Finding:
    """Size within source and domain: the slope of log CO2 over log size (OLS with dummies, HC3 errors)."""
    import numpy as np

    some = [row for row in rows if row.grams and row.size and row.size > 0]
    name = "size of the model file, within source and domain"
    levels = [sorted({getattr(row, column) for row in some})[1:] for column in ("source", "domain")]
    wanted = 2 + sum(len(one) for one in levels)
    if len(some) < max(LEAST, 2 * wanted):
        return Finding(name, "slope of logarithms", len(some), note=_too_few(len(some)))
    design = np.array(
        [
            [1.0, math.log(row.size or 1), *(float(row.source == one) for one in levels[0]),
             *(float(row.domain == one) for one in levels[1])]
            for row in some
        ]
    )  # fmt: skip
    target = np.array([math.log(row.grams or 1) for row in some])
    inverse = np.linalg.pinv(design.T @ design)
    weights = inverse @ design.T @ target
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    # A row that alone decides a dummy has leverage 1 and no residual: it says nothing of the errors.
    scaled = (target - design @ weights) / np.clip(1 - leverage, 1e-9, None)
    scaled[leverage > 1 - 1e-9] = 0.0
    covariance = inverse @ (design.T * scaled**2) @ design @ inverse
    slope, error = float(weights[1]), float(np.sqrt(covariance[1, 1]))
    freedom = len(some) - int(np.linalg.matrix_rank(design))
    if error <= 0 or freedom < 1:
        return Finding(name, "slope of logarithms", len(some), note="the sizes do not differ")
    width = float(stats.t.ppf(0.975, freedom)) * error
    p = 2 * float(stats.t.sf(abs(slope / error), freedom))
    return Finding(name, "slope of logarithms", len(some), slope, slope - width, slope + width, p)


def _rho_interval(rho: float, n: int) -> tuple[float, float]:
    """Fisher's transformation with the error of Bonett and Wright (2000) for ranks."""
    if abs(rho) >= 1 or n <= 3:
        return rho, rho
    centre, error = math.atanh(rho), math.sqrt((1 + rho**2 / 2) / (n - 3))
    return math.tanh(centre - 1.959964 * error), math.tanh(centre + 1.959964 * error)


def _corrected(found: Sequence[Finding], stats: Any) -> list[Finding]:
    from dataclasses import replace

    tested = [one for one in found if one.p is not None]
    if not tested:
        return list(found)
    values = iter(stats.false_discovery_control([one.p for one in tested]))
    return [one if one.p is None else replace(one, corrected=float(next(values))) for one in found]


def _stats() -> Any:
    try:
        from scipy import stats
    except ImportError:
        raise ConfigError("$.study", "needs scipy: pip install 'gramwatt-labeler[study]'") from None
    return stats


def _confounding(sources: Mapping[str, int], n: int) -> str:
    if not n:
        return ""
    name, count = max(sources.items(), key=lambda one: one[1])
    share = f"{100 * count / n:.0f} % of the models with CO2 are of one source ({name})"
    return f"{share}: what differs between sources can look like an effect of size." if count > n / 2 else ""


def _too_few(n: int) -> str:
    return f"not tested: {n} of at least {LEAST}"


def _grams(rows: Sequence[Row]) -> list[float]:
    return [row.grams for row in rows if row.grams is not None]


def _years(month: str) -> float:
    year, _, number = month.partition("-")
    return int(year) + (int(number or 1) - 1) / 12
