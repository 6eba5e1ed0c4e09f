"""Numbers in words for a person: prefixes, significant digits, and the summary that ``gramwatt run`` prints."""

from __future__ import annotations

import math
from typing import Optional

from .outcome import words
from .result import Result

UNKNOWN = "unknown"

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


def quantity(value: Optional[float], unit: str) -> str:
    """``1234.5, "J"`` -> ``1.23 kJ``: three significant digits with a metric prefix; "unknown" for None."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return f"0 {unit}"
    size = abs(value)
    for factor, prefix in _PREFIXES:
        # 999.6 rounds to 1000, which belongs to the next prefix.
        if float(f"{size:.3g}") >= factor:
            return f"{_three_digits(value / factor)} {prefix}{unit}"
    return f"{value:.2e} {unit}"


def _three_digits(value: float) -> str:
    rounded = float(f"{value:.3g}")
    digits = 0 if abs(rounded) >= 100 else 1 if abs(rounded) >= 10 else 2
    return f"{rounded:.{digits}f}"


def grams(value: Optional[float]) -> str:
    """Emissions; tonnes stand for megagrams, which are not in common use."""
    if value is not None and abs(value) >= 1e6:
        return quantity(value / 1e6, "t")
    return quantity(value, "g")


def duration(seconds: Optional[float]) -> str:
    """``3725`` -> ``1 h 2 min 5 s``; under two minutes in seconds; "unknown" for None."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 119.95:
        return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s"
    whole = round(seconds)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def percent(ratio: Optional[float]) -> str:
    """``0.05`` -> ``5 %``."""
    return UNKNOWN if ratio is None else f"{ratio * 100:.3g} %"


def printable(text: str) -> str:
    """A name that is safe to print: control characters become ``?``, because any user may name a window."""
    return "".join(character if character.isprintable() else "?" for character in text)


def energy(result: Result) -> str:
    """Energy in joules and watt-hours, or the floor when it is below what the sensors can resolve."""
    if result.below_floor and result.floor_joules is not None:
        return f"less than {quantity(result.floor_joules, 'J')} (below what the sensors can resolve)"
    if result.joules is None:
        return UNKNOWN
    return f"{quantity(result.joules, 'J')} ({quantity(result.watt_hours, 'Wh')})"


def one_line(result: Result) -> str:
    """The result in one line."""
    head = printable(f"{result.name} ({result.phase})")
    if result.joules is None:
        why = f": {result.note}" if result.note else ""
        return f"{head}: not measured, {duration(result.seconds)}{why}"
    sure = "" if result.uncertainty is None else f" ± {percent(result.uncertainty)}"
    co2 = "CO2 unknown" if result.grams is None else f"{grams(result.grams)} CO2e"
    return (
        f"{head}: {energy(result)}{sure}, {co2}, {duration(result.seconds)}, mean {quantity(result.watts, 'W')}"
        f" [{printable(sources(result))}]"
    )


def sources(result: Result) -> str:
    """``cpu rapl, gpu nvml``."""
    return (
        ", ".join(f"{component} {source}" for component, source in sorted(result.sources.items())) or UNKNOWN
    )


def block(result: Result) -> str:
    """The few lines ``gramwatt run`` prints when the command has ended; no trailing newline."""
    title = f"gramwatt: {result.name} ({result.phase})"
    if result.window:
        title += f"  window {result.window}"
    rows = [("energy", energy(result))]
    if result.uncertainty is not None and result.joules is not None:
        rows[0] = ("energy", f"{rows[0][1]} ± {percent(result.uncertainty)}")
    if result.boundary == "machine":
        rows.append(("boundary", "the whole machine, idle draw included"))
    rows.append(
        (
            "CO2",
            f"{grams(result.grams)} CO2e" if result.grams is not None else "unknown (no grid zone is set)",
        )
    )
    rows.append(("duration", duration(result.seconds)))
    rows.append(("mean power", quantity(result.watts, "W")))
    if result.cpu_seconds is not None:
        rows.append(("CPU time", duration(result.cpu_seconds)))
    for component, joules in sorted(result.components.items(), key=lambda item: -item[1]):
        source = result.sources.get(component)
        share = f", {joules / result.joules * 100:.0f} %" if result.joules else ""
        rows.append((component, f"{quantity(joules, 'J')}{share}" + (f" ({source})" if source else "")))
    if not result.components and result.sources:
        rows.append(("sources", sources(result)))
    if result.values:
        rows.append(
            (
                "values",
                ", ".join(f"{key}={value:g}" for key, value in sorted(result.values.items())),
            )
        )
    rows += [("about", str(equivalent)) for equivalent in result.equivalents if equivalent.amount >= 0.01]
    if result.outcome is not None and result.failed:
        rows.append(("failed", f"{words(result.outcome)}: no grade"))
    if result.note:
        rows.append(("note", result.note))
    width = max(len(key) for key, _ in rows)
    return "\n".join(
        printable(line) for line in (title, *(f"  {key:<{width}}  {value}" for key, value in rows))
    )
