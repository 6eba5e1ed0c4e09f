"""Measurements and grades in a database: SQLite by default, any SQLAlchemy URL (PostgreSQL) instead.

A window is graded once per scale; the row keeps the version and hash of the scale it was graded with.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Engine,
    Float,
    MetaData,
    String,
    Table,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from .database import Database, first_line
from .errors import TryAgain
from .model import Grade, Graded, Measurement, Window

_log = logging.getLogger(__name__)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_METADATA = MetaData()

GRADES = Table(
    "grades",
    _METADATA,
    Column("window", String(128), primary_key=True),
    Column("scale", String(64), primary_key=True),
    Column("scale_version", String(64), nullable=False),
    Column("scale_sha256", String(64), nullable=False),
    Column("letter", String(3)),
    Column("reason", String(1000), nullable=False),
    Column("name", String(256), nullable=False, index=True),
    Column("phase", String(32), nullable=False),
    Column("model", String(256), nullable=False),
    Column("task", String(256), nullable=False, index=True),
    Column("dataset", String(256), nullable=False),
    Column("window_start", Float, nullable=False),
    Column("window_end", Float, nullable=False, index=True),
    Column("energy_joules", Float),
    Column("emissions_grams", Float),
    Column("energy_per_unit_joules", Float),
    Column("unit", String(32), nullable=False),
    Column("efficiency_index", Float),
    Column("graded_at", Float, nullable=False),
    Column("annotated", Boolean, nullable=False, default=False),
    Column("record", JSON, nullable=False),  # the whole Graded; the columns above are for people's queries
)


_SEARCHED = tuple(
    GRADES.c[name] for name in ("name", "model", "task", "dataset", "phase", "window", "letter", "reason")
)


class Store:
    """All grades. Safe to use from several threads. Every method raises DatabaseAway while the database is away."""

    def __init__(self, url: str) -> None:
        """Open, and create what is missing. Raises ConfigError naming the setting; a server that is away is none."""
        self._database = Database(url, _METADATA)
        self._unreadable: set[str] = set()  # said once

    @property
    def engine(self) -> Engine:
        return self._database.engine

    def ping(self) -> None:
        """Ask for one row."""
        with self._database.reading() as connection:
            connection.execute(select(GRADES.c.window).limit(1)).first()

    def has(self, window: str, scale: str) -> bool:
        """Whether this window was graded (or refused) on this scale."""
        query = select(GRADES.c.window).where(GRADES.c.window == window, GRADES.c.scale == scale)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def add(self, graded: Graded) -> bool:
        """Keep a result; False when this window already has one on this scale. Raises Rejected for an odd row."""
        try:
            with self._database.writing() as connection:
                connection.execute(insert(GRADES).values(_row(graded)))
        except IntegrityError:
            return False
        return True

    def add_all(self, new: Sequence[Graded], replacing: Sequence[Graded] = ()) -> None:
        """Keep all of these or none: ``new`` ones, and others in place of what their window has on their scale.

        A replaced result keeps its annotation. Raises TryAgain when somebody else wrote one of ``new`` meanwhile.
        """
        try:
            with self._database.writing() as connection:
                if new:
                    connection.execute(insert(GRADES), [_row(graded) for graded in new])
                for graded in replacing:
                    row = _row(graded)
                    del row["annotated"]
                    connection.execute(
                        update(GRADES)
                        .where(GRADES.c.window == row["window"], GRADES.c.scale == row["scale"])
                        .values(row)
                    )
        except IntegrityError as error:
            raise TryAgain(f"cannot write grades, none was written: {first_line(error)}") from None

    def get(self, window: str, scale: str = "") -> list[Graded]:
        """Results of one window, on one scale or on all, by scale name."""
        query = select(GRADES.c.record).where(GRADES.c.window == window).order_by(GRADES.c.scale)
        if scale:
            query = query.where(GRADES.c.scale == scale)
        return self._read(query)

    def recent(self, limit: int = 1000, scale: str = "", search: str = "", offset: int = 0) -> list[Graded]:
        """Results of the windows that ended last, newest first; ``search`` as in :meth:`count`."""
        query = select(GRADES.c.record).order_by(GRADES.c.window_end.desc(), GRADES.c.window, GRADES.c.scale)
        return self._read(_matching(query, scale, search).limit(limit).offset(offset))

    def count(self, scale: str = "", search: str = "") -> int:
        """How many results there are whose name, model, task, data set, phase, id or reason has ``search`` in it."""
        query = _matching(select(func.count()).select_from(GRADES), scale, search)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def not_annotated(self, since: float) -> list[Graded]:
        """Results of windows that ended at or after ``since`` and have no annotation in Grafana yet, oldest first."""
        query = (
            select(GRADES.c.record)
            .where(GRADES.c.annotated.is_(False), GRADES.c.window_end >= since)
            .order_by(GRADES.c.window_end)
        )
        return self._read(query)

    def mark_annotated(self, window: str, scale: str) -> None:
        """Remember that Grafana has this result."""
        change = (
            update(GRADES).where(GRADES.c.window == window, GRADES.c.scale == scale).values(annotated=True)
        )
        with self._database.writing() as connection:
            connection.execute(change)

    def close(self) -> None:
        self._database.close()

    def _read(self, query: Any) -> list[Graded]:
        """One record that cannot be read (another version wrote it) must not hide the others."""
        with self._database.reading() as connection:
            rows: Sequence[Any] = connection.execute(query).all()
        found = []
        for (record,) in rows:
            try:
                found.append(msgspec.convert(record, Graded))
            except msgspec.ValidationError as error:
                if str(error) not in self._unreadable:
                    self._unreadable.add(str(error))
                    _log.warning("a stored grade cannot be read and is left out: %s", error)
        return found


def _matching(query: Any, scale: str, search: str) -> Any:
    if scale:
        query = query.where(GRADES.c.scale == scale)
    if search:
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in _SEARCHED)))
    return query


def _row(graded: Graded) -> dict[str, Any]:
    window, measured, grade = graded.window, graded.measurement, graded.grade
    row = {
        "window": window.id,
        "scale": grade.scale.name,
        "scale_version": grade.scale.version,
        "scale_sha256": grade.scale.sha256,
        "letter": grade.letter,
        "reason": grade.reason[:1000],
        "name": window.name[:256],
        "phase": window.phase[:32],
        "model": window.model[:256],
        "task": window.task[:256],
        "dataset": window.dataset[:256],
        "window_start": window.start,
        "window_end": window.end,
        "energy_joules": measured.energy_joules if measured else None,
        "emissions_grams": measured.emissions_grams if measured else None,
        "energy_per_unit_joules": grade.energy_per_unit_joules,
        "unit": grade.unit,
        "efficiency_index": grade.index,
        "graded_at": graded.graded_at,
        "annotated": False,
        "record": _plain(graded),
    }
    return {name: _storable(value) for name, value in row.items()}


def _plain(graded: Graded) -> Any:
    """Only what JSON has; msgspec.convert reads it back."""
    return msgspec.to_builtins(
        {
            "window": _fields(graded.window),
            "measurement": _fields(graded.measurement) if graded.measurement else None,
            "grade": asdict(graded.grade),
            "graded_at": graded.graded_at,
        }
    )


def _fields(one: Window | Measurement | Grade) -> dict[str, Any]:
    found = {name: getattr(one, name) for name in one.__dataclass_fields__}
    return {name: dict(value) if hasattr(value, "keys") else value for name, value in found.items()}


def _storable(value: Any) -> Any:
    """The same with U+FFFD for characters that no database, and no scrape, can carry."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_storable(one) for one in value]
    return value
