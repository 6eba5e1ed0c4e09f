"""Step 0002: every record of the first table becomes an evaluation and its grades.

The code stands by itself: a later version of the store must not change what this step does to an old database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import sqlalchemy as sa

_WINDOWS_AT_ONCE = 500
_FLOAT, _TEXT = sa.Float(), sa.String()
_OLD = sa.table(
    "grades_0001",
    *(sa.column(name, _TEXT) for name in (
        "window", "scale", "scale_version", "scale_sha256", "letter", "reason", "name", "phase", "model", "task",
        "dataset", "unit",
    )),
    *(sa.column(name, _FLOAT) for name in (
        "window_start", "window_end", "energy_joules", "emissions_grams", "energy_per_unit_joules",
        "efficiency_index", "graded_at",
    )),
    sa.column("annotated", sa.Boolean()),
    sa.column("record", sa.JSON()),
)  # fmt: skip
_COMPONENTS = ("gpu", "cpu", "dram")


def move(connection: sa.Connection) -> None:
    """Copy all. One record that is not as expected keeps its columns and itself."""
    new = sa.MetaData()
    new.reflect(connection, only=["evaluations", "grades", "scales", "models", "datasets", "hosts"])
    # SQLite does not say which columns are JSON.
    for table, column in (("evaluations", "origin_detail"), ("evaluations", "record"), ("grades", "record")):
        new.tables[table].c[column].type = sa.JSON()
    names = _Names(connection, new)
    for rows in _windows(connection):
        best = next((row for row in rows if _part(row, "measurement")), rows[0])
        connection.execute(sa.insert(new.tables["evaluations"]).values(_evaluation(best, names)))
        for row in rows:
            names.scale(row)
            connection.execute(sa.insert(new.tables["grades"]).values(_grade(row, best)))


def _windows(connection: sa.Connection) -> Iterator[list[Mapping[str, Any]]]:
    """The rows of one window after the other, on all its scales."""
    last = None
    while True:
        some = sa.select(_OLD.c.window).distinct().order_by(_OLD.c.window).limit(_WINDOWS_AT_ONCE)
        if last is not None:
            some = some.where(_OLD.c.window > last)
        ids = connection.execute(some).scalars().all()
        if not ids:
            return
        query = sa.select(_OLD).where(_OLD.c.window.in_(ids)).order_by(_OLD.c.window, _OLD.c.scale)
        rows = connection.execute(query).mappings().all()
        for _, group in groupby(rows, key=lambda row: row["window"]):
            yield [dict(row) for row in group]
        last = ids[-1]


class _Names:
    """Rows of the tables that others refer to, made when first met."""

    def __init__(self, connection: sa.Connection, new: sa.MetaData) -> None:
        self._connection = connection
        self._tables = new.tables
        self._known: dict[tuple[str, str], int] = {}
        self._scales: set[str] = set()

    def id(self, table: str, text: str, row: Mapping[str, Any]) -> int | None:
        """The id of the row, None for no name."""
        if not text:
            return None
        if (table, text) not in self._known:
            added = self._connection.execute(sa.insert(self._tables[table]).values(row)).inserted_primary_key
            assert added is not None
            self._known[table, text] = int(added[0])
        return self._known[table, text]

    def scale(self, row: Mapping[str, Any]) -> None:
        if row["scale_sha256"] in self._scales:
            return
        self._scales.add(row["scale_sha256"])
        values = {
            "sha256": row["scale_sha256"], "name": row["scale"], "version": row["scale_version"], "state": "active",
            "created_at": row["graded_at"],
        }  # fmt: skip
        self._connection.execute(sa.insert(self._tables["scales"]).values(values))


def _evaluation(row: Mapping[str, Any], names: _Names) -> dict[str, Any]:
    window, measured = _part(row, "window"), _part(row, "measurement")
    imported = measured.get("imported") or {}
    author, name = _author_and_name(row["model"])
    at = row["graded_at"]
    model = {"author": author, "name": name, "revision": "", "created_at": at, "updated_at": at}
    instance = str(window.get("instance") or "")[:256]
    user = str(window.get("user") or "")[:256]
    searched = (
        row["name"],
        row["model"],
        row["task"],
        row["dataset"],
        row["phase"],
        row["window"],
        user,
        instance,
    )
    return {
        "id": row["window"],
        "origin": ("codecarbon" if imported.get("tool") == "CodeCarbon" else "file") if imported else "window",
        "origin_detail": {},
        "name": row["name"],
        "phase": row["phase"],
        "task": row["task"],
        "model_id": names.id("models", row["model"], model),
        "dataset_id": names.id("datasets", row["dataset"], {"name": row["dataset"]}),
        "host_id": names.id("hosts", instance, {"instance": instance}),
        "parent": str(window.get("parent") or "")[:128],
        "user_name": user,
        "started": row["window_start"],
        "ended": row["window_end"],
        "energy_joules": row["energy_joules"],
        **_joules(measured),
        "boundary": {"machine": "machine", "process": "process"}.get(str(imported.get("mode")), ""),
        "floor_joules": _number(measured.get("floor_joules")),
        "emissions_grams": row["emissions_grams"],
        "uncertainty_ratio": _number(measured.get("uncertainty_ratio")),
        "coverage_ratio": _number(measured.get("coverage_ratio")),
        "samples": measured.get("samples") if isinstance(measured.get("samples"), int) else None,
        "content_hash": hashlib.sha256(f"id:{row['window']}".encode()).hexdigest(),
        "created_at": row["graded_at"],
        "search": "\n".join(filter(None, searched)).casefold(),
        "record": _recorded(row),
    }  # fmt: skip


def _grade(row: Mapping[str, Any], best: Mapping[str, Any]) -> dict[str, Any]:
    grade = _part(row, "grade")
    record = {"grade": grade} if grade else {"unreadable": row["record"]}
    if _recorded(row) != _recorded(best):  # measured again when another scale was added
        record |= _recorded(row)
    return {
        "evaluation_id": row["window"],
        "scale_sha256": row["scale_sha256"],
        "scale": row["scale"],
        "is_current": True,
        "letter": row["letter"],
        "best": _letter(grade.get("best")),
        "worst": _letter(grade.get("worst")),
        "efficiency_index": row["efficiency_index"],
        "unit": row["unit"],
        "per_unit_joules": row["energy_per_unit_joules"],
        "per_unit_grams": _number(grade.get("emissions_per_unit_grams")),
        "reason": row["reason"],
        "record": record,
        "graded_at": row["graded_at"],
        "annotated": row["annotated"],
    }


def _recorded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"window": _part(row, "window"), "measurement": _part(row, "measurement") or None}


def _part(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    record = row["record"]
    if isinstance(record, str):  # written by hand
        try:
            record = json.loads(record)
        except ValueError:
            return {}
    part = record.get(name) if isinstance(record, dict) else None
    return part if isinstance(part, dict) else {}


def _joules(measured: Mapping[str, Any]) -> dict[str, float | None]:
    """By component; what is none of the three is other."""
    components = measured.get("components")
    if not isinstance(components, dict):
        components = {}
    numbers = {str(name): _number(value) for name, value in components.items()}
    found = {f"{name}_joules": numbers.get(name) for name in _COMPONENTS}
    others = [value for name, value in numbers.items() if name not in _COMPONENTS and value is not None]
    return found | {"other_joules": sum(others) if others else None}


def _author_and_name(model: str) -> tuple[str, str]:
    """``org/name`` as the hub writes it; any other text is a name alone."""
    author, slash, name = model.partition("/")
    return (author, name) if slash and author and name and "/" not in name else ("", model)


def _letter(text: object) -> str | None:
    return text[:3] if isinstance(text, str) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
