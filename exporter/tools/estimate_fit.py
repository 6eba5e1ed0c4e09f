"""Make the estimate's table.json, and say how far off the method is on CPUs that it has not seen.

    python exporter/tools/estimate_fit.py SPECPOWER.csv --rapl SWEEPS.csv [--write [FILE]] [--picture [FILE]]

SPECPOWER.csv holds one published SPECpower_ssj2008 result a row (wall power of a whole server at eleven loads;
https://www.spec.org/power_ssj2008/results/): year, cpu, make, architecture, chips, cores, threads, mhz,
tdp_watts_per_chip, memory_gb, watts_idle, watts_10 ... watts_100. Only the coefficients of a fit leave it: facts, under
SPEC's fair use rules (https://www.spec.org/fairuse.html).
SWEEPS.csv holds load sweeps with RAPL: machine, cpu, pattern, threads, load_percent, duration_seconds, rapl_joules.

Needs numpy. Every CPU model is left out once, with all its spellings; sigma comes from those errors alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import estimate_package
import estimate_picture
import numpy as np
from estimate_data import FEATURES, Servers, read_servers, read_sweeps
from estimate_mixed_model import Fit, Inputs, left_out, spreads
from gramwatt_exporter.sensors.drivers.estimate import table as tables
from gramwatt_exporter.sensors.drivers.estimate.table import ClassFit, Table, region

TABLE = Path(tables.__file__).with_name(tables.FILE)
PICTURE = Path(__file__).parents[2] / "docs" / "estimate-errors.svg"
_FITTED = (0, 1, 5, 10)  # loads whose spreads are found; between them they are interpolated
_REGIONS = np.array([region(load) for load in tables.LOADS])
_RECENT, _NOW = 2019, 2023  # an unknown CPU is newer than the list, which ends in 2022
_LEAN = 3.0  # a class's own errors weigh as much as the pooled ones when it has so many models
_UNKNOWN = "?"
SOURCE = (
    "Coefficients of a linear mixed model fitted to SPECpower_ssj2008 results of 2004 to 2022 published on"
    " https://www.spec.org/power_ssj2008/results/ (wall power of whole servers) by exporter/tools/estimate_fit.py;"
    " packages by RAPL sweeps of three machines. SPEC and SPECpower_ssj are trademarks of the Standard Performance"
    " Evaluation Corporation; facts under https://www.spec.org/fairuse.html."
)


@dataclass(frozen=True)
class Errors:
    """true / predicted - 1 for every row and load, each predicted without the row's CPU model (or class)."""

    by_model: Any
    by_class: Any


class Fitter:
    """All servers, centred; ``log_spreads`` of the eleven loads."""

    def __init__(self, servers: Servers, log_spreads: Any | None = None) -> None:
        self.servers = servers
        self.centre = servers.features.mean(0)
        self.inputs = Inputs(
            servers.classes, servers.vendors, servers.years, servers.models, servers.features - self.centre
        )
        self.y = np.log(servers.watts)
        self.log_spreads = self._spreads() if log_spreads is None else log_spreads

    def _spreads(self) -> Any:
        found: list[Any] = []
        for load in _FITTED:
            found.append(
                spreads(self.inputs, self.y[:, load], found[-1] if found else None, 4 if found else 8)
            )
        columns = [np.interp(range(11), _FITTED, column) for column in np.array(found).T]
        return np.array(columns).T

    def errors(self) -> Errors:
        """Of every row."""
        both = []
        for groups in (self.servers.models, self.servers.classes):
            means = [
                left_out(self.log_spreads[step], self.inputs, self.y[:, step], list(groups))[0]
                for step in range(11)
            ]
            both.append(np.exp(self.y - np.array(means).T) - 1)
        return Errors(*both)

    def table(self, errors: Errors, package: tables.PackageFit) -> Table:
        """The classes of the list, and what is taken for CPUs that are in none of them."""
        fits = [Fit(self.log_spreads[step], self.inputs, self.y[:, step]) for step in range(11)]
        servers, classes = self.servers, {}
        pooled = _quantiles(errors.by_model, servers.models)
        for name in sorted(set(servers.classes)):
            rows = servers.classes == name
            sigma = _sigma(errors.by_model[rows], servers.models[rows], pooled)
            classes[name] = self._entry(fits, rows, name, str(servers.vendors[rows][0]), None, sigma)
        unknown = _quantiles(errors.by_class, servers.classes)
        for vendor in ("amd", "intel", "any"):
            own = (servers.vendors == vendor) if vendor != "any" else np.full(len(servers.years), True)
            if not own.any():
                continue
            rows = own & (servers.years >= min(_RECENT, servers.years[own].max()))
            sigma = tuple(round(float(value), 3) for value in unknown * (1.0 if vendor != "any" else 1.2))
            classes[vendor] = self._entry(fits, rows, _UNKNOWN, vendor, _NOW, sigma)
        return Table(SOURCE, classes, package)

    def _entry(
        self, fits: list[Fit], rows: Any, name: str, vendor: str, year: float | None, sigma: Any
    ) -> ClassFit:
        servers = self.servers
        typical = np.median(servers.features[rows], 0)
        typical[0] = np.log(max(1, round(np.exp(typical[0]))))
        typical[1] = float(np.exp(typical[0]) < 1.5)
        width = len(FEATURES)
        x = typical - self.centre + np.vstack([np.zeros(width), np.eye(width)])
        count = len(x)
        at = Inputs(
            np.array([name] * count), np.array([vendor] * count),
            np.full(count, year if year is not None else servers.years[rows][0]),
            np.array([_UNKNOWN] * count), x,
        )  # fmt: skip
        means = np.array([fit.predict(at)[0] for fit in fits])
        slopes = means[:, 1:] - means[:, :1]
        exponents = {feature: _three(slopes[:, j]) for j, feature in enumerate(FEATURES)}
        chips, _, cores, memory, mhz, tdp = np.exp(typical)
        return ClassFit(
            int(rows.sum()),
            len(set(servers.models[rows])),
            (min(int(r["year"]) for r in _chosen(servers, rows)), max(int(r["year"]) for r in _chosen(servers, rows))),
            {
                "chips": round(float(chips)), "cores": _short(cores), "memory": _short(memory), "mhz": _short(mhz),
                "tdp": _short(tdp), "threads": float(np.median(servers.threads[rows])),
            },
            tuple(_short(value) for value in np.exp(means[:, 0])),
            exponents,
            sigma,
        )  # fmt: skip


def _chosen(servers: Servers, rows: Any) -> list[Any]:
    return [row for row, wanted in zip(servers.rows, rows, strict=True) if wanted]


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _three(slopes: Any) -> tuple[float, float, float]:
    """At idle, and the ends of the line through the others."""
    line = np.polyfit(np.arange(10), slopes[1:], 1)
    return round(float(slopes[0]), 3), round(float(line[1]), 3), round(float(line[1] + 9 * line[0]), 3)


def _quantiles(errors: Any, groups: Any) -> Any:
    """By region the error that 68 % do not exceed; each group counts the same however many rows it has."""
    return np.array([_quantile(errors[:, place == _REGIONS], groups) for place in range(4)])


def _quantile(errors: Any, groups: Any, part: float = 0.6827) -> float:
    counts = {group: int(np.sum(groups == group)) for group in set(groups)}
    # Between "each row the same" and "each model the same": both kinds of question are asked of it.
    weights = np.repeat([1 / np.sqrt(counts[group]) for group in groups], errors.shape[1])
    values = np.abs(errors).ravel()
    order = np.argsort(values)
    total = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(len(values) - 1, int(np.searchsorted(total, part)))])


def _sigma(errors: Any, models: Any, pooled: Any) -> tuple[float, ...]:
    """A class's own errors, drawn towards those of all classes the more the fewer models it has."""
    own, count = _quantiles(errors, models), len(set(models))
    blended = np.sqrt((_LEAN * pooled**2 + count * own**2) / (_LEAN + count))
    return tuple(round(float(value), 3) for value in blended)


def judge(fitter: Fitter, errors: Errors, say: Callable[[str], None] = print) -> None:
    """How far off it is: the true value's distance from the estimate, as a share of the estimate and of the truth."""
    models, classes = fitter.servers.models, fitter.servers.classes
    for title, found in (("CPU model", errors.by_model), ("class", errors.by_class)):
        off = np.abs(1 / (1 + found) - 1)  # |estimate - true| / true
        say(
            f"left out by {title}: wall power is {np.median(off[:, 1:]):.1%} off at 10 to 100 % load"
            f" and {np.median(off[:, 0]):.1%} when idle (medians of {len(models)} servers)"
        )
    for name in sorted(set(classes)):
        rows = classes == name
        off = np.abs(1 / (1 + errors.by_model[rows]) - 1)
        say(
            f"  {name:12} {rows.sum():3} servers, {len(set(models[rows])):2} models:"
            f" {np.median(off[:, 1:]):.1%}, idle {np.median(off[:, 0]):.1%}"
        )


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("spec", type=Path)
    parser.add_argument("--rapl", type=Path, required=True)
    parser.add_argument(
        "--write", type=Path, nargs="?", const=TABLE, help=f"replace {TABLE.name}, or another file"
    )
    parser.add_argument(
        "--picture", type=Path, nargs="?", const=PICTURE, help="held-out errors by class, as SVG"
    )
    asked = parser.parse_args()
    fitter = Fitter(read_servers(asked.spec))
    errors = fitter.errors()
    judge(fitter, errors)
    sweeps = read_sweeps(asked.rapl)
    table = fitter.table(errors, estimate_package.START)
    table = fitter.table(errors, estimate_package.fit(table, sweeps))
    if asked.write is not None:
        asked.write.write_text(tables.encode(table))
    estimate_package.judge(table, sweeps)
    if asked.picture is not None:
        asked.picture.write_text(estimate_picture.draw(fitter.servers, errors.by_model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
