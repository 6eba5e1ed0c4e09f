"""What one row of the catalogue of metrics states."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["counter", "gauge"]


class Metric(Struct, frozen=True):
    """One row of the contract. ``name`` carries the prefix and, for counters, the ``_total`` ending."""

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    help: str


def counter(name: str, unit: str, labels: str, text: str) -> Metric:
    """A counter ``gramwatt_NAME_total``; ``labels`` are separated by spaces."""
    return Metric(f"gramwatt_{name}_total", "counter", unit, tuple(labels.split()), text)


def gauge(name: str, unit: str, labels: str, text: str) -> Metric:
    """A gauge ``gramwatt_NAME``; ``labels`` are separated by spaces."""
    return Metric(f"gramwatt_{name}", "gauge", unit, tuple(labels.split()), text)
