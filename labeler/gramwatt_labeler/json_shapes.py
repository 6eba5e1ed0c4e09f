"""A grade and a scale as the REST calls and ``--json`` show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from .model import Graded
from .scale_files import LoadedScale


def as_json(graded: Graded, page_of: Callable[[str], str]) -> dict[str, Any]:
    """One result as the REST calls and ``--json`` show it. ``null`` means not known."""
    measured, grade = graded.measurement, graded.grade
    found: dict[str, Any] = msgspec.to_builtins(
        {
            "window": {name: getattr(graded.window, name) for name in graded.window.__dataclass_fields__}
            | {"values": dict(graded.window.values), "seconds": graded.window.seconds},
            "measurement": None
            if measured is None
            else {name: getattr(measured, name) for name in measured.__dataclass_fields__}
            | {"components": dict(measured.components)},
            "grade": {name: getattr(grade, name) for name in grade.__dataclass_fields__}
            | {"text": grade.text},
            "graded_at": graded.graded_at,
            "label": page_of(graded.window.id),
        }
    )
    return found


def scale_json(loaded: LoadedScale) -> dict[str, Any]:
    """What identifies a scale."""
    return {
        "name": loaded.id.name,
        "title": loaded.scale.title,
        "version": loaded.id.version,
        "date": loaded.id.date,
        "sha256": loaded.id.sha256,
        "kind": loaded.scale.__struct_config__.tag,
        "source": loaded.scale.source,
    }
