"""A metric's value in the unit that reads best."""

from __future__ import annotations

from .. import units


def quantity(value: float | None, kind: str = "") -> str:
    """A value in the unit that reads best."""
    if value is None:
        return "not known"
    if kind == "energy":
        return units.energy(value)
    if kind == "mass":
        return units.mass(value)
    if kind == "time":
        return units.duration(value)
    if kind == "bytes":
        return _scaled(value, "B")
    if kind == "bytes_per_gram":
        return _scaled(value, "B") + " per g"
    if kind == "flops":
        return _scaled(value, "FLOP")
    if kind == "count":
        return _counted(value)
    if kind.startswith("unit:"):
        return f"{units.number(value)} {kind.removeprefix('unit:')}".rstrip()
    return units.number(value)


def _counted(value: float) -> str:
    """7,300,000 as it is, 7.3 billion from a thousand million on."""
    for size, word in ((1e12, "trillion"), (1e9, "billion")):
        if size <= abs(value) < 1e15:
            return f"{units.number(value / size)} {word}"
    return units.number(value)


def _scaled(value: float, unit: str) -> str:
    shown = abs(float(f"{value:.3g}"))
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if shown >= size:
            return f"{units.number(value / size)} {prefix}{unit}"
    return f"{units.number(value)} {unit}"
