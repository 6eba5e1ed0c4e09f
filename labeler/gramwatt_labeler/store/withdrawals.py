"""Evaluations that are taken back, put back, and listed as taken back. Each call that writes is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, exists, func, or_, select

from ..errors import InputError, NotFound
from . import audit, withdrawing
from .database import Database
from .rows import storable
from .tables import EVALUATIONS, WITHDRAWALS, WITHDRAWN

_E, _W, _A = EVALUATIONS.c, WITHDRAWN.c, WITHDRAWALS.c
_IN_AUDIT = 1000  # ids that one entry names
_AT_ONCE = 500
_FILE = ("measurement", "imported", "file")


@dataclass(frozen=True, slots=True)
class Which:
    """Evaluations by their ids, by the import they came in with, or by the name of their file."""

    ids: Sequence[str] = ()
    import_id: str = ""
    file: str = ""

    @property
    def text(self) -> str:
        """Such as ``import 01K...``."""
        if self.import_id:
            return f"import {self.import_id}"
        if self.file:
            return f"file {self.file}"
        return self.ids[0] if len(self.ids) == 1 else f"{len(self.ids)} evaluations"


@dataclass(frozen=True, slots=True)
class Found:
    """What :class:`Which` finds: the ids, those inside them, and who added all of these."""

    ids: Sequence[str]
    parts: Sequence[str]
    added_by: Sequence[str]


@dataclass(frozen=True, slots=True)
class Item:
    """One evaluation that was taken back. Joules, grams, Unix seconds."""

    evaluation: str
    name: str
    model: str
    origin: str
    energy_joules: float | None
    emissions_grams: float | None
    ended: float
    created_at: float
    created_by: str
    replaced_by: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One act: what is still taken back by it. ``items`` are the first of ``total``."""

    id: int
    at: float
    by: str
    reason: str
    total: int
    items: Sequence[Item]


class Withdrawals:
    """Every method may raise DatabaseAway. ``at`` is Unix seconds; ``by`` is a user, "" is Gramwatt itself.

    ``owner`` is the user whose evaluations alone may be taken back; None for a manager.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, which: Which) -> Found:
        """What would be taken back. Raises NotFound and TakenBack."""
        with self._database.reading() as connection:
            ids = _ids(connection, which)
            whole = withdrawing.with_parts(connection, ids)
            return Found(ids, whole[len(ids) :], withdrawing.added_by(connection, whole))

    def take_back(self, which: Which, by: str, reason: str, at: float, owner: str | None) -> Withdrawal:
        """All of them with the runs inside them, or none. Raises NotFound, TakenBack and NotYours."""
        return self._database.tried(lambda: self._take_back(which, by, reason, at, owner))

    def _take_back(self, which: Which, by: str, reason: str, at: float, owner: str | None) -> Withdrawal:
        with self._database.writing() as connection:
            whole = withdrawing.with_parts(connection, _ids(connection, which))
            withdrawing.locked(connection, whole, owner)
            act = withdrawing.begin(connection, by, reason, at)
            withdrawing.move(connection, act, whole)
            before = {"evaluations": whole[:_IN_AUDIT], "count": len(whole)}
            after = {"withdrawal": act, "reason": reason}
            audit.record(connection, at, by, "evaluation.take_back", which.text, before, after)
            return _acts(connection, select(WITHDRAWALS).where(_A.id == act))[0]

    def restore(self, number: int, by: str, at: float, ids: Sequence[str] = ()) -> list[str]:
        """Put back what an act took, or these of it alone; the ids.

        Raises NotFound, and Duplicate where another stands in the place of one.
        """
        return self._database.tried(lambda: self._restore(number, by, at, ids))

    def _restore(self, number: int, by: str, at: float, ids: Sequence[str]) -> list[str]:
        with self._database.writing() as connection:
            # Of two who put back parts of one act the second sees what the first has left.
            connection.execute(select(_A.id).where(_A.id == number).with_for_update())
            query = select(_W.id, _W.evaluation_id).where(_W.withdrawal_id == number).order_by(_W.id)
            if ids:
                query = query.where(_W.evaluation_id.in_(storable(list(ids))))
            kept = connection.execute(query).all()
            found = [str(row.evaluation_id) for row in kept]
            missing = next((one for one in ids if one not in found), None)
            if missing is not None:
                raise NotFound(f"withdrawal {number} has no evaluation {missing[:80]!r}")
            if not found:
                raise NotFound(f"there is no withdrawal {number}; see /taken-back")
            withdrawing.put_back(connection, [row.id for row in kept])
            rest = exists().where(_W.withdrawal_id == number)
            connection.execute(delete(WITHDRAWALS).where(_A.id == number, ~rest))
            after = {"evaluations": found[:_IN_AUDIT], "count": len(found)}
            text = found[0] if len(found) == 1 else f"{len(found)} evaluations"
            audit.record(connection, at, by, "evaluation.restore", text, {"withdrawal": number}, after)
            return found

    def get(self, number: int, most: int = 500) -> Withdrawal:
        """One act with its first ``most`` evaluations. Raises NotFound."""
        with self._database.reading() as connection:
            found = _acts(connection, select(WITHDRAWALS).where(_A.id == number), most)
        if not found:
            raise NotFound(f"there is no withdrawal {number}; see /taken-back")
        return found[0]

    def some(
        self, evaluation: str = "", before: int = 0, limit: int = 50, most: int = 5
    ) -> Sequence[Withdrawal]:
        """Acts, newest first, each with its first ``most`` evaluations; of one evaluation, or before a number."""
        query = select(WITHDRAWALS).order_by(_A.id.desc()).limit(limit)
        if evaluation:
            of = exists().where(_W.withdrawal_id == _A.id, _W.evaluation_id == storable(evaluation))
            query = query.where(of)
        if before:
            query = query.where(_A.id < before)
        with self._database.reading() as connection:
            return _acts(connection, query, most)

    def corrected_by(self, evaluation: str, most: int = 20) -> Sequence[Item]:
        """What this one corrects, the newest first, and what those had corrected."""
        found: list[Item] = []
        with self._database.reading() as connection:
            while len(found) < most:
                query = select(WITHDRAWN).where(_W.replaced_by == evaluation).order_by(_W.id.desc()).limit(1)
                row = connection.execute(query).mappings().first()
                if row is None or row["evaluation_id"] in [one.evaluation for one in found]:
                    break
                found.append(_item(row))
                evaluation = row["evaluation_id"]
        return found

    def since(self, at: float, known: Collection[int] = ()) -> Mapping[int, Sequence[str]]:
        """Acts at or after this time, each with the ids that it took and that do not stand; none of ``known`` acts."""
        stands = exists().where(_E.id == _W.evaluation_id)
        found: dict[int, Sequence[str]] = {}
        with self._database.reading() as connection:
            for act in connection.execute(select(_A.id).where(_A.at >= at)).scalars().all():
                of = (_W.withdrawal_id == act, ~stands)
                query = select(_W.evaluation_id).where(*of)
                found[act] = () if act in known else connection.execute(query).scalars().all()
        return found


def _ids(connection: Connection, which: Which) -> list[str]:
    """Raises NotFound where there is none, TakenBack for one that is."""
    found = list(connection.execute(select(_E.id).where(_of(which)).order_by(_E.id)).scalars())
    if which.ids:
        missing = next((one for one in which.ids if storable(one) not in found), None)
        if missing is not None:
            raise withdrawing.taken_back(connection, missing) or NotFound(f"no evaluation {missing[:128]!r}")
    if not found:
        raise NotFound(f"no evaluation of {which.text[:300]}")
    return found


def _of(which: Which) -> Any:
    if which.import_id:
        return (_E.import_id == which.import_id) & (_E.import_id != "")
    if which.file:
        detail, imported = _E.origin_detail["file"].as_string(), _E.record[_FILE].as_string()
        return or_(detail == which.file, imported == which.file)
    if not which.ids:
        raise InputError("ids: name at least one evaluation, an import or a file")
    return _E.id.in_(storable(list(which.ids)))


def _acts(connection: Connection, query: Any, most: int = 5) -> list[Withdrawal]:
    found = []
    for act in connection.execute(query).mappings().all():
        of = _W.withdrawal_id == act["id"]
        total = connection.execute(select(func.count()).where(of)).scalar_one()
        items = _first(connection, of, min(most, total))
        found.append(Withdrawal(act["id"], act["at"], act["user_name"], act["reason"], total, items))
    return found


def _first(connection: Connection, of: Any, most: int) -> list[Item]:
    """Read by and by: the rows of an evaluation are large."""
    found: list[Item] = []
    last = 0
    while len(found) < most:
        query = (
            select(WITHDRAWN).where(of, _W.id > last).order_by(_W.id).limit(min(_AT_ONCE, most - len(found)))
        )
        rows = connection.execute(query).mappings().all()
        if not rows:
            break
        found += map(_item, rows)
        last = rows[-1]["id"]
    return found


def _item(row: Mapping[Any, Any]) -> Item:
    evaluation = row["rows"][EVALUATIONS.name]
    window = (evaluation["record"] or {}).get("window") or {}
    return Item(
        row["evaluation_id"], evaluation["name"], str(window.get("model", "")), row["origin"],
        evaluation["energy_joules"], evaluation["emissions_grams"], evaluation["ended"], evaluation["created_at"],
        evaluation["created_by"], row["replaced_by"],
    )  # fmt: skip
