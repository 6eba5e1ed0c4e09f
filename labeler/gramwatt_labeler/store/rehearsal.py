"""A database for ``--dry-run``: everything is done as always, and nothing of it stays."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool

from ..errors import ConfigError
from . import migrate
from .database import Database, sqlite_begin, sqlite_manners
from .snapshot import snapshot


class Rehearsal(Database):
    """Of SQLite a copy in memory, so that no other program waits; of PostgreSQL one transaction that is rolled back."""

    _checks_apart = False
    _whole: Connection | None = None

    def _open(self, url: URL, **pool: Any) -> Engine:
        if not self._is_file:
            return super()._open(url, **pool)
        is_there = bool(url.database) and Path(str(url.database)).is_file()
        memory = (
            snapshot(Path(str(url.database)))
            if is_there
            else sqlite3.connect(":memory:", check_same_thread=False)
        )
        engine = create_engine("sqlite://", creator=lambda: memory, poolclass=StaticPool)
        event.listen(engine, "connect", sqlite_manners)
        event.listen(engine, "begin", sqlite_begin)
        return engine

    def _prepare(self) -> None:
        """An older database is upgraded in memory; one on a server would be upgraded for good, so it is not."""
        if self._is_file:
            super()._prepare()
        elif self._upgrades and not self._is_ready:
            if not migrate.is_current(self.engine):
                raise ConfigError(
                    "$.data.database_url",
                    "this database is to be upgraded first: gramwatt-labeler db upgrade",
                )
            self._is_ready = True

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        if self._is_file:
            with super().reading() as connection:
                yield connection
            return
        with self._errors():
            yield self._transaction()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        if self._is_file:
            with super().writing() as connection:
                yield connection
            return
        with self._errors():
            connection = self._transaction()
            with connection.begin_nested():
                yield connection

    def _transaction(self) -> Connection:
        self._prepare()
        if self._whole is None:
            self._whole = self.engine.connect()
            self._whole.begin()
        return self._whole

    def close(self) -> None:
        if self._whole is not None:
            self._whole.close()  # and with it what was written
        super().close()
