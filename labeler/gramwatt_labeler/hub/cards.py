"""A model card's front matter and the hub's own facts -> what is known of a model. No network."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from ..render.text import clean
from ..store.nouns import Card
from ..type_descriptions import described
from .amounts import Amount, emissions_of

_SCORES = {
    "accuracy": "accuracy", "acc": "accuracy", "f1": "f1", "f1score": "f1", "rouge1": "rouge1", "rougel": "rougeL",
}  # fmt: skip
_SOURCES = (
    ("codecarbon", "CodeCarbon"), ("autotrain", "AutoTrain"), ("autonlp", "AutoTrain"), ("mlco2", "ML CO2 Impact"),
    ("mlimpact", "ML CO2 Impact"), ("machinelearningimpact", "ML CO2 Impact"), ("eco2ai", "eco2AI"),
    ("googlecloud", "Google Cloud"),
)  # fmt: skip
_DOMAINS = Path(__file__).parent / "domains.yml"


@cache
def _domains() -> Mapping[str, str]:
    """Domain by task."""
    tree = msgspec.convert(yaml.safe_load(_DOMAINS.read_text()), described(dict[str, list[str]]))
    return {task: domain for domain, tasks in tree.items() for task in tasks}


@dataclass(frozen=True, slots=True)
class Mined:
    """What a card says. ``scores`` are shares of 1; ``reporting`` is how its creators report their CO2."""

    emissions: Amount
    source: str = ""
    training_type: str = ""
    location: str = ""
    hardware: str = ""
    datasets: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    domain: str = ""
    reporting: str = "none"
    notes: tuple[str, ...] = ()

    @property
    def performance(self) -> float | None:
        """The harmonic mean of the scores; None without one, 0 with a 0."""
        values = list(self.scores.values())
        if not values:
            return None
        return 0.0 if 0 in values else len(values) / math.fsum(1 / one for one in values)


def mine(card: Card) -> Mined:
    """Read a card. Nothing in it makes this fail: what cannot be read is noted."""
    emissions, beside = emissions_of(card.card)
    scores, notes = _scores(card.card)
    if emissions.note and emissions.note != "not reported":
        notes = [f"CO2: {emissions.note}", *notes]
    source = _source(beside.get("source", ""), card.tags)
    location, hardware = beside.get("geographical_location", ""), beside.get("hardware_used", "")
    training = _training_type(beside.get("training_type", ""))
    return Mined(
        emissions,
        clean(source),
        training,
        clean(location),
        clean(hardware),
        tuple(_texts(card.card.get("datasets")))[:20],
        scores,
        domain_of(card.task, card.tags) or clean(str(card.card.get("domain", "")))[:64],
        _reporting(emissions, source, [training, location, hardware]),
        tuple(notes),
    )


def domain_of(task: str, tags: Iterable[str] = ()) -> str:
    """NLP, Computer Vision, Audio, Multimodal, Tabular, Reinforcement Learning; "" where neither task nor tags tell."""
    return next((_domains()[one] for one in (task, *tags) if one in _domains()), "")


def _reporting(emissions: Amount, source: str, beside: Sequence[str]) -> str:
    """How CO2 is reported: none; automatic (AutoTrain writes it); value alone; with method; full (all of it)."""
    if emissions.grams is None:
        return "none" if emissions.note in ("", "not reported") else "unreadable"
    if source == "AutoTrain":
        return "automatic"
    known = sum(bool(one) for one in beside)
    if known == len(beside) and source:
        return "full"
    return "with method" if source or known else "value alone"


def _source(text: str, tags: Iterable[str]) -> str:
    plain = re.sub(r"[\W_]+", "", text.lower())
    for key, name in _SOURCES:
        if key in plain:
            return name
    if not text and {"autotrain", "autonlp"} & {str(one).lower() for one in tags}:
        return "AutoTrain"
    return text


def _training_type(text: str) -> str:
    plain = re.sub(r"[\W_]+", "", text.lower())
    if "finetun" in plain:
        return "fine-tuning"
    return "pretraining" if "pretrain" in plain else ""


def _texts(tree: object) -> list[str]:
    given = tree if isinstance(tree, list) else [tree] if isinstance(tree, str) else []
    return [found for one in given if isinstance(one, str) and (found := clean(one)[:256])]


def _scores(card: Mapping[str, Any]) -> tuple[dict[str, float], list[str]]:
    """The first of each score in ``model-index``; percent as shares."""
    found: dict[str, float] = {}
    notes: list[str] = []
    for metric in _metrics(card.get("model-index")):
        name = _SCORES.get(re.sub(r"[\W_]+", "", str(metric.get("type", "")).lower()), "")
        value = metric.get("value")
        if not name or name in found or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        share = value / 100 if 1 < value <= 100 else float(value)
        if not 0 <= share <= 1:
            notes.append(f"{name}: {value!r} is no share of 1")
        else:
            if share != value:
                notes.append(f"{name}: {value!r} was read as percent")
            found[name] = share
    return found, notes[:10]


def _metrics(index: object) -> Iterable[Mapping[str, Any]]:
    for model in index if isinstance(index, list) else ():
        for result in _list(model, "results"):
            for metric in _list(result, "metrics"):
                if isinstance(metric, Mapping):
                    yield metric


def _list(tree: object, name: str) -> Sequence[Any]:
    found = tree.get(name) if isinstance(tree, Mapping) else None
    return found if isinstance(found, list) else ()
