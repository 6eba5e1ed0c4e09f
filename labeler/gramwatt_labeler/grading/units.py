"""Functional units: what energy is divided by (ISO/IEC 21031 calls it R), from the counts that facts hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from ..reasons import said
from .exact import exact
from .scale import Unit

LEAST_UNITS, MOST_UNITS = 1e-6, 1e18
"""Nothing that is counted in samples, tokens or requests lies outside: a number there is a mistake in a unit."""


@dataclass(frozen=True, slots=True)
class FunctionalUnit:
    """One unit: the names of the counts that say how many there were, the field of the pages, and the option."""

    name: Unit
    keys: tuple[str, ...]
    field: str
    fix: str


# A request that is answered is a sample that is processed: two names of one thing must not have two letters.
UNITS: dict[Unit, FunctionalUnit] = {
    "sample": FunctionalUnit("sample", ("samples", "requests"), "Samples processed", "--value samples=N"),
    "token": FunctionalUnit("token", ("output_tokens", "tokens"), "Output tokens", "--value tokens=N"),
    "request": FunctionalUnit("request", ("requests", "samples"), "Requests answered", "--value requests=N"),
    "run": FunctionalUnit("run", (), "", ""),
}
COUNTS = ("samples", "requests", "output_tokens", "tokens", "dataset_samples", "epochs")
Counts = Mapping[str, float | None]


def units_of(counts: Counts, unit: Unit) -> tuple[float | None, str]:
    """How many of a unit there were, and, where that is unusable or not known, what is missing.

    ``samples`` counts every sample processed, each epoch anew; without it, ``dataset_samples`` times ``epochs`` is the
    same number. Of samples and requests the larger counts, so that leaving one out improves no grade; of tokens, output
    tokens are those the references count. A ``run`` is the window itself.
    """
    if unit == "run":
        return 1.0, ""
    known = {key: counts[key] for key in UNITS[unit].keys if counts.get(key) is not None}
    for key, value in known.items():
        if reason := _unusable(value, key):
            return None, reason
    values = [value for value in known.values() if value is not None]
    if not values:
        size, epochs = counts.get("dataset_samples"), counts.get("epochs")
        if unit == "token" or size is None or epochs is None:
            name = UNITS[unit].keys[-1 if unit == "token" else 0]
            sentence = "value_of_epochs" if unit == "sample" else "value"
            return None, said(sentence, key=repr(name), field=UNITS[unit].field, fix=UNITS[unit].fix)
        product = size * epochs
        reason = _unusable(product, "dataset_samples * epochs")
        return (None, reason) if reason else (product, "")
    return (values[0] if unit == "token" else max(values)), ""


def tokens_per_request(counts: Counts) -> tuple[Fraction | None, str]:
    """Output tokens of a request on average, or what is missing."""
    tokens, lack = units_of(counts, "token")
    requests, other = units_of(counts, "request")
    if tokens is None or requests is None:
        return None, lack or other
    return exact(tokens) / exact(requests), ""


def _unusable(value: float | None, key: str) -> str:
    if value is None or not math.isfinite(value) or value <= 0:
        return said("unusable_value", key=repr(key), value=f"{value:g}")
    if not LEAST_UNITS <= value <= MOST_UNITS:
        least, most = f"{LEAST_UNITS:g}", f"{MOST_UNITS:g}"
        return said("value_range", key=repr(key), value=f"{value:g}", least=least, most=most)
    return ""
