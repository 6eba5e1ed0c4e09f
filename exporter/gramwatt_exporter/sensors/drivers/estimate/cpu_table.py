"""Thermal design power of a CPU by its model name, from codecarbon's table (gramwatt_exporter/tables)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from gramwatt_exporter.tables import FOLDER

from .names import plain

_XEON = re.compile(r"[elwx]\d-?\d{3}")  # a number that only Xeons have
_FAMILY = re.compile(r"^([a-z]?\d+-)?(\d\d)\d{2,3}[a-z]*$")


class Match(Struct, frozen=True):
    """A TDP in watts and how it was found: ``exact`` or ``family`` (median of CPUs with similar numbers)."""

    watts: float
    name: str
    how: str


def tokens(model: str) -> tuple[str, ...]:
    """ "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz" -> ("intel", "xeon", "platinum", "8259cl")."""
    return tuple(plain(model).split())


def table_path() -> Path | None:
    """The table, None where it is not installed."""
    path = FOLDER / "hardware" / "cpu_power.csv"
    return path if path.is_file() else None


def rows(path: Path) -> Iterator[tuple[str, float]]:
    """(name, watts) of every usable row; rows whose TDP is no number are left out."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.reader(file):
            if len(row) != 2:
                continue
            try:
                watts = float(row[1])
            except ValueError:
                continue
            if 0 < watts < 2000:
                yield row[0], watts


def look_up(model: str, table: Iterable[tuple[str, float]]) -> Match | None:
    """TDP of a CPU by the name the kernel gives it.

    A name must match in full, vendor included or left out on either side. Else CPUs of the same line whose
    number has the same length and first two digits give a median. A name without a number ("AMD EPYC", what
    clouds show) matches nothing.
    """
    if not any(c.isdigit() for c in model):
        return None
    wanted = tokens(model)
    if not any(any(c.isdigit() for c in token) for token in wanted):
        return None
    bare = wanted[1:] if wanted[0] in ("intel", "amd") else wanted
    if bare and _XEON.match(bare[0]):
        bare = ("xeon", *bare)
    line = _line(bare)
    family: list[tuple[str, float]] = []
    number = line[-2] if line is not None else next((t for t in bare if any(c.isdigit() for c in t)), "")
    for name, watts in table:
        if number not in name.lower():  # taking a name apart costs 20 times as much
            continue
        candidate = tokens(name)
        if not candidate:
            continue
        if candidate[0] in ("intel", "amd"):
            if wanted[0] in ("intel", "amd") and wanted[0] != candidate[0]:
                continue
            candidate = candidate[1:]
        if candidate == bare and len(bare) > 1:
            return Match(watts, name, "exact")
        if line is not None and _line(candidate) == line:
            family.append((name, watts))
    if not family:
        return None
    import statistics  # here, because decimal and fractions come with it

    watts = statistics.median(watts for _, watts in family)
    return Match(watts, f"{len(family)} CPUs like {family[0][0]}", "family")


def _line(name: tuple[str, ...]) -> tuple[str, ...] | None:
    """("xeon", "platinum", "8259cl") -> ("xeon", "platinum", "82", "4"): its product line and generation."""
    if len(name) < 2:
        return None
    match = _FAMILY.match(name[-1])
    if match is None:
        return None
    digits = sum(c.isdigit() for c in name[-1].split("-")[-1])
    return (*name[:-1], match[1] or "", match[2], str(digits))
