"""The charts of a study, each from its rows: the same for the page and the REST API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..charts.specs import Spec, circles, letter_bars, monthly, named_bars, of_all, share_bars, trade_off
from ..render.palette import colours
from ..render.text import clean
from .frame import Row, medians_of

MOST_BARS = 12
_LETTERS = "ABCDE"
Letters = Mapping[str, str]
"""The letter of a model by its id on the hub."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing to be made."""

    name: str
    title: str
    spec: Spec


def _months(rows: Sequence[Row], _: Letters) -> Spec | None:
    found = medians_of(rows)
    return monthly(found, "g") if len(found) > 1 else None


def _reporters(rows: Sequence[Row], _: Letters) -> Spec | None:
    models = Counter(row.month for row in rows if row.month)
    with_co2 = Counter(row.month for row in rows if row.month and row.grams is not None)
    shares = [(month, with_co2[month], count) for month, count in sorted(models.items())]
    return share_bars(shares, ("with CO2", "without")) if len(shares) > 1 else None


def _reporting(rows: Sequence[Row], _: Letters) -> Spec | None:
    return _counted(Counter(row.reporting or "not known" for row in rows))


def _domains(rows: Sequence[Row], _: Letters) -> Spec | None:
    return _counted(Counter(row.domain or "not known" for row in rows if row.grams is not None))


def _letters(rows: Sequence[Row], letters: Letters) -> Spec | None:
    counts = Counter(letters.get(row.hub_id, "") for row in rows)
    known = [(letter, counts[letter]) for letter in _LETTERS]
    return letter_bars(known, colours(len(_LETTERS)), "models") if any(count for _, count in known) else None


def _sizes(rows: Sequence[Row], letters: Letters) -> Spec | None:
    points = [
        (row.size, row.grams, letters.get(row.hub_id, ""), clean(row.hub_id))
        for row in rows
        if row.size and row.grams
    ]
    titles = ("Size of the model file (B)", "CO2 of the training (g)")
    return trade_off(points, titles, _LETTERS, colours(len(_LETTERS))) if len(points) > 1 else None


CHARTS: Mapping[str, tuple[str, Callable[[Sequence[Row], Letters], Spec | None]]] = {
    "months": ("CO2 of a training by month: median and interquartile range", _months),
    "reporters": ("Models by month: with CO2 and without", _reporters),
    "letters": ("Letters of the models", _letters),
    "sizes": ("CO2 against the size of the model, each model as its letter", _sizes),
    "domains": ("Models with CO2 by domain", _domains),
    "reporting": ("How CO2 is reported", _reporting),
}
"""By name: the title, and the drawing from rows and letters; None where there is too little to draw."""


def charts_of(rows: Sequence[Row], letters: Letters) -> list[Chart]:
    """Every chart that there is enough for."""
    behind = {
        "letters": of_all(Counter(letters.get(row.hub_id, "") for row in rows), _LETTERS),
        "sizes": circles(letters.get(row.hub_id, "") for row in rows if row.size and row.grams),
    }
    found = (
        Chart(name, title + behind.get(name, ""), spec)
        for name, (title, make) in CHARTS.items()
        if (spec := make(rows, letters))
    )
    return list(found)


def _counted(counts: Mapping[str, int]) -> Spec | None:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST_BARS]
    return (
        named_bars([(name[:40], float(count), None, None) for name, count in ordered], "models")
        if counts
        else None
    )
