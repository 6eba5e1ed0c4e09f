"""How far off ``gramwatt-exporter estimate show`` is on machines the fit has not seen, through the command itself.

    python exporter/tools/estimate_evaluate.py SPECPOWER.csv --rapl SWEEPS.csv [--folds 5] [--seed 1]

The CPU models are dealt into folds. For each fold a table is fitted to the others, then every machine of the fold gets
a /proc of its own and the command prints its JSON, which is compared with what was published.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import estimate_package
import numpy as np
from estimate_data import STEPS, Servers, Sweep, model_of, read_servers, read_sweeps, servers_of
from estimate_fit import Fitter
from estimate_package import codecarbon_model
from estimate_trees import NUMBERS, of_server, write_tree
from gramwatt_exporter.estimate_command import run
from gramwatt_exporter.sensors.drivers.estimate.names import class_by_name
from gramwatt_exporter.sensors.drivers.estimate.table import Table, built_in
from msgspec.structs import replace


def show(trees: tuple[Path, Path], table: Table, loads: str = "0,10,..,100") -> Mapping[str, Any]:
    """The command's JSON."""
    output = io.StringIO()
    flags = ["--path.procfs", str(trees[0]), "--path.sysfs", str(trees[1])]
    if run(["show", "--load", loads, "--json", *flags], {}, output, table=table):
        raise SystemExit("the command failed")
    found: Mapping[str, Any] = json.loads(output.getvalue())
    return found


def folds_of(servers: Servers, folds: int, seed: int) -> list[set[str]]:
    """Names of CPU models."""
    names = sorted(set(servers.models))
    np.random.default_rng(seed).shuffle(names)
    return [set(names[place::folds]) for place in range(folds)]


def held_out(servers: Servers, sweeps: list[Sweep], out: set[str]) -> tuple[Any, Any, Any]:
    """True watts, those of the command and its sigma, at eleven loads, of the models in ``out``."""
    rest = servers_of([row for row in servers.rows if model_of(row) not in out])
    fitter = Fitter(rest)
    errors = fitter.errors()
    table = fitter.table(errors, estimate_package.START)
    table = replace(table, package=estimate_package.fit(table, sweeps))
    true, shown, sigma = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for place, row in enumerate(servers.rows):
            if model_of(row) in out:
                trees = of_server(Path(folder, str(place)), row, str(servers.classes[place]))
                points = show(trees, table)["points"]
                true.append([float(row[step]) for step in STEPS])
                shown.append([point["wall_watts"] for point in points])
                sigma.append([point["sigma_ratio"] for point in points])
    return np.array(true), np.array(shown), np.array(sigma)


def say(title: str, true: Any, shown: Any, sigma: Any) -> dict[str, float]:
    """Errors and how often the truth lies within one and two sigma."""
    off = np.abs(shown / true - 1)
    z = np.abs(true - shown) / (sigma * shown)
    found = {
        "busy": float(np.median(off[:, 1:])),
        "idle": float(np.median(off[:, 0])),
        "one_sigma": float(np.mean(z <= 1)),
        "two_sigma": float(np.mean(z <= 2)),
    }
    print(
        f"{title}: {len(true)} machines, wall power {found['busy']:.1%} off at 10 to 100 % load,"
        f" {found['idle']:.1%} idle; {found['one_sigma']:.0%} within one sigma, {found['two_sigma']:.0%} within two"
    )
    return found


def sweeps_left_out(table: Table, sweeps: list[Sweep]) -> None:
    """Each machine by a package fit that has not seen it, beside codecarbon's own code."""
    theirs = codecarbon_model()
    with tempfile.TemporaryDirectory() as folder:
        for place, sweep in enumerate(sweeps):
            rest = [other for other in sweeps if other is not sweep]
            own = replace(
                table, package=estimate_package.fit(replace(table, package=estimate_package.START), rest)
            )
            vendor = "amd" if "AMD" in sweep.cpu else "intel"
            numbers = NUMBERS[class_by_name(sweep.cpu, vendor)[0] or "zen4"]
            trees = write_tree(
                Path(folder, str(place)), sweep.cpu, vendor, numbers, 1, sweep.threads // 2, sweep.threads
            )
            for title, used in (("left out", own), ("as shipped", table)):
                loads = ",".join(f"{100 * point[0]:g}" for point in sweep.points)
                answer = show(trees, used, loads)
                watts = np.array([point["cpu_watts"] for point in answer["points"]])
                sigma = np.array([point["cpu_sigma_ratio"] for point in answer["points"]])
                true = np.array([point[1] for point in sweep.points])
                z = np.abs(true - watts) / (sigma * watts)
                text = (
                    f"{sweep.machine}, {title}: package {np.median(np.abs(watts / true - 1)):.0%} off (median),"
                    f" {np.mean(np.abs(watts - true)):.1f} W (mean); {np.mean(z <= 1):.0%} within one sigma,"
                    f" {np.mean(z <= 2):.0%} within two"
                )
                if theirs is not None:
                    tdp = answer["cpu"]["tdp_watts"]
                    other = np.array([theirs(tdp, point[0], sweep.cpu) for point in sweep.points])
                    median, mean = np.median(np.abs(other / true - 1)), np.mean(np.abs(other - true))
                    text += f"; codecarbon {median:.0%}, {mean:.1f} W"
                print(text)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("spec", type=Path)
    parser.add_argument("--rapl", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write medians and coverage of all folds to this file")
    asked = parser.parse_args()
    servers, sweeps = read_servers(asked.spec), read_sweeps(asked.rapl)
    found = []
    for place, out in enumerate(folds_of(servers, asked.folds, asked.seed)):
        found.append(held_out(servers, sweeps, out))
        say(f"fold {place + 1}", *found[-1])
    whole = say("all folds", *(np.concatenate([part[each] for part in found]) for each in range(3)))
    if asked.json is not None:
        asked.json.write_text(json.dumps(whole))
        return 0
    sweeps_left_out(built_in(), sweeps)
    return 0


if __name__ == "__main__":
    sys.exit(main())
