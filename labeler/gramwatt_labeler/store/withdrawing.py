"""Evaluations out of the tables and back into them, on a connection that is in a transaction.

What is taken back leaves the tables that every list, sum and metric reads. Its rows stay as they were in ``withdrawn``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    delete,
    exists,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from ..errors import Duplicate, NotFound, NotYours, TakenBack
from ..units import moment
from .nouns import Origin
from .rows import storable
from .tables import (
    EVALUATIONS,
    EXTRA_VALUES,
    GRADES,
    MEASURES,
    METRIC_GRADES,
    ROI_ANALYSES,
    WITHDRAWALS,
    WITHDRAWN,
)

_E, _W, _A, _R = EVALUATIONS.c, WITHDRAWN.c, WITHDRAWALS.c, ROI_ANALYSES.c
_BESIDE: Sequence[Table] = (MEASURES, EXTRA_VALUES, GRADES, METRIC_GRADES)  # each refers to those before it
_ANALYSES = (_R.baseline_evaluation_id, _R.after_evaluation_id)
_AT_ONCE = 200
_NOTHING: ColumnElement[str] = literal_column("''")  # as the condition of an index has it
LONGEST_REASON = 1000


def begin(connection: Connection, by: str, reason: str, at: float) -> int:
    """A new act; its number."""
    row = {"at": at, "user_name": by[:256], "reason": reason[:LONGEST_REASON]}
    added = connection.execute(insert(WITHDRAWALS), storable(row)).inserted_primary_key
    assert added is not None
    return int(added[0])


def locked(connection: Connection, ids: Sequence[str], owner: str | None) -> Mapping[str, str]:
    """Origins by id of those that stand; no other program changes them until the transaction ends.

    Raises TakenBack or NotFound for one that does not stand, NotYours for one that ``owner`` did not add. ``None``
    owns all.
    """
    found: dict[str, str] = {}
    for some in _parts(sorted(set(ids))):
        query = select(_E.id, _E.origin, _E.created_by).where(_E.id.in_(some)).order_by(_E.id)
        for row in connection.execute(query.with_for_update()):
            found[row.id] = row.origin
            if owner is not None and row.created_by != owner:
                whose = f"by {row.created_by}" if row.created_by else "by Gramwatt or a command"
                raise NotYours(f"evaluation {row.id!r} was added {whose}; a manager may take it back")
    missing = next((one for one in ids if one not in found), None)
    if missing is not None:
        raise taken_back(connection, missing) or NotFound(f"no evaluation {missing!r}")
    return found


def added_by(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Who added these, sorted; "" is Gramwatt or a command."""
    found: set[str] = set()
    for some in _parts(ids):
        found |= set(connection.execute(select(_E.created_by).where(_E.id.in_(some)).distinct()).scalars())
    return sorted(found)


def with_parts(connection: Connection, ids: Iterable[str]) -> list[str]:
    """These, and those inside them at any depth: their energy is a part of the same runs."""
    found = dict.fromkeys(ids)
    new = list(found)
    while new:
        inside: list[str] = []
        for some in _parts(new):
            query = select(_E.id).where(_E.parent.in_(some), _E.parent != _NOTHING)
            inside += connection.execute(query.order_by(_E.id)).scalars()
        new = [one for one in dict.fromkeys(inside) if one not in found]
        found |= dict.fromkeys(new)
    return list(found)


def move(connection: Connection, act: int, ids: Sequence[str], replaced_by: str = "") -> None:
    """Out of the tables. Those that are not there are left out; what refers to them keeps its own numbers."""
    for some in _parts(ids):
        evaluations = connection.execute(select(EVALUATIONS).where(_E.id.in_(some))).mappings().all()
        beside = {table: _by_evaluation(connection, table, some) for table in _BESIDE}
        moved = [
            {
                "withdrawal_id": act,
                "evaluation_id": row["id"],
                "content_hash": row["content_hash"],
                "origin": row["origin"],
                "replaced_by": replaced_by,
                "rows": {EVALUATIONS.name: dict(row)}
                | {table.name: beside[table].get(row["id"], []) for table in _BESIDE},
            }
            for row in evaluations
        ]
        if moved:
            connection.execute(insert(WITHDRAWN), moved)
        for table in reversed(_BESIDE):
            connection.execute(delete(table).where(table.c.evaluation_id.in_(some)))
        for column in _ANALYSES:
            connection.execute(update(column.table).where(column.in_(some)).values({column.name: None}))
        connection.execute(delete(EVALUATIONS).where(_E.id.in_(some)))


def hand_parts(connection: Connection, old: str, new: str) -> None:
    """The runs inside an evaluation are inside another one from now on."""
    inside = select(_E.id, _E.record).where(_E.parent == old, _E.parent != _NOTHING)
    for row in connection.execute(inside).all():
        record = row.record | {"window": row.record["window"] | {"parent": new}}
        connection.execute(update(EVALUATIONS).where(_E.id == row.id).values(parent=new, record=record))


def is_withheld(connection: Connection, window: str, parent: str) -> bool:
    """Whether a recorded window, or the one it is inside, was taken back and does not stand."""
    named = [one for one in (window, parent) if one]
    stands = exists().where(_E.id == _W.evaluation_id)
    query = select(_W.id).where(_W.evaluation_id.in_(named), _W.origin == Origin.WINDOW.value, ~stands)
    return connection.execute(query.limit(1)).first() is not None


def put_back(connection: Connection, numbers: Sequence[int]) -> None:
    """Rows of ``withdrawn`` into the tables, as they were. Raises Duplicate where another has the place of one.

    A run that was inside one that has been corrected since is inside the correction.
    """
    found: set[str] = set()
    parents: set[str] = set()
    for some in _parts(numbers):
        query = select(WITHDRAWN).where(_W.id.in_(some)).order_by(_W.id)
        kept = connection.execute(query).mappings().all()
        evaluations = [row["rows"][EVALUATIONS.name] for row in kept]
        later = {row["evaluation_id"]: _later(connection, row) for row in kept if row["replaced_by"]}
        _refuse_taken(connection, kept, later)
        _insert(connection, EVALUATIONS, evaluations)
        for table in _BESIDE:
            _insert(connection, table, [one for row in kept for one in row["rows"][table.name]])
        connection.execute(delete(WITHDRAWN).where(_W.id.in_(some)))
        for its_id, names in later.items():
            _take_place(connection, its_id, names)
        found |= {one["id"] for one in evaluations}
        parents |= {one["parent"] for one in evaluations if one["parent"]}
    for column in _ANALYSES:
        _refer_again(connection, column, found)
    hand_on(connection, parents - found)


def _latest(connection: Connection, evaluation: str) -> Any:
    query = select(_W.id, _W.evaluation_id, _W.replaced_by).where(_W.evaluation_id == evaluation)
    return connection.execute(query.order_by(_W.id.desc()).limit(1)).mappings().first()


def _later(connection: Connection, row: Mapping[Any, Any] | None) -> list[str]:
    """What replaced one that was taken back, and what replaced that; what stands is the last, if any does."""
    found: list[str] = []
    while row is not None and row["replaced_by"] and row["replaced_by"] not in found:
        found.append(row["replaced_by"])
        if connection.execute(select(_E.id).where(_E.id == found[-1])).first() is not None:
            break
        row = _latest(connection, found[-1])
    return found


def _take_place(connection: Connection, evaluation: str, later: Sequence[str]) -> None:
    """One that is put back stands in the place of what had replaced it, of which none stands."""
    for one in later:
        if one != evaluation:
            hand_parts(connection, one, evaluation)
    last = _latest(connection, next((one for one in reversed(later) if one != evaluation), ""))
    if last is not None:
        connection.execute(update(WITHDRAWN).where(_W.id == last["id"]).values(replaced_by=evaluation))


def hand_on(connection: Connection, parents: Collection[str]) -> None:
    """Runs inside one that was corrected are inside what stands in its place."""
    if connection.execute(select(_W.id).limit(1)).first() is not None:
        for parent in sorted(filter(None, parents)):
            _hand_on(connection, parent)


def _hand_on(connection: Connection, parent: str) -> None:
    if connection.execute(select(_E.id).where(_E.id == parent)).first() is None:
        row = _latest(connection, parent)
        outer = "" if row is None else _standing_for(connection, row)
        if outer:
            hand_parts(connection, parent, outer)


def _refuse_taken(
    connection: Connection, some: Sequence[Mapping[Any, Any]], later: Mapping[str, Sequence[str]]
) -> None:
    """Raises Duplicate for the first whose id, content or correction stands."""
    by_id = {
        name: row for row in some for name in (*later.get(row["evaluation_id"], ()), row["evaluation_id"])
    }
    by_content = {row["content_hash"]: row for row in some}
    for column, places in ((_E.id, by_id), (_E.content_hash, by_content)):
        there = connection.execute(select(_E.id, column).where(column.in_(places)).limit(1)).first()
        if there is not None:
            one = places[there[1]]["evaluation_id"]
            text = (
                f"evaluation {one!r} is not put back: {there[0]!r} stands in its place; take that back first"
            )
            raise Duplicate(there[0], text=text)


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Those of one version at once; of each the columns that the table has in this version."""
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        known = {name: value for name, value in row.items() if name in table.c}
        by_columns.setdefault(tuple(known), []).append(known)
    for some in by_columns.values():
        connection.execute(insert(table), some)


def taken_back(connection: Connection, evaluation_id: str) -> TakenBack | None:
    """That this one was, and is not there; None where it never was."""
    query = _query().where(_W.evaluation_id == evaluation_id).order_by(_W.id.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else error_of(dict(row) | {"replaced_by": _standing_for(connection, row)})


def _standing_for(connection: Connection, row: Mapping[Any, Any]) -> str:
    """The last correction of one that was taken back; "" where that does not stand either."""
    later = _later(connection, row)
    query = select(_E.id).where(_E.id == (later[-1] if later else ""))
    return str(connection.execute(query).scalar() or "")


def known(connection: Connection, new: Sequence[tuple[str, str]]) -> Mapping[int, TakenBack]:
    """Which of several, by their id and content, were taken back and do not stand: by their place."""
    if not new or connection.execute(select(_W.id).limit(1)).first() is None:
        return {}
    by_id: dict[str, TakenBack] = {}
    by_content: dict[str, TakenBack] = {}
    for some in _parts(new):
        either = or_(
            _W.evaluation_id.in_([one for one, _ in some if one]),
            _W.content_hash.in_([one for _, one in some]),
        )
        for row in connection.execute(_query().where(either).order_by(_W.id)).mappings():
            by_id[row["evaluation_id"]] = by_content[row["content_hash"]] = error_of(row)
    found = {}
    for place, (its_id, content) in enumerate(new):
        one = by_id.get(storable(its_id)) or by_content.get(content)
        if one is not None:
            found[place] = one
    standing = _standing(connection, [new[place] for place in found])
    return {
        place: one
        for place, one in found.items()
        if standing.isdisjoint((storable(new[place][0]), new[place][1]))
    }


def error_of(row: Mapping[Any, Any]) -> TakenBack:
    """What is said of one, from its row and its act's."""
    by = f" by {row['user_name']}" if row["user_name"] else ""
    text = f"evaluation {row['evaluation_id']!r} was taken back{by} on {moment(row['at'])[:10]}"
    text += f": {row['reason']}" if row["reason"] else ""
    text += f"; {row['replaced_by']!r} stands in its place" if row["replaced_by"] else ""
    return TakenBack(
        text, row["evaluation_id"], row["withdrawal_id"], row["user_name"], row["at"], row["reason"], row["replaced_by"]
    )  # fmt: skip


def _query() -> Any:
    columns = (_W.evaluation_id, _W.content_hash, _W.replaced_by, _W.withdrawal_id)
    source = WITHDRAWN.join(WITHDRAWALS)
    return select(*columns, _A.at, _A.user_name, _A.reason).select_from(source)


def _standing(connection: Connection, some: Sequence[tuple[str, str]]) -> set[str]:
    """Those of these ids and contents that stand."""
    found: set[str] = set()
    for column, place in ((_E.id, 0), (_E.content_hash, 1)):
        for part in _parts(some):
            found |= set(
                connection.execute(select(column).where(column.in_([one[place] for one in part]))).scalars()
            )
    return found


def _by_evaluation(
    connection: Connection, table: Table, ids: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(select(table).where(table.c.evaluation_id.in_(ids))).mappings():
        found.setdefault(row["evaluation_id"], []).append(dict(row))
    return found


def _refer_again(connection: Connection, column: Any, ids: Collection[str]) -> None:
    """Analyses whose form names one of these."""
    name = column.name.removesuffix("_evaluation_id")
    for row in connection.execute(select(_R.id, _R.input).where(column.is_(None))).all():
        if row.input.get(name) in ids:
            change = update(ROI_ANALYSES).where(_R.id == row.id)
            connection.execute(change.values({column.name: row.input[name]}))


def _parts(some: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(some), _AT_ONCE):
        yield some[start : start + _AT_ONCE]
