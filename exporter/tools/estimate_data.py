"""SPECpower results and RAPL sweeps as arrays, for estimate_fit.py."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gramwatt_exporter.sensors.drivers.estimate.identity import YEARS
from gramwatt_exporter.sensors.drivers.estimate.names import class_by_name, plain

FEATURES = ("chips", "single", "cores", "memory", "mhz", "tdp")
STEPS = ("watts_idle", *(f"watts_{percent}" for percent in range(10, 101, 10)))
SPELLING = {"kabylabe": "kabylake", "epyc": "epyc-gen3", "": "netburst"}  # the list's "epyc" are all 7773X
# CPUs whose dies are of one kind: the fit must not see a sibling of the CPU that it is tried on.
_SIBLINGS = str.maketrans("", "", "lmhp")


@dataclass(frozen=True)
class Servers:
    """One row a published result; ``features`` are natural logarithms but for ``single`` (0 or 1)."""

    rows: Sequence[Mapping[str, str]]
    models: Any  # a name for each CPU model, the same for all its spellings
    classes: Any
    vendors: Any
    years: Any  # of launch of the class
    features: Any  # n x 6
    threads: Any  # of a core
    watts: Any  # n x 11, of one chip


def read_servers(path: Path) -> Servers:
    """Raises OSError, ValueError or KeyError."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return servers_of(rows)


def servers_of(rows: Sequence[Mapping[str, str]]) -> Servers:
    """The rows as arrays."""
    classes = [class_of(row) for row in rows]
    chips, cores, memory, mhz = (
        np.array([float(row[key]) for row in rows]) for key in ("chips", "cores", "memory_gb", "mhz")
    )
    threads = np.array([float(row["threads"]) for row in rows])
    tdp = np.array([float(row["tdp_watts_per_chip"] or "nan") for row in rows])
    tdp = np.where(np.isnan(tdp), np.nanmedian(tdp), tdp)
    features = np.c_[
        np.log(chips), chips == 1, np.log(cores / chips), np.log(memory / chips), np.log(mhz), np.log(tdp)
    ]
    watts = np.array([[float(row[step]) for step in STEPS] for row in rows])
    return Servers(
        rows,
        np.array([model_of(row) for row in rows]),
        np.array(classes),
        np.array([row["make"] for row in rows]),
        np.array([float(YEARS[name]) for name in classes]),
        features,
        np.where(threads / cores > 2, 1.0, np.round(threads / cores)),  # one row counts cores four times
        watts / chips[:, None],
    )


def class_of(row: Mapping[str, str]) -> str:
    """The list's own, but where it has none or a wrong one."""
    named, _ = class_by_name(row["cpu"], row["make"])
    own = SPELLING.get(row["architecture"], row["architecture"])
    return named if named and named != own and (own == "netburst" or named.startswith("epyc")) else own


def model_of(row: Mapping[str, str]) -> str:
    """ "Intel Xeon Platinum 8280L 2.70GHz" and "... 8280" are one model: the letter only allows more memory."""
    words = plain(row["cpu"]).replace("intel", "").replace("amd", "").replace("xeon", "").split()
    if words and words[0] == "platinum":
        words[-1] = words[-1].translate(_SIBLINGS)
    return " ".join(words) or row["cpu"]


@dataclass(frozen=True)
class Sweep:
    """One machine with RAPL: load 0..1, watts of its packages, MHz, pattern."""

    machine: str
    cpu: str
    threads: int
    points: Sequence[tuple[float, float, float, str]]


def read_sweeps(path: Path) -> list[Sweep]:
    """Raises OSError, ValueError or KeyError."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    sweeps = []
    for machine in dict.fromkeys(row["machine"] for row in rows):
        own = [row for row in rows if row["machine"] == machine]
        points = [
            (
                float(row["load_percent"]) / 100,
                float(row["rapl_joules"]) / float(row["duration_seconds"]),
                float(row.get("mhz") or 0),
                row["pattern"],
            )
            for row in own
        ]
        threads = max(int(row.get("threads") or 0) for row in own)
        sweeps.append(Sweep(machine, own[0].get("cpu", ""), threads, points))
    return sweeps
