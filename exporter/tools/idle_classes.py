"""Make gramwatt_exporter/idle/classes.json: what idle and full load draw, and the curve between, by microarchitecture.

    python exporter/tools/idle_classes.py SPECPOWER.csv [--rapl SWEEPS.csv] [--write [FILE]]

SPECPOWER.csv holds one published SPECpower_ssj2008 result a row, with the columns year, make, architecture, cpu,
threads, watts_idle, watts_10 ... watts_100 (wall power of the whole server;
https://www.spec.org/power_ssj2008/results/). Only medians and spreads of classes leave it: facts, under SPEC's fair
use rules (https://www.spec.org/fairuse.html).
SWEEPS.csv holds load sweeps with RAPL: machine, pattern, load_percent, duration_seconds, rapl_joules.

Needs numpy. Prints how far off the method is on machines that were left out of their class, and on the sweeps.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gramwatt_exporter.idle import classes as idle_classes
from gramwatt_exporter.idle.classes import IdleClass
from gramwatt_exporter.idle.device import Seen
from gramwatt_exporter.idle.machine import load_table

TABLE = Path(idle_classes.__file__).with_name("classes.json")
LOADS = np.arange(11) / 10
LEAST = 3  # machines in a class
RECENT = 2017  # a CPU whose numbers are not known is likely newer than the list
SECONDS = 1_000_000_000
RANGES = ((0.02, 0.1), (0.05, 0.6), (0.2, 0.9), (0.4, 1.0), (0.55, 0.65))

# Wall power holds fans, disks and losses, which hardly rest: a package's share of idle is another one. Of three
# packages measured it was 0.08 to 0.39. It is taken from halfway between its class and this, as wide as they lie apart.
PACKAGE_SHARE, PACKAGE_SHARE_SIGMA = 0.25, 0.6
# So is its curve: the governor lets one package rise at the square of the load and another to the full at a fifth.
PACKAGE_SHAPE_SIGMA = 0.7
PACKAGE_PART = 0.65  # of the wall power that full load draws; only for the time before the first sample

SPELLING = {"kabylabe": "kabylake", "epyc": "epyc-gen3"}  # the list's "epyc" are all 7773X


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("spec", type=Path)
    parser.add_argument("--rapl", type=Path)
    parser.add_argument(
        "--write", type=Path, nargs="?", const=TABLE, help=f"replace {TABLE.name}, or another file"
    )
    asked = parser.parse_args()
    servers = Servers(asked.spec)
    table = servers.table()
    if asked.write is not None:
        asked.write.write_text(table)
    servers.judge()
    if asked.rapl:
        judge_sweeps(asked.rapl, load_table(table.encode()))
    return 0


class Servers:
    """The list, one row a machine."""

    def __init__(self, path: Path) -> None:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.names = np.array([SPELLING.get(row["architecture"], row["architecture"]) for row in rows])
        self.makes = np.array([row["make"] for row in rows])
        self.years = np.array([int(row["year"]) for row in rows])
        self.threads = np.array([int(row["threads"]) for row in rows])
        steps = ["watts_idle", *(f"watts_{percent}" for percent in range(10, 101, 10))]
        self.watts = np.array([[float(row[step]) for step in steps] for row in rows])
        self.shares = self.watts[:, 0] / self.watts[:, -1]
        self.curves = (self.watts - self.watts[:, :1]) / (self.watts[:, -1:] - self.watts[:, :1])

    def table(self) -> str:
        """The file's text."""
        groups = {name: self.names == name for name in sorted(set(self.names)) if name}
        groups = {name: members for name, members in groups.items() if members.sum() >= LEAST}
        for make in sorted(set(self.makes)):
            groups[make] = (self.makes == make) & (self.years >= RECENT)
        groups["any"] = np.ones(len(self.names), bool)
        entries = {name: self.entry(members) for name, members in groups.items()}
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items())
        note = (
            "Medians and spreads (one sigma of the logarithm) of SPECpower_ssj2008 results published on"
            " https://www.spec.org/power_ssj2008/results/ (wall power of whole servers), by microarchitecture; intel,"
            f" amd: {RECENT} and later. Made by exporter/tools/idle_classes.py. SPEC and SPECpower_ssj are trademarks"
            " of the Standard Performance Evaluation Corporation; facts under https://www.spec.org/fairuse.html."
        )
        return f'{{"source": {json.dumps(note)},\n "classes": {{\n{lines}\n}}}}\n'

    def entry(self, members: Any) -> dict[str, Any]:
        """One class."""
        share = float(np.median(self.shares[members]))
        curve = np.median(self.curves[members], 0)
        watts = self.watts[members, -1] / self.threads[members]
        return {
            "machines": int(members.sum()),
            "share": round(share, 3),
            "share_sigma": round(self.spread(np.log(self.shares[members]), 0.1), 3),
            "curve": [round(float(value), 3) for value in curve],
            "shape_sigma": round(self.spread(self.shapes(members, curve), 0.1), 3),
            "watts_per_thread": round(float(np.median(watts)), 2),
            "watts_sigma": round(self.spread(np.log(watts), 0.1), 3),
            "package": {
                "share": round(math.sqrt(share * PACKAGE_SHARE), 3),
                "share_sigma": PACKAGE_SHARE_SIGMA,
                "shape_sigma": PACKAGE_SHAPE_SIGMA,
                "watts_per_thread": round(float(np.median(watts)) * PACKAGE_PART, 2),
            },
        }

    def shapes(self, members: Any, curve: Any) -> Any:
        """For each machine the logarithm of the exponent that takes the class's curve to its own."""
        inside = slice(2, 9)
        own = np.log(np.clip(self.curves[members][:, inside], 0.01, 0.99))
        return np.median(np.log(own / np.log(np.clip(curve[inside], 0.01, 0.99))), 1)

    @staticmethod
    def spread(logarithms: Any, least: float) -> float:
        """One sigma; of a few machines never too small."""
        return max(least, float(np.std(logarithms)))

    def left_out(self, index: int) -> IdleClass:
        """The class of a machine, made without it."""
        members = self.names == self.names[index]
        members[index] = False
        if not self.names[index] or members.sum() < LEAST:
            members = np.arange(len(self.names)) != index
        entry = self.entry(members)
        return IdleClass("", entry["share"], entry["share_sigma"], entry["curve"], entry["shape_sigma"])

    def judge(self) -> None:
        """Every machine left out of its class, seen for five minutes at these loads only."""
        chance = np.random.default_rng(1)
        print(f"{len(self.names)} servers, each left out of its class; 60 samples of 5 s, power within 5 %")
        for low, high in RANGES:
            off, z, lowest, line = [], [], [], []
            for index, curve in enumerate(self.watts):
                loads = chance.uniform(low, high, 60)
                watts = np.interp(loads, LOADS, curve) * (1 + 0.05 * chance.standard_normal(60))
                found, sigma = seen(loads, watts, self.left_out(index))
                off.append(found / curve[0] - 1)
                z.append(abs(math.log(found / curve[0])) / sigma)
                lowest.append(np.quantile(watts, 0.02) / curve[0] - 1)
                line.append(np.polyfit(loads, watts, 1)[1] / curve[0] - 1)
            print(
                f"  load {low:.0%} to {high:.0%}: {figures(off)}; within one sigma {np.mean(np.array(z) <= 1):.0%},"
                f" two {np.mean(np.array(z) <= 2):.0%}; the lowest seen is {figures(lowest)}, a line {figures(line)}"
            )


def seen(loads: Iterable[float], watts: Iterable[float], of: IdleClass) -> tuple[float, float]:
    """The idle draw and its sigma that the exporter would know after these samples of 5 s."""
    device = Seen()
    for load, power in zip(loads, watts, strict=True):
        device.add(round(power * 5e6), 5 * SECONDS, float(load), quiet=False)
    known = device.known(of)
    assert known is not None
    return known[0].watts, known[0].sigma


def figures(off: Sequence[float]) -> str:
    """Median and 90 % of how far off."""
    distance = np.abs(off)
    return f"{np.median(distance):.0%} off (90 % within {np.quantile(distance, 0.9):.0%})"


def judge_sweeps(path: Path, table: Any) -> None:
    """What busy CPUs would be charged on packages that were swept, by the general class of packages."""
    sweeps: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            watts = float(row["rapl_joules"]) / float(row["duration_seconds"])
            sweeps[row["machine"], row["pattern"]].append((float(row["load_percent"]) / 100, watts))
    chance = np.random.default_rng(1)
    print(
        "packages by RAPL, seen for a minute; what is charged at the middle of the range over what is right"
    )
    for key, points in sweeps.items():
        points.sort()
        loads, watts = np.array(points).T
        shown = []
        for low, high in RANGES[1:]:
            middle = float(np.interp((low + high) / 2, loads, watts))
            at = chance.uniform(low, high, 12)
            found, sigma = seen(at, np.interp(at, loads, watts), table["any"])
            charged = (middle - found) / (middle - watts[0])
            shown.append(f"{low:.0%}-{high:.0%} {charged:.2f} +- {found * sigma / (middle - found):.2f}")
        print(f"  {' '.join(key)}: idle {watts[0]:.1f} of {watts[-1]:.1f} W; {', '.join(shown)}")


if __name__ == "__main__":
    sys.exit(main())
