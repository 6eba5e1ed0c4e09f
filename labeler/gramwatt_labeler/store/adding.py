"""New evaluations into the tables, on a connection that is in a transaction: one, all or those that can be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.exc import DataError, IntegrityError

from ..errors import Duplicate, Rejected, TryAgain
from . import rows, writing
from .database import first_line
from .identifiers import new_id
from .nouns import Evaluation, Given
from .tables import EVALUATIONS

_E = EVALUATIONS.c
AT_ONCE = 500
"""Rows of one statement."""
_TRIES = 3  # to write beside another program that writes the same names


def put_each(
    connection: Connection, new: Sequence[tuple[Evaluation, Sequence[Given]]]
) -> list[str | Duplicate | Rejected]:
    """For each its id, or why it was not kept."""
    found: list[str | Duplicate | Rejected] = []
    known = writing.Known()
    for first in range(0, len(new), AT_ONCE):
        some = [_with_id(one) for one in new[first : first + AT_ONCE]]
        found += _put_at_once(connection, some, known, first) or [
            _put_or_say_why(connection, one, grades, first + number, known)
            for number, (one, grades) in enumerate(some)
        ]
    return found


def put_all(connection: Connection, new: Sequence[tuple[Evaluation, Sequence[Given]]]) -> list[str]:
    """The ids of all. Raises what the first that cannot be kept raises: the transaction is then to be given up."""
    new = [_with_id(one) for one in new]
    found = _put_at_once(connection, new, writing.Known())
    for one in found:
        if isinstance(one, Duplicate):
            raise one
    if found:
        return [one.id for one, _ in new]
    known = writing.Known()
    return [put(connection, one, grades, number, known) for number, (one, grades) in enumerate(new)]


def _put_or_say_why(
    connection: Connection,
    evaluation: Evaluation,
    grades: Sequence[Given],
    number: int,
    known: writing.Known,
) -> str | Duplicate | Rejected:
    try:
        return put(connection, evaluation, grades, number, known)
    except (Duplicate, Rejected) as error:
        return error
    except TryAgain as error:
        return Rejected(str(error))
    except DataError as error:
        return Rejected(f"the database does not take it: {first_line(error)}")


def put(
    connection: Connection,
    evaluation: Evaluation,
    grades: Sequence[Given],
    number: int,
    known: writing.Known | None = None,
) -> str:
    """The id, made here when it has none. ``number`` is its place among others, which Duplicate carries.

    Raises Duplicate, Rejected, DataError, and TryAgain when another program wrote the same at this moment.
    """
    evaluation, _ = _with_id((evaluation, grades))
    content = rows.content_hash(evaluation, by_id=False)
    known = writing.Known() if known is None else known
    for left in reversed(range(_TRIES)):
        there = _existing(connection, evaluation.id, content)
        if there is not None:
            raise Duplicate(there, number)
        try:
            # A savepoint, so that what another program has written meanwhile can be looked up after a refusal.
            with connection.begin_nested(), known.undone_on_failure():
                writing.put_evaluation(connection, evaluation, content, [one.grade for one in grades], known)
                writing.put_grades(connection, evaluation.id, grades, evaluation.created_at, known)
            break
        except IntegrityError as error:  # the same evaluation, or a model or scale that both name
            if not left:
                raise TryAgain(f"cannot write the evaluation: {first_line(error)}") from None
    return evaluation.id


def _existing(connection: Connection, evaluation_id: str, content: str) -> str | None:
    """The evaluation with this id or content."""
    for condition in (_E.id == evaluation_id, _E.content_hash == content):
        found = connection.execute(select(_E.id).where(condition)).scalar()
        if found is not None:
            return str(found)
    return None


def _with_id(new: tuple[Evaluation, Sequence[Given]]) -> tuple[Evaluation, Sequence[Given]]:
    """The same with an id, made here when it has none."""
    evaluation, grades = new
    if evaluation.id:
        return new
    window = replace(evaluation.window, id=new_id(evaluation.created_at))
    return replace(evaluation, window=window), grades


def _put_at_once(
    connection: Connection,
    new: Sequence[tuple[Evaluation, Sequence[Given]]],
    known: writing.Known,
    first: int = 0,
) -> list[str | Duplicate]:
    """For each its id, or the one that is there; ``first`` is the number of the first. All that are new are kept.

    Empty where one of them cannot be kept: then each is to be tried by itself.
    """
    contents = [rows.content_hash(one, by_id=False) for one, _ in new]
    there = _there(connection, [one.id for one, _ in new], contents)
    whole = [
        (one, content, grades)
        for (one, grades), content, other in zip(new, contents, there, strict=True)
        if other is None
    ]
    try:
        with connection.begin_nested(), known.undone_on_failure():
            writing.put_new(connection, whole, known)
    except (IntegrityError, DataError, Rejected):
        return []
    return [
        one.id if other is None else Duplicate(other, first + number)
        for number, ((one, _), other) in enumerate(zip(new, there, strict=True))
    ]


def _there(connection: Connection, ids: Sequence[str], contents: Sequence[str]) -> list[str | None]:
    """For each id and content the evaluation that is there, or stands before it here; as :func:`_existing`."""
    known: dict[ColumnElement[str], dict[str, str]] = {_E.id: {}, _E.content_hash: {}}
    for column, values in ((_E.id, ids), (_E.content_hash, contents)):
        for start in range(0, len(values), AT_ONCE):
            some = column.in_(values[start : start + AT_ONCE])
            known[column] |= {row[0]: row[1] for row in connection.execute(select(column, _E.id).where(some))}
    found = []
    for its_id, content in zip(ids, contents, strict=True):
        stored = rows.storable(its_id)
        other = known[_E.id].get(stored) or known[_E.content_hash].get(content)
        found.append(other)
        if other is None:
            known[_E.id][stored] = known[_E.content_hash][content] = stored
    return found
