"""Analyses of a tactic's return that people keep: what was put in. What comes out is computed when it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select

from ..errors import NotFound
from . import audit
from .database import Database
from .rows import storable
from .tables import EVALUATIONS, ROI_ANALYSES

_R = ROI_ANALYSES.c


@dataclass(frozen=True, slots=True)
class Analysis:
    """``form`` has the texts of the form by field; ``baseline`` and ``after`` are ids of evaluations or ""."""

    id: int
    title: str
    form: Mapping[str, str]
    baseline: str
    after: str
    by: str
    at: float


class ReturnRows:
    """Every method may raise DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, title: str, form: Mapping[str, str], by: str, at: float) -> int:
        """Keep one; its number. Raises NotFound for an evaluation that is not there."""
        used = {name: form.get(name, "") for name in ("baseline", "after")}
        with self._database.writing() as connection:
            for one in filter(None, used.values()):
                query = select(EVALUATIONS.c.id).where(EVALUATIONS.c.id == storable(one))
                if connection.execute(query).first() is None:
                    raise NotFound(f"there is no evaluation {one[:80]!r}")
            row = {
                "title": title, "input": dict(form), "created_by": by, "created_at": at,
                "baseline_evaluation_id": used["baseline"] or None, "after_evaluation_id": used["after"] or None,
            }  # fmt: skip
            added = connection.execute(insert(ROI_ANALYSES), storable(row)).inserted_primary_key
            assert added is not None
            audit.record(connection, at, by, "return.add", title, None, dict(form))
            return int(added[0])

    def get(self, number: int) -> Analysis:
        """Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(select(ROI_ANALYSES).where(_R.id == number)).first()
        if row is None:
            raise NotFound(f"there is no analysis {number}; see /roi")
        return _analysis(row)

    def some(self, evaluation: str = "", before: int = 0, limit: int = 20) -> Sequence[Analysis]:
        """Newest first; only those of an evaluation, and only those with a smaller number, where these are given."""
        query = select(ROI_ANALYSES).order_by(_R.id.desc()).limit(limit)
        if evaluation:
            one = storable(evaluation)
            query = query.where(or_(_R.baseline_evaluation_id == one, _R.after_evaluation_id == one))
        if before:
            query = query.where(_R.id < before)
        with self._database.reading() as connection:
            return [_analysis(row) for row in connection.execute(query)]

    def remove(self, number: int, by: str, at: float) -> None:
        """Raises NotFound."""
        with self._database.writing() as connection:
            title = connection.execute(select(_R.title).where(_R.id == number)).scalar()
            if title is None:
                raise NotFound(f"there is no analysis {number}")
            connection.execute(delete(ROI_ANALYSES).where(_R.id == number))
            audit.record(connection, at, by, "return.remove", title, number, None)


def _analysis(row: Row[Any]) -> Analysis:
    found = row._mapping
    return Analysis(
        found["id"], found["title"], found["input"], found["baseline_evaluation_id"] or "",
        found["after_evaluation_id"] or "", found["created_by"], found["created_at"],
    )  # fmt: skip
