"""What each metric means, how it is computed and what helps: data with sources, read once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from ..type_descriptions import described

_FILE = Path(__file__).parent / "metrics.yml"
_LETTERS = "ABCDE"
Text = Annotated[str, Meta(min_length=1)]


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """The source, and where to read it."""

    text: Text
    url: Annotated[str, Meta(pattern="^https://")]


class Advice(Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}):
    """One thing to do. It is given from letter ``start`` (of A to E) on."""

    start: Literal["A", "B", "C", "D", "E"]
    text: Text
    source: Source


class MetricFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """What the pages say about a metric."""

    title: Text
    phases: list[Literal["training", "inference"]]
    kind: Text
    direction: Literal["lower", "higher"]
    meaning: Text
    how_to: Text
    advice: list[Advice]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    sources: dict[str, Source]
    metrics: dict[str, MetricFacts]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What helps with a metric that got this letter."""

    text: str
    source: Source


@cache
def metric_facts() -> Mapping[str, MetricFacts]:
    """Every metric the pages explain, by name."""
    return msgspec.convert(yaml.safe_load(_FILE.read_text()), described(_File)).metrics


def facts_of(metric: str) -> MetricFacts | None:
    """What is known about a metric; None for one that a user added."""
    return metric_facts().get(metric)


def recommendations(
    metric: str,
    letter: str | None,
    letters: Sequence[str] = tuple(_LETTERS),
    facts: MetricFacts | None = None,
) -> list[Recommendation]:
    """What to do about a metric. Without a letter everything that is known; the best letter gets nothing.

    On a scale with other letters the same share of the scale counts: the middle letter of any is a C.
    """
    facts = facts or facts_of(metric)
    if facts is None:
        return []
    place = len(_LETTERS) - 1 if letter is None else _place(letter, letters)
    return [
        Recommendation(one.text, one.source) for one in facts.advice if _LETTERS.index(one.start) <= place
    ]


def _place(letter: str, letters: Sequence[str]) -> int:
    if letter not in letters:
        return len(_LETTERS) - 1
    if len(letters) < 2:
        return 0
    return math.floor(list(letters).index(letter) * (len(_LETTERS) - 1) / (len(letters) - 1) + 0.5)
