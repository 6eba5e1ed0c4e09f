"""JSON answers, and answers that a client may keep: an ETag, and 304 when it has the same already."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...model import Graded
from ...store.nouns import Evaluation, Model


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON that no cache keeps."""
    found = {"Cache-Control": "no-cache"} | (headers or {})
    return Response(msgspec.json.encode(body), status, found, "application/json")


def kept(request: Request, content: bytes, media_type: str, etag: str = "") -> Response:
    """With an ETag; 304 without a body when ``If-None-Match`` has it."""
    tag = f'"{etag or hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if has_it(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, 200, headers, media_type)


def has_it(request: Request, tag: str) -> bool:
    """Whether the client named this tag (RFC 9110, 13.1.2: compared weakly)."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in given.split(","))


def evaluation_json(evaluation: Evaluation, model_id: int | None = None) -> dict[str, Any]:
    """An evaluation without its grades. ``null`` is not known."""
    window, measured = evaluation.window, evaluation.measurement
    found: dict[str, Any] = msgspec.to_builtins(
        {
            "id": evaluation.id,
            "origin": evaluation.origin.value,
            "detail": dict(evaluation.detail),
            "name": window.name,
            "phase": window.phase,
            "model": window.model,
            "model_id": model_id,
            "task": window.task,
            "dataset": window.dataset,
            "user": window.user,
            "host": window.instance,
            "parent": window.parent,
            "start": window.start or None,
            "end": window.end or None,
            "values": dict(window.values),
            "failure": window.failure,
            "energy_joules": measured.energy_joules if measured else None,
            "components": dict(measured.components) if measured else {},
            "emissions_grams": evaluation.grams,
            "boundary": evaluation.boundary or getattr(window, "boundary", ""),
            "zone": evaluation.grid_zone,
            "intensity_grams_per_kwh": evaluation.grams_per_kwh,
            "uncertainty_ratio": measured.uncertainty_ratio if measured else None,
            "coverage_ratio": measured.coverage_ratio if measured else None,
            "samples": measured.samples if measured else None,
            "measures": {
                name: {
                    "value": one.value,
                    "text": one.raw_text,
                    "unit": one.raw_unit,
                    "layer": one.layer.value,
                }
                for name, one in evaluation.measures.items()
            },
            "extra": dict(evaluation.extra),
            "created_at": evaluation.created_at,
            "created_by": evaluation.created_by,
            "import_id": evaluation.import_id or None,
        }
    )
    return found


def grade_json(graded: Graded | None) -> dict[str, Any] | None:
    """A grade of an evaluation; ``null`` where it has none on this scale."""
    if graded is None:
        return None
    grade = graded.grade
    found: dict[str, Any] = msgspec.to_builtins(
        {
            "scale": {"name": grade.scale.name, "version": grade.scale.version, "sha256": grade.scale.sha256},
            "letter": grade.letter,
            "span": None if grade.best is None or grade.worst is None else [grade.best, grade.worst],
            "letters": list(grade.letters),
            "reason": grade.reason,
            "text": grade.text,
            "index": grade.index,
            "unit": grade.unit,
            "per_unit_joules": grade.energy_per_unit_joules,
            "per_unit_grams": grade.emissions_per_unit_grams,
            "metrics": {
                name: {"value": one.value, "index": one.index, "letter": one.letter}
                for name, one in grade.metrics.items()
            },
            "notes": list(grade.notes),
            "graded_at": graded.graded_at,
        }
    )
    return found


def model_json(model: Model) -> dict[str, Any]:
    """A model with how many evaluations there are of it."""
    facts = {name: getattr(model.facts, name) for name in model.facts.__dataclass_fields__}
    times = {"created_at": model.created_at, "updated_at": model.updated_at}
    return {"id": model.id} | facts | times | {"evaluations": model.evaluations}
