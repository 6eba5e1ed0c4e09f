"""Rows into the tables, on a connection that is in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..errors import Rejected
from ..model import Grade
from . import rows
from .nouns import Evaluation, Given
from .tables import (
    DATASETS,
    EVALUATIONS,
    EXTRA_FIELDS,
    EXTRA_VALUES,
    GRADES,
    HOSTS,
    MEASURES,
    METRIC_GRADES,
    MODELS,
    SCALES,
)


def put_evaluation(
    connection: Connection, evaluation: Evaluation, content: str, grades: Sequence[Grade]
) -> None:
    """A new row with its measures. Raises IntegrityError when its id or content is there."""
    row = rows.evaluation_row(evaluation, content) | _names(connection, evaluation)
    row["search"] = rows.search_text(evaluation, grades)
    connection.execute(insert(EVALUATIONS).values(row))
    _put_beside(connection, evaluation)


def replace_evaluation(
    connection: Connection, evaluation: Evaluation, content: str, grades: Sequence[Grade]
) -> None:
    """All of the row but when and by whom it was created."""
    row = rows.evaluation_row(evaluation, content) | _names(connection, evaluation)
    row["search"] = rows.search_text(evaluation, grades)
    for name in ("id", "created_at", "created_by"):
        del row[name]
    connection.execute(update(EVALUATIONS).where(EVALUATIONS.c.id == evaluation.id).values(row))
    for table in (MEASURES, EXTRA_VALUES):
        connection.execute(delete(table).where(table.c.evaluation_id == evaluation.id))
    _put_beside(connection, evaluation)


def put_grade(
    connection: Connection, evaluation_id: str, given: Given, at: float, own: Mapping[str, Any] | None = None
) -> None:
    """The current grade on its scale. Raises IntegrityError when there is one.

    ``own`` is the window and measurement that the grade rests on, where they are not the evaluation's.
    """
    grade = given.grade
    _put_once(
        connection,
        SCALES,
        {
            "sha256": grade.scale.sha256, "name": grade.scale.name, "version": grade.scale.version, "state": "active",
            "created_at": at,
        },
        ["sha256"],
    )  # fmt: skip
    row = rows.grade_row(evaluation_id, grade, at)
    row["record"] |= own or {}
    connection.execute(insert(GRADES).values(row))
    letters = rows.metric_grade_rows(evaluation_id, given)
    if letters:
        connection.execute(insert(METRIC_GRADES), letters)


def replace_grade(connection: Connection, evaluation_id: str, given: Given, at: float) -> None:
    """In place of the current grade on this scale, whose annotation stays.

    A grade on another version of the scale is kept as one that is not current.
    """
    grade = given.grade
    of_scale = and_(GRADES.c.evaluation_id == evaluation_id, GRADES.c.scale == grade.scale.name)
    annotated = connection.execute(select(GRADES.c.annotated).where(of_scale, GRADES.c.is_current)).scalar()
    same = GRADES.c.scale_sha256 == grade.scale.sha256
    connection.execute(
        delete(METRIC_GRADES).where(
            METRIC_GRADES.c.evaluation_id == evaluation_id, METRIC_GRADES.c.scale_sha256 == grade.scale.sha256
        )
    )
    connection.execute(delete(GRADES).where(of_scale, same))
    connection.execute(update(GRADES).where(of_scale).values(is_current=False))
    put_grade(connection, evaluation_id, given, at)
    if annotated:
        connection.execute(update(GRADES).where(of_scale, same).values(annotated=True))


def _put_beside(connection: Connection, evaluation: Evaluation) -> None:
    measures = rows.measure_rows(evaluation)
    if measures:
        connection.execute(insert(MEASURES), measures)
    for name, value in evaluation.extra.items():
        field = connection.execute(select(EXTRA_FIELDS.c.id).where(EXTRA_FIELDS.c.name == name)).scalar()
        if field is None:
            raise Rejected(f"extra field {name!r} is not defined")
        row = {"evaluation_id": evaluation.id, "field_id": field, "value": rows.storable(value[:1000])}
        connection.execute(insert(EXTRA_VALUES).values(row))


def _names(connection: Connection, evaluation: Evaluation) -> dict[str, int | None]:
    """The ids of what the evaluation refers to by name; rows are made where there are none."""
    window = evaluation.window
    author, name = rows.author_and_name(rows.storable(window.model[:256]))
    at = evaluation.created_at
    model = {"author": author, "name": name, "revision": "", "created_at": at, "updated_at": at}
    dataset = {"name": rows.storable(window.dataset[:256])}
    host = {"instance": rows.storable(window.instance[:256])}
    return {
        "model_id": id_of(connection, MODELS, model, ("author", "name", "revision"))
        if window.model
        else None,
        "dataset_id": id_of(connection, DATASETS, dataset, ("name",)) if window.dataset else None,
        "host_id": id_of(connection, HOSTS, host, ("instance",)) if window.instance else None,
    }


def id_of(connection: Connection, table: Table, row: Mapping[str, Any], key: Sequence[str]) -> int:
    """The id of the row with this key, made where there is none."""
    query = select(table.c.id).where(*(table.c[name] == row[name] for name in key))
    found = connection.execute(query).scalar()
    if found is None:
        _put_once(connection, table, row, key)
        found = connection.execute(query).scalar_one()
    return int(found)


def _put_once(connection: Connection, table: Table, row: Mapping[str, Any], key: Iterable[str]) -> None:
    """Another program may do the same at this moment: the first one makes the row."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(row).on_conflict_do_nothing(index_elements=list(key)))
