"""What managers set for all pages: one JSON value by name. Each change is in the audit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select

from . import audit
from .database import Database
from .rows import storable
from .tables import SETTINGS

_S = SETTINGS.c


class SettingRows:
    """Every method may raise DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> Any:
        """None where it was not set."""
        with self._database.reading() as connection:
            return connection.execute(select(_S.value).where(_S.name == name)).scalar()

    def put(self, name: str, value: Any, by: str, at: float) -> None:
        """None takes it back."""
        with self._database.writing() as connection:
            before = connection.execute(select(_S.value).where(_S.name == name)).scalar()
            connection.execute(delete(SETTINGS).where(_S.name == name))
            if value is not None:
                row = {"name": name, "value": storable(value), "by": by, "at": at}
                connection.execute(insert(SETTINGS), row)
            audit.record(connection, at, by, "setting", name, before, value)
