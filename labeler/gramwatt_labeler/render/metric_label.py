"""The label of a grade made of several metrics: a tile with its own letter for each of them."""

from __future__ import annotations

from dataclasses import replace

from ..model import Graded
from ..recommendations import facts_of
from ..units import mass
from .label import Tile, render_svg
from .quantity import quantity

_ICONS = {
    "co2_eq_emissions": "cloud",
    "performance_score": "target",
    "accuracy": "target",
    "downloads": "meter",
}
_CAPTIONS = {
    "co2_eq_emissions": "CO2 of the run",
    "size_efficency": "model size per g CO2",
    "datasets_size_efficency": "data size per g CO2",
}
_MOST = 6


def label_svg(graded: Graded, url: str, grams: float | None = None, said: str = "") -> str:
    """The label, with a tile a metric where the scale grades several. ``grams`` is CO2 without a measurement.

    ``said`` is where the numbers are from, where the measurement does not say it.
    """
    if said:
        graded = replace(graded, grade=replace(graded.grade, notes=(*graded.grade.notes, said)))
    own = metric_tiles(graded)
    if not own and graded.measurement is None and grams is not None:
        value, unit = mass(grams).split(" ")
        own = [Tile("cloud", value, unit, "CO2 in all")]
    return render_svg(graded, url, own or None)


def metric_tiles(graded: Graded) -> list[Tile]:
    """A tile for each graded metric; none for a scale of one metric, whose tiles are those of the measurement."""
    found = []
    for name, one in graded.grade.metrics.items():
        if one.value is None or name.startswith("energy_per_"):
            continue
        facts = facts_of(name)
        value, _, unit = quantity(one.value, facts.kind if facts else "").partition(" ")
        caption = _CAPTIONS.get(name, facts.title if facts else name[:24])
        found.append(Tile(_ICONS.get(name, "leaf"), value, unit, caption, one.letter or ""))
    return found[:_MOST]
