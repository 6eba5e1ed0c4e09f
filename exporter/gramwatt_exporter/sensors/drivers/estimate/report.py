"""The estimate for a person and as JSON. Pure but for looking which meters exist."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .machine import Machine
from .power import Power

_MISSING = {
    "tdp": "the CPU's thermal design power is not known: set sensors.estimate.cpu_tdp_watts",
    "mhz": "the CPU's base frequency is not shown",
    "memory": "procfs/meminfo shows no size of the memory",
    "cores": "nothing shows how many cores there are",
}


def as_json(machine: Machine, power: Power, loads: Sequence[float], sysfs: Path) -> dict[str, Any]:
    """Watts; ``load`` in percent; ``sigma_ratio`` is one sigma of wall_watts as a share of it, ``cpu_sigma_ratio`` of
    cpu_watts."""
    identity, topology = machine.identity, machine.topology
    points = []
    for load in loads:
        point = power.at(load / 100)
        points.append(
            {
                "load": int(load) if load == int(load) else load,
                "cpu_watts": round(point.cpu, 2),
                "dram_watts": round(point.dram, 2),
                "other_watts": round(point.other, 2),
                "wall_watts": round(point.cpu, 2) + round(point.dram, 2) + round(point.other, 2),
                "sigma_ratio": round(point.sigma_ratio, 3),
                "cpu_sigma_ratio": round(point.cpu_sigma_ratio, 3),
            }
        )
    for entry in points:
        entry["wall_watts"] = round(entry["wall_watts"], 2)
    return {
        "cpu": {
            "model": identity.model,
            "vendor": identity.vendor,
            "architecture": identity.architecture,
            "chips": topology.chips,
            "cores": topology.cores or topology.threads,
            "threads": topology.threads,
            "how": identity.how,
            "tdp_watts": machine.tdp_watts,
            "base_mhz": machine.mhz,
        },
        "kind": machine.kind,
        "guest": machine.guest,
        "memory_gigabytes": round(machine.memory_bytes / (1 << 30), 2) if machine.memory_bytes else None,
        "from": power.how,
        "points": points,
        "advice": advice(machine, power, sysfs),
    }


def as_text(machine: Machine, power: Power, loads: Sequence[float], sysfs: Path) -> str:
    """Some lines and a table."""
    identity, topology = machine.identity, machine.topology
    kind = f"a guest on a {machine.kind}" if machine.guest else f"a {machine.kind}"
    cores = f"{topology.cores} cores, " if topology.cores else ""
    lines = [
        f"CPU       {identity.model or 'without a name'}: {identity.architecture or 'unknown'} ({identity.how})",
        f"Machine   {kind}, {topology.chips} {'chip' if topology.chips == 1 else 'chips'}, {cores}"
        f"{topology.threads} threads{_memory(machine)}{_frequency(machine)}",
        f"Package   {machine.tdp_watts:g} W, {machine.tdp_how}"
        if machine.tdp_watts
        else "Package   TDP unknown",
        f"From      {power.how}",
        "",
        " LOAD      CPU   MEMORY    OTHER     WALL   ONE SIGMA",
    ]
    for load in loads:
        point = power.at(load / 100)
        lines.append(
            f"{load:4g} %{point.cpu:7.1f} W{point.dram:7.1f} W{point.other:7.1f} W{point.wall:7.1f} W   "
            f"±{point.sigma_ratio:.0%} (CPU alone ±{point.cpu_sigma_ratio:.0%})"
        )
    better = advice(machine, power, sysfs)
    lines += ["", "What would make it better:", *(f"- {line}" for line in better)] if better else []
    return "\n".join(lines)


def advice(machine: Machine, power: Power, sysfs: Path) -> list[str]:
    """What a person can do, the best first."""
    found = []
    if _powercap_denied(sysfs):
        found.append(
            "powercap measures the CPU and may not be read: run the exporter as root or with CAP_DAC_READ_SEARCH"
        )
    if not machine.guest:
        found.append(
            "a plug meter or the BMC shows the watts of now: gramwatt-exporter estimate calibrate --watts W"
            " [--idle | --load PERCENT]"
        )
    else:
        found.append(
            "the provider or the host's meter knows more: gramwatt-exporter estimate calibrate --watts W"
        )
    if machine.tdp_watts is None and "tdp" not in power.missing:
        found.append(_MISSING["tdp"])
    found += [_MISSING[feature] for feature in power.missing]
    if not machine.identity.table_class and machine.kind == "server":
        found.append("the CPU is of no class of the fit: a calibration narrows the estimate most here")
    return found


def change(before: Power, after: Power, load: float, of: str) -> str:
    """What a calibration did."""
    lines = []
    for at in dict.fromkeys((0.0, load, 0.5, 1.0)):
        old, new = before.at(at), after.at(at)
        a, b = (old.wall, new.wall) if of == "wall" else (old.cpu, new.cpu)
        s, t = (
            (old.sigma_ratio, new.sigma_ratio) if of == "wall" else (old.cpu_sigma_ratio, new.cpu_sigma_ratio)
        )
        lines.append(f"{of} at {at:4.0%} load: {b:7.1f} W ±{t:.0%} (before: {a:.1f} W ±{s:.0%})")
    return "\n".join(lines)


def _memory(machine: Machine) -> str:
    if not machine.memory_bytes:
        return ", memory unknown"
    size = f", {machine.memory_bytes / (1 << 30):.0f} GiB of memory"
    return f"{size} ({machine.memory_how})" if machine.memory_how else size


def _frequency(machine: Machine) -> str:
    return f", {machine.mhz:.0f} MHz" if machine.mhz else ""


def _powercap_denied(sysfs: Path) -> bool:
    for zone in (sysfs / "class/powercap").glob("*:*"):
        counter = zone / "energy_uj"
        if counter.exists():
            return not os.access(counter, os.R_OK)
    return False
