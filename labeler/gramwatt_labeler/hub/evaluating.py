"""A model of the hub -> an evaluation with its grades; what people curated wins over what its card says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..evaluate.results import evaluate, evaluation_of, fitting
from ..forms.entry import Entry
from ..forms.mistakes import Mistake
from ..forms.quantities import BYTES, MASS, RATIO, Kind, read_quantity
from ..grading.gaissa import derived
from ..render.text import clean
from ..scale_files import LoadedScale
from ..store.nouns import Card, Evaluation, Given, Layer, Measure, Origin
from ..units import UNDATED
from .cards import Mined, mine

NUMBERS: Mapping[str, tuple[str, Kind]] = {
    "emissions": ("CO2 of the training", MASS),
    "accuracy": ("Accuracy", RATIO),
    "f1": ("F1", RATIO),
    "rouge1": ("ROUGE-1", RATIO),
    "rougeL": ("ROUGE-L", RATIO),
    "size": ("Size of the model file", BYTES),
    "dataset_size": ("Size of the data set", BYTES),
}
TEXTS: Mapping[str, str] = {
    "training_type": "Kind of training", "source": "Measured with", "location": "Where", "hardware": "Hardware",
    "domain": "Domain",
}  # fmt: skip
"""What may be curated, with its title."""


def evaluation_id(hub_id: str) -> str:
    """The same for every sync."""
    return "hub-" + hashlib.sha256(hub_id.encode("utf-8", "replace")).hexdigest()[:32]


def curated_number(field: str, text: str) -> float | None:
    """In the base unit; None for "", which hides the card's value. Raises Mistake."""
    if not text:
        return None
    kind = NUMBERS[field][1]
    value = read_quantity(text, kind, kind.base)
    if kind is not RATIO and value <= 0:
        raise Mistake("must be above 0; leave it empty to hide the card's value")
    return value


def corrected(card: Card, curated: Mapping[str, str]) -> tuple[Card, Mined, dict[str, Layer]]:
    """The card with what people say in its place, what is known of it then, and whose word each value is."""
    mined = mine(card)
    values = {"emissions": mined.emissions.grams, "size": card.file_bytes, "dataset_size": card.dataset_bytes}
    scores: dict[str, float] = dict(mined.scores)
    layers = dict.fromkeys((*values, *scores), Layer.MINED)
    words: dict[str, str] = {}
    for field, text in curated.items():
        if field in TEXTS:
            words[field] = clean(text)
        elif field in NUMBERS:
            layers[field] = Layer.CURATED
            value = curated_number(field, text)
            if field in values:
                values[field] = value
            elif value is None:
                scores.pop(field, None)
            else:
                scores[field] = value
    grams = values["emissions"]
    reporting = mined.reporting
    if layers["emissions"] is Layer.CURATED:
        reporting = "curated" if grams is not None else "none"
    texts: dict[str, Any] = dict(words)
    mined = replace(
        mined, emissions=replace(mined.emissions, grams=grams), scores=scores, reporting=reporting, **texts
    )
    card = replace(card, file_bytes=values["size"], dataset_bytes=values["dataset_size"])
    return card, mined, layers


def hub_evaluation(
    card: Card, curated: Mapping[str, str], scales: Mapping[str, LoadedScale], main_scale: str, now: float
) -> tuple[Evaluation, list[Given]] | None:
    """None where no CO2 is known: there is nothing to grade."""
    card, mined, layers = corrected(card, curated)
    grams = mined.emissions.grams
    if grams is None:
        return None
    entry = _entry(card, mined, grams)
    result = evaluate(entry, fitting(scales, main_scale, "training"), now)
    evaluation, grades = evaluation_of(result, "", Origin.HUB)
    # Never today, which would put it into this month's sums.
    at = card.created or card.last_modified or UNDATED
    window = replace(evaluation.window, id=evaluation_id(card.hub_id), start=at, end=at, user="")
    return replace(
        evaluation,
        window=window,
        measures=_measures(card, mined, layers, evaluation.measures),
        detail=_detail(card, mined),
        boundary="",
    ), grades


def _entry(card: Card, mined: Mined, grams: float) -> Entry:
    facts = {
        "emissions": grams, "size": card.file_bytes, "dataset_size": card.dataset_bytes, "parameters": card.parameters,
        "downloads": None if card.downloads is None else float(card.downloads),
        "accuracy": mined.scores.get("accuracy"), "f1": mined.scores.get("f1"),
    }  # fmt: skip
    may_be_zero = ("downloads", "accuracy", "f1")
    values = {
        name: value
        for name, value in facts.items()
        if value is not None and (value > 0 or name in may_be_zero)
    }
    # The study's score is of four; the form has one ROUGE.
    extra = {} if mined.performance is None else {"performance_score": mined.performance}
    return Entry(
        phase="training", model=clean(card.hub_id), task=clean(card.task),
        dataset=mined.datasets[0] if mined.datasets else "", hardware="", training_type=mined.training_type,
        boundary="", source=mined.source or "a model card", values=values, extra=extra,
    )  # fmt: skip


def _measures(
    card: Card, mined: Mined, layers: Mapping[str, Layer], given: Mapping[str, Measure]
) -> dict[str, Measure]:
    found = {name: replace(one, layer=layers.get(name, Layer.MINED)) for name, one in given.items()}
    emissions = mined.emissions
    found["co2_eq_emissions"] = Measure(
        emissions.grams, emissions.text, emissions.unit, emissions.note, layers["emissions"]
    )
    for name, value in mined.scores.items():
        found[name] = Measure(value, layer=layers.get(name, Layer.MINED))
    if card.likes is not None:
        found["likes"] = Measure(float(card.likes))
    for name, worth in derived(emissions.grams, card.file_bytes, card.dataset_bytes).items():
        if worth is not None:
            found[name] = Measure(worth, layer=Layer.DERIVED)
    if mined.performance is not None:
        found["performance_score"] = Measure(mined.performance, layer=Layer.DERIVED)
    return found


def _detail(card: Card, mined: Mined) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "domain": mined.domain, "library": card.library, "source": mined.source, "training_type": mined.training_type,
        "location": mined.location, "hardware": mined.hardware, "reporting": mined.reporting,
        "datasets": list(mined.datasets), "notes": "; ".join(mined.notes),
    }  # fmt: skip
    return {name: value for name, value in detail.items() if value}


def curation_texts(curated: Mapping[str, Any]) -> Mapping[str, str]:
    """Fields and their values, of rows with ``value``."""
    return {field: one.value for field, one in curated.items()}


def graded_again(
    cards: Sequence[Card], curated: Mapping[str, Mapping[str, str]], scales: Mapping[str, LoadedScale], main_scale: str,
    now: float,
) -> list[tuple[Evaluation, list[Given]]]:  # fmt: skip
    """Those of several cards that have CO2."""
    found = (hub_evaluation(one, curated.get(one.hub_id, {}), scales, main_scale, now) for one in cards)
    return [one for one in found if one is not None]
