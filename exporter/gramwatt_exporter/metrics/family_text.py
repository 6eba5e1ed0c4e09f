"""The families of collector.py as text.

A general client library makes objects of every sample before it writes a line: this was most of a scrape's cost.
Here the beginnings of the lines are kept while the labels are the same ones, and a family whose numbers are those of
last time is not written again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..snapshot import Snapshot
from .catalogue import BY_NAME
from .collector import Labelled, families
from .process_text import escape, header

_PREFIX = "gramwatt_"


def number(value: float) -> str:
    """A sample's value as Go writes it, which is what readers of the format expect of infinities and exponents."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    text = repr(float(value))
    dot = text.find(".")
    if value > 0 and dot > 6:
        mantissa = f"{text[0]}.{text[1:dot]}{text[dot + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{dot - 1:02d}"
    return text


class _Family:
    """One family, and what it looked like last time."""

    def __init__(self, name: str) -> None:
        total = f"{_PREFIX}{name}_total"
        self._name = total if total in BY_NAME else f"{_PREFIX}{name}"
        metric = BY_NAME[self._name]
        self._header = header(self._name)
        # In alphabetical order, as client libraries write them.
        self._order = sorted(range(len(metric.labels)), key=metric.labels.__getitem__)
        self._names = metric.labels
        self._samples: list[Labelled] = []
        self._labels: list[tuple[str, ...]] = []
        self._beginnings: list[str] = []
        self._text = b""

    def text(self, samples: list[Labelled]) -> bytes:
        """All of its lines."""
        if samples == self._samples:
            return self._text
        labels = [labels for labels, _ in samples]
        if labels != self._labels:
            self._labels, self._beginnings = labels, list(map(self._beginning, labels))
        lines = [
            f"{beginning} {number(value)}\n"
            for beginning, (_, value) in zip(self._beginnings, samples, strict=True)
        ]
        self._samples = samples
        self._text = "".join([self._header, *lines]).encode()
        return self._text

    def _beginning(self, values: Iterable[str]) -> str:
        texts = list(values)
        labels = ",".join(f'{self._names[at]}="{escape(texts[at])}"' for at in self._order)
        return f"{self._name}{{{labels}}}" if labels else self._name


class FamilyText:
    """Keeps text of the last snapshot that the next one uses again."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}

    def render(self, snapshot: Snapshot) -> list[bytes]:
        """All families of a snapshot that have samples, in pieces."""
        pieces = []
        for name, labelled in families(snapshot):
            samples = list(labelled)
            family = self._families.get(name)
            if family is None:
                if not samples:
                    continue
                family = self._families[name] = _Family(name)
            text = family.text(samples)
            if samples:
                pieces.append(text)
        return pieces
