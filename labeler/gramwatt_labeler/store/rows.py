"""Nouns -> rows, and back."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ..model import Grade, Graded, Measurement, Window
from ..type_descriptions import described
from .nouns import Evaluation, Given, Layer, Measure, MetricGrade, ModelFacts, Origin

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_COMPONENTS = ("gpu", "cpu", "dram")
_BY_CONTENT = (Origin.FORM, Origin.FILE, Origin.RANGE)
SEARCHED_REASON = 300  # characters
_TREES = (dict, list, tuple)
STORABLE = "storable"
"""The option of a statement whose parameters :func:`storable` has seen."""


def storable(value: Any) -> Any:
    """The same with U+FFFD for characters that no database, and no scrape, can carry."""
    if isinstance(value, str):
        is_plain = value.isascii() and "\x00" not in value  # as most are, and this is quick
        return value if is_plain else _UNSTORABLE.sub("\ufffd", value)
    if value is None or isinstance(value, float | int) or _is_storable_tree(value):
        return value
    if isinstance(value, Mapping):
        return {storable(key): storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value


def _is_storable_tree(value: Any) -> bool:
    """Whether a tree of what JSON has is storable for sure: one look at its text in place of one at each part."""
    try:
        return b"\\u0000" not in msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):  # half a surrogate, or no plain tree
        return False


def author_and_name(model: str) -> tuple[str, str]:
    """``org/name`` as the hub writes it; any other text is a name alone."""
    author, slash, name = model.partition("/")
    return (author, name) if slash and author and name and "/" not in name else ("", model)


def evaluation_of(graded: Graded) -> Evaluation:
    """What a window that was recorded or imported is as an evaluation."""
    imported = graded.measurement.imported if graded.measurement else None
    origin = Origin.WINDOW
    if imported is not None:
        origin = Origin.CODECARBON if imported.tool == "CodeCarbon" else Origin.FILE
    return Evaluation(
        window=graded.window,
        measurement=graded.measurement,
        origin=origin,
        boundary=imported.mode if imported and imported.mode in ("machine", "process") else "",
        created_at=graded.graded_at,
    )


def content_hash(evaluation: Evaluation, by_id: bool) -> str:
    """What two evaluations have in common that are one: the id of what was recorded, the content of what was typed."""
    if by_id or evaluation.origin not in _BY_CONTENT:
        return hashlib.sha256(f"id:{evaluation.id}".encode("utf-8", "replace")).hexdigest()
    window = plain(evaluation.window)
    del window["id"]
    if not window["software"]:  # what an earlier version kept has none
        del window["software"]
    if evaluation.origin is Origin.FORM:  # typed twice is the same, whenever
        del window["start"], window["end"]
    measures = {
        name: [_canonical(one.value), one.layer.value] for name, one in sorted(evaluation.measures.items())
    }
    measured = plain(evaluation.measurement)
    if measured is not None:
        measured.pop("imported"), measured.pop("notes")
    content = [
        window,
        measured,
        measures,
        dict(evaluation.extra),
        _canonical(evaluation.grams),
        evaluation.boundary,
    ]
    text = json.dumps(storable(plain(content)), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: float | None) -> float | None:
    return None if value is None else float(value)


def evaluation_row(evaluation: Evaluation, content: str) -> dict[str, Any]:
    """Without the ids of model, data set and host."""
    window, measured = evaluation.window, evaluation.measurement
    row = {
        "id": window.id,
        "origin": evaluation.origin.value,
        "origin_detail": plain(evaluation.detail),
        "origin_sha256": evaluation.file_sha256,
        "name": window.name[:256],
        "phase": window.phase[:32],
        "task": window.task[:256],
        "parent": window.parent[:128],
        "user_name": window.user[:256],
        "started": window.start,
        "ended": window.end,
        "energy_joules": measured.energy_joules if measured else None,
        **_joules(measured.components if measured else {}),
        "boundary": evaluation.boundary[:16],
        "floor_joules": measured.floor_joules if measured else None,
        "emissions_grams": evaluation.grams,
        "intensity_grams_per_kwh": evaluation.intensity_grams_per_kwh,
        "zone": evaluation.zone[:64],
        "uncertainty_ratio": measured.uncertainty_ratio if measured else None,
        "coverage_ratio": measured.coverage_ratio if measured else None,
        "samples": measured.samples if measured else None,
        "content_hash": content,
        "created_at": evaluation.created_at,
        "created_by": evaluation.created_by[:256],
        "import_id": evaluation.import_id,
        "record": recorded(evaluation.window, measured),
    }
    return {name: storable(value) for name, value in row.items()}


def search_text(evaluation: Evaluation, grades: Iterable[Grade]) -> str:
    """What is searched, in small letters: names, and why there is no letter."""
    window = evaluation.window
    texts = [
        window.name[:256], window.model[:256], window.task[:256], window.dataset[:256], window.phase, window.id,
        window.user[:256], window.instance[:256], evaluation.origin.value,
        *(grade.reason[:SEARCHED_REASON] for grade in grades),
    ]  # fmt: skip
    return str(storable("\n".join(filter(None, texts)).casefold()))


def grade_row(evaluation_id: str, grade: Grade, at: float) -> dict[str, Any]:
    """A current grade, not annotated."""
    row = {
        "evaluation_id": evaluation_id,
        "scale_sha256": grade.scale.sha256,
        "scale": grade.scale.name,
        "is_current": True,
        "letter": grade.letter,
        "best": grade.best,
        "worst": grade.worst,
        "efficiency_index": grade.index,
        "unit": grade.unit[:32],
        "per_unit_joules": grade.energy_per_unit_joules,
        "per_unit_grams": grade.emissions_per_unit_grams,
        "reason": grade.reason[:1000],
        "record": {"grade": plain(grade)},
        "graded_at": at,
        "annotated": False,
    }
    return {name: storable(value) for name, value in row.items()}


def recorded(window: Window, measured: Measurement | None) -> dict[str, Any]:
    """Only what JSON has; msgspec.convert reads it back."""
    return {"window": plain(window), "measurement": plain(measured)}


def graded_of(record: Mapping[str, Any], own: Mapping[str, Any], at: float) -> Graded:
    """From an evaluation's record and a grade's; what the grade's own has wins. Raises msgspec.ValidationError."""
    return msgspec.convert(
        {"window": {}, "measurement": None, **record, **own, "graded_at": at}, described(Graded)
    )


def evaluation_from(row: Mapping[Any, Any]) -> Evaluation:
    """From a row of the table. Raises msgspec.ValidationError."""
    record = row["record"] if isinstance(row["record"], dict) else {}
    return Evaluation(
        window=msgspec.convert(record.get("window") or {}, described(Window)),
        measurement=msgspec.convert(record.get("measurement"), described(Measurement | None)),
        origin=Origin(row["origin"]),
        detail=row["origin_detail"] or {},
        file_sha256=row["origin_sha256"],
        boundary=row["boundary"],
        zone=row["zone"],
        intensity_grams_per_kwh=row["intensity_grams_per_kwh"],
        emissions_grams=row["emissions_grams"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        replaced_by=row["replaced_by"] or "",
        import_id=row["import_id"],
    )


def measure_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """One for each measure; what is no number is NULL."""
    rows = [
        {
            "evaluation_id": evaluation.id,
            "metric": name[:256],
            "layer": one.layer.value,
            "value": one.value if one.value is not None and math.isfinite(one.value) else None,
            "raw_text": one.raw_text[:256],
            "raw_unit": one.raw_unit[:64],
            "note": one.note[:1000],
        }
        for name, one in evaluation.measures.items()
    ]
    return [{name: storable(value) for name, value in row.items()} for row in rows]


def best_measures(rows: Iterable[Mapping[Any, Any]]) -> dict[str, Measure]:
    """By metric: of several layers the one that counts."""
    order = {layer.value: number for number, layer in enumerate(Layer)}
    found: dict[str, Measure] = {}
    for row in sorted(rows, key=lambda one: (one["metric"], order[one["layer"]])):
        found.setdefault(
            row["metric"],
            Measure(row["value"], row["raw_text"], row["raw_unit"], row["note"], Layer(row["layer"])),
        )
    return found


def metric_grade_rows(evaluation_id: str, given: Given) -> list[dict[str, Any]]:
    """One for each metric with a letter or a value."""
    return [
        {
            "evaluation_id": storable(evaluation_id), "scale_sha256": given.grade.scale.sha256,
            "metric": storable(one.metric[:256]), "value": one.value, "metric_index": one.index,
            "letter": storable(one.letter),
        }
        for one in given.letters
    ]  # fmt: skip


def metric_grade_of(row: Mapping[Any, Any]) -> MetricGrade:
    return MetricGrade(row["metric"], row["value"], row["metric_index"], row["letter"])


def model_facts_of(row: Mapping[Any, Any]) -> ModelFacts:
    values = {name: row[name] for name in ModelFacts.__dataclass_fields__}
    return ModelFacts(**(values | {"hub_id": row["hub_id"] or ""}))


def plain(value: Any) -> Any:
    """Nouns as what JSON has: dicts, lists, texts, numbers; msgspec.convert reads them back."""
    found = msgspec.to_builtins(value, str_keys=True, enc_hook=_plain)
    return _with_lists(found) if isinstance(found, _TREES) else found


def _with_lists(tree: Any) -> Any:
    """Lists in place of tuples, as JSON is read back."""
    if isinstance(tree, dict):
        return {key: _with_lists(one) if isinstance(one, _TREES) else one for key, one in tree.items()}
    return [_with_lists(one) if isinstance(one, _TREES) else one for one in tree]


def _plain(value: Any) -> Any:
    """What msgspec has no own way for."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, float):
        return float(value)
    raise NotImplementedError(f"{type(value).__name__} is not stored")  # what msgspec asks of a hook


def _joules(components: Mapping[str, float]) -> dict[str, float | None]:
    """By component; what is none of the three is other."""
    found: dict[str, float | None] = {f"{name}_joules": components.get(name) for name in _COMPONENTS}
    others = [joules for name, joules in components.items() if name not in _COMPONENTS]
    return found | {"other_joules": sum(others) if others else None}
