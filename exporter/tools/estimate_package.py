"""How a package's power follows from the wall's, by RAPL sweeps; and how far off it is, beside codecarbon's model."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from estimate_data import Sweep
from estimate_trees import NUMBERS, write_tree
from gramwatt_exporter.sensors.drivers.estimate.machine import Machine, read_machine
from gramwatt_exporter.sensors.drivers.estimate.names import class_by_name
from gramwatt_exporter.sensors.drivers.estimate.power import Power, power_of
from gramwatt_exporter.sensors.drivers.estimate.table import PackageFit, Table, region
from msgspec.structs import replace

# Before the sweeps are seen. A fifth of what a server draws at rest is its packages (deep sleep states). A program
# without wide vectors stays below the thermal design power; AMD's counters are a model that shows less than is drawn
# (Schoene and others, "Energy Efficiency Aspects of the AMD Zen 2 Architecture", CLUSTER 2021, arXiv 2108.00808).
START = PackageFit(0.2, {"intel": 0.9, "amd": 0.7, "any": 0.8}, 2.0, 0.4, (0.4, 0.35, 0.3, 0.3))
_SCALE_SIGMA, _MACHINE_SIGMA = 0.25, 0.45  # of ln(scale): between vendors, and between machines of one vendor
_LEAST_SIGMA = 0.25
_STEPS = (0.95, 1.0, 1.05)  # of a vendor's scale


def machine_of(sweep: Sweep, folder: Path) -> Machine:
    """The machine of a sweep: one chip, two threads a core."""
    vendor = "amd" if "AMD" in sweep.cpu else "intel"
    name, _ = class_by_name(sweep.cpu, vendor)
    numbers = NUMBERS[name or "zen4"]
    return read_machine(*write_tree(folder, sweep.cpu, vendor, numbers, 1, sweep.threads // 2, sweep.threads))


def machines_of(sweeps: Sequence[Sweep]) -> list[Machine]:
    """Of all."""
    with tempfile.TemporaryDirectory() as folder:
        return [machine_of(sweep, Path(folder, str(place))) for place, sweep in enumerate(sweeps)]


def errors(table: Table, machine: Machine, sweep: Sweep) -> Any:
    """estimate / truth - 1 at each step of the sweep."""
    power = power_of(machine, table)
    return np.array([power.at(load).cpu / watts - 1 for load, watts, _, _ in sweep.points])


def fit(table: Table, sweeps: Sequence[Sweep]) -> PackageFit:
    """The scale by vendor from what full load draws, the curve from the steps between; sigma by leaving one out."""
    machines = machines_of(sweeps)
    whole = _fit(table, machines, sweeps)
    found: list[list[float]] = [[], [], [], []]
    for out in range(len(sweeps)):
        rest = [place for place in range(len(sweeps)) if place != out]
        part = _fit(table, [machines[place] for place in rest], [sweeps[place] for place in rest])
        off = errors(replace(table, package=part), machines[out], sweeps[out])
        for (load, _, _, _), error in zip(sweeps[out].points, off, strict=True):
            found[region(load)].append(abs(1 / (1 + error) - 1))
    sigma = tuple(round(max(_LEAST_SIGMA, float(np.quantile(each, 0.6827))), 2) for each in found)
    return replace(whole, sigma=sigma)


def _fit(table: Table, machines: Sequence[Machine], sweeps: Sequence[Sweep]) -> PackageFit:
    """So that no machine is far worse than by the simplest model there is (see simplest)."""
    package = replace(table.package, scale=_scales(machines, sweeps))
    if not machines:
        return package
    best, found = np.inf, package
    for steepness, middle, *by in itertools.product(
        (1.5, 2.0, 2.5), np.arange(0.2, 0.61, 0.05), _STEPS, _STEPS
    ):
        factors = {"intel": by[0], "amd": by[1]}
        scale = {
            vendor: round(value * factors.get(vendor, 1.0), 3) for vendor, value in package.scale.items()
        }
        tried = replace(
            package, scale=scale, steepness=round(float(steepness), 2), middle=round(float(middle), 2)
        )
        ratios = [
            ratio
            for machine, sweep in zip(machines, sweeps, strict=True)
            for ratio in distances(power_of(machine, replace(table, package=tried)), sweep)
            / simplest(machine, sweep)
        ]
        cost = max(ratios) + 0.1 * float(np.mean(ratios))
        if cost < best:
            best, found = cost, tried
    return found


def deviation(power: Power, sweep: Sweep) -> float:
    """Mean distance in watts."""
    return float(np.mean([abs(power.at(load).cpu - watts) for load, watts, _, _ in sweep.points]))


def distances(power: Power, sweep: Sweep) -> Any:
    """Mean in watts; mean and median as shares of the truth."""
    return _distances([power.at(load).cpu for load, _, _, _ in sweep.points], sweep)


def simplest(machine: Machine, sweep: Sweep) -> Any:
    """The same of load times thermal design power, at least a tenth of it: codecarbon's model for such a CPU."""
    tdp = machine.tdp_watts or 100.0
    return _distances([max(0.1, load) * tdp for load, _, _, _ in sweep.points], sweep)


def _distances(estimates: Sequence[float], sweep: Sweep) -> Any:
    truth = np.array([watts for _, watts, _, _ in sweep.points])
    off = np.abs(np.array(estimates) - truth)
    return np.array([np.mean(off), np.mean(off / truth), np.median(off / truth)])


def _scales(machines: Sequence[Machine], sweeps: Sequence[Sweep]) -> dict[str, float]:
    """ln(scale) of a vendor: the mean of its machines, drawn towards what was assumed."""
    scales = dict(START.scale)
    for vendor in ("intel", "amd"):
        ratios = []
        for machine, sweep in zip(machines, sweeps, strict=True):
            if machine.identity.vendor == vendor and machine.tdp_watts:
                full = np.median([watts for load, watts, _, _ in sweep.points if load >= 0.7])
                ratios.append(np.log(full / machine.tdp_watts))
        weight = len(ratios) * _SCALE_SIGMA**2 / _MACHINE_SIGMA**2
        prior = np.log(START.scale[vendor])
        mean = float(np.mean(ratios)) if ratios else 0.0
        scales[vendor] = round(float(np.exp((prior + weight * mean) / (1 + weight))), 3)
    return scales


def codecarbon_model() -> Callable[[float, float, str], float] | None:
    """codecarbon's power of a CPU by TDP, load (0..1) and name: its own code; None where it is not installed."""
    try:
        from codecarbon.external.hardware import CPU
    except ImportError:
        return None
    return lambda tdp, load, name: float(CPU._calculate_power_from_cpu_load(tdp, 100 * load, name))


def judge(table: Table, sweeps: Sequence[Sweep], say: Callable[[str], None] = print) -> None:
    """Each machine, by what the others gave."""
    theirs = codecarbon_model()
    for machine, sweep in zip(machines_of(sweeps), sweeps, strict=True):
        off = np.abs(errors(table, machine, sweep))
        text = (
            f"{sweep.machine} ({sweep.cpu}): package {np.median(off):.0%} off (median),"
            f" {deviation(power_of(machine, table), sweep):.1f} W (mean)"
        )
        if theirs is not None and machine.tdp_watts is not None:
            other = [theirs(machine.tdp_watts, load, sweep.cpu) - w for load, w, _, _ in sweep.points]
            share = [abs(e / w) for e, (_, w, _, _) in zip(other, sweep.points, strict=True)]
            text += f"; codecarbon {np.median(share):.0%}, {np.mean(np.abs(other)):.1f} W"
        say(text)
