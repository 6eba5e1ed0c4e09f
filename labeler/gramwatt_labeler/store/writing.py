"""Rows into the tables, on a connection that is in a transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

# Made once: making a statement takes longer than running it.
_INSERT = {
    table: insert(table).execution_options(**{rows.STORABLE: True})
    for table in (EVALUATIONS, GRADES, MEASURES, METRIC_GRADES, EXTRA_VALUES)
}
_INSERT_AT_ONCE = {
    table: statement.returning(*table.primary_key.columns) for table, statement in _INSERT.items()
}


class Known:
    """Rows that others refer to and that a transaction has met: it need not ask for them again."""

    def __init__(self) -> None:
        self.scales: set[str] = set()
        self.ids: dict[tuple[Any, ...], int] = {}

    @contextlib.contextmanager
    def undone_on_failure(self) -> Iterator[None]:
        """What is met inside is forgotten when it fails: it may have been made there, and is taken back."""
        scales, ids = set(self.scales), dict(self.ids)
        try:
            yield
        except Exception:
            self.scales, self.ids = scales, ids
            raise


def put_evaluation(
    connection: Connection,
    evaluation: Evaluation,
    content: str,
    grades: Sequence[Grade],
    known: Known | None = None,
) -> None:
    """A new row with its measures. Raises IntegrityError when its id or content is there."""
    connection.execute(_INSERT[EVALUATIONS], _evaluation_row(connection, evaluation, content, grades, known))
    _put_beside(connection, evaluation)


def put_new(
    connection: Connection, new: Sequence[tuple[Evaluation, str, Sequence[Given]]], known: Known
) -> None:
    """Many evaluations with their content's hash and their grades, each table at once.

    Raises IntegrityError when any is there, Rejected for an extra field that is not defined.
    """
    if not new:
        return
    put_referred(connection, ((one, grades) for one, _, grades in new), known)
    beside: dict[Table, list[dict[str, Any]]] = {}
    for evaluation, content, grades in new:
        own = [one.grade for one in grades]
        for table, found in (
            (EVALUATIONS, [_evaluation_row(connection, evaluation, content, own, known)]),
            (MEASURES, rows.measure_rows(evaluation)),
            (EXTRA_VALUES, _extra_rows(connection, evaluation, known)),
            (GRADES, [rows.grade_row(evaluation.id, one, evaluation.created_at) for one in own]),
            (
                METRIC_GRADES,
                [row for given in grades for row in rows.metric_grade_rows(evaluation.id, given)],
            ),
        ):
            beside.setdefault(table, []).extend(found)
    # With RETURNING many rows are one statement; else PostgreSQL's drivers send each row by itself.
    inserts = _INSERT_AT_ONCE if connection.dialect.name == "postgresql" else _INSERT
    for table, found in beside.items():
        if found:
            connection.execute(inserts[table], found)


def _evaluation_row(
    connection: Connection, evaluation: Evaluation, content: str, grades: Sequence[Grade], known: Known | None
) -> dict[str, Any]:
    row = rows.evaluation_row(evaluation, content) | _names(connection, evaluation, known)
    row["search"] = rows.search_text(evaluation, grades)
    return row


def replace_evaluation(
    connection: Connection, evaluation: Evaluation, content: str, grades: Sequence[Grade]
) -> None:
    """All of the row but when, by whom and with what it came in."""
    row = rows.evaluation_row(evaluation, content) | _names(connection, evaluation)
    row["search"] = rows.search_text(evaluation, grades)
    for name in ("id", "created_at", "created_by", "import_id"):
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
    put_grades(connection, evaluation_id, [given], at, own=own)


def put_grades(
    connection: Connection,
    evaluation_id: str,
    grades: Sequence[Given],
    at: float,
    known: Known | None = None,
    own: Mapping[str, Any] | None = None,
) -> None:
    """The current grades on their scales. Raises IntegrityError when there is one on a scale."""
    if not grades:
        return
    known = known or Known()
    for given in grades:
        _put_scale(connection, given.grade, at, known)
    found = [rows.grade_row(evaluation_id, given.grade, at) for given in grades]
    for row in found:
        row["record"] |= own or {}
    connection.execute(_INSERT[GRADES], found)
    letters = [row for given in grades for row in rows.metric_grade_rows(evaluation_id, given)]
    if letters:
        connection.execute(_INSERT[METRIC_GRADES], letters)


def _put_scale(connection: Connection, grade: Grade, at: float, known: Known) -> None:
    scale = grade.scale
    if scale.sha256 in known.scales:
        return
    row = {
        "sha256": scale.sha256, "name": scale.name, "version": scale.version, "state": "active", "created_at": at,
    }  # fmt: skip
    _put_once(connection, SCALES, row, ["sha256"])
    known.scales.add(scale.sha256)


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


def retire_grades(connection: Connection, evaluation_id: str, kept: Sequence[str]) -> None:
    """Its grades on scales of other names than ``kept`` are no longer current."""
    others = and_(GRADES.c.evaluation_id == evaluation_id, GRADES.c.scale.not_in(kept))
    connection.execute(update(GRADES).where(others).values(is_current=False))


def _put_beside(connection: Connection, evaluation: Evaluation) -> None:
    for table, found in (
        (MEASURES, rows.measure_rows(evaluation)),
        (EXTRA_VALUES, _extra_rows(connection, evaluation, Known())),
    ):
        if found:
            connection.execute(_INSERT[table], found)


def _extra_rows(connection: Connection, evaluation: Evaluation, known: Known) -> list[dict[str, Any]]:
    """Raises Rejected for a field that is not defined."""
    found = []
    for name, value in evaluation.extra.items():
        met = (EXTRA_FIELDS.name, name)
        if met not in known.ids:
            field = connection.execute(select(EXTRA_FIELDS.c.id).where(EXTRA_FIELDS.c.name == name)).scalar()
            if field is None:
                raise Rejected(f"extra field {name!r} is not defined")
            known.ids[met] = int(field)
        row = {
            "evaluation_id": rows.storable(evaluation.id),
            "field_id": known.ids[met],
            "value": rows.storable(value[:1000]),
        }
        found.append(row)
    return found


def _names(
    connection: Connection, evaluation: Evaluation, known: Known | None = None
) -> dict[str, int | None]:
    """The ids of what the evaluation refers to by name; rows are made where there are none."""
    known = known or Known()
    found: dict[str, int | None] = dict.fromkeys(("model_id", "dataset_id", "host_id"))
    return found | {
        column: id_of(connection, table, row, key, known) for column, table, row, key in _referred(evaluation)
    }


def _referred(evaluation: Evaluation) -> Iterator[tuple[str, Table, dict[str, Any], tuple[str, ...]]]:
    """What an evaluation refers to by name: the column, the table, the row as it would be made, and its key."""
    window = evaluation.window
    author, name = rows.author_and_name(rows.storable(window.model[:256]))
    at = evaluation.created_at
    model = {"author": author, "name": name, "revision": "", "created_at": at, "updated_at": at}
    dataset = {"name": rows.storable(window.dataset[:256])}
    host = {"instance": rows.storable(window.instance[:256])}
    if window.model:
        yield "model_id", MODELS, model, ("author", "name", "revision")
    if window.dataset:
        yield "dataset_id", DATASETS, dataset, ("name",)
    if window.instance:
        yield "host_id", HOSTS, host, ("instance",)


def put_referred(
    connection: Connection, new: Iterable[tuple[Evaluation, Sequence[Given]]], known: Known
) -> None:
    """What these refer to, in one order for all: two that add many at once do not wait for each other."""
    order = (MODELS, DATASETS, HOSTS)
    found: dict[tuple[int, tuple[Any, ...]], tuple[Table, dict[str, Any], tuple[str, ...]]] = {}
    scales: dict[str, tuple[Grade, float]] = {}
    for evaluation, grades in new:
        for _, table, row, key in _referred(evaluation):
            found.setdefault((order.index(table), tuple(row[name] for name in key)), (table, row, key))
        for given in grades:
            scales.setdefault(given.grade.scale.sha256, (given.grade, evaluation.created_at))
    for _, (table, row, key) in sorted(found.items(), key=lambda one: one[0]):
        id_of(connection, table, row, key, known)
    for _, (grade, at) in sorted(scales.items(), key=lambda one: one[0]):
        _put_scale(connection, grade, at, known)


def id_of(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    key: Sequence[str],
    known: Known | None = None,
) -> int:
    """The id of the row with this key, made where there is none."""
    known = known or Known()
    met = (table.name, *(row[name] for name in key))
    if met not in known.ids:
        query = select(table.c.id).where(*(table.c[name] == row[name] for name in key))
        found = connection.execute(query).scalar()
        if found is None:
            _put_once(connection, table, row, key)
            found = connection.execute(query).scalar_one()
        known.ids[met] = int(found)
    return known.ids[met]


def _put_once(connection: Connection, table: Table, row: Mapping[str, Any], key: Iterable[str]) -> None:
    """Another program may do the same at this moment: the first one makes the row."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(row).on_conflict_do_nothing(index_elements=list(key)))
