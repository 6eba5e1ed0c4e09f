"""A database that may be away, restarted, or opened by several programs at once.

Every failure becomes one of two errors: :class:`DatabaseAway` is tried again, :class:`Rejected` is about one row.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import random
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, InvalidatePoolError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneIsFree
from sqlalchemy.pool import NullPool

from ..errors import (
    ConfigError,
    Crossed,
    DatabaseAway,
    DatabaseBusy,
    DatabaseFull,
    DatabaseNewer,
    LabelerError,
    NewerDatabase,
    Rejected,
)
from . import migrate, searching
from .rows import STORABLE, storable
from .tables import EVALUATIONS

_log = logging.getLogger(__name__)
Conflict = IntegrityError
"""What the database refuses because another program wrote the same at this moment."""
_LOST = (SQLAlchemyError, ConnectionError, TimeoutError, struct.error)
"""What a database that is away raises. pg8000 leaves what its socket raises, or a cut answer, as it is."""
# What SQLite and PostgreSQL say of a full disk, and of one that may only be read.
_NOT_WRITABLE = ("disk is full", "no space left", "readonly database", "read-only")
_TRIES = 20  # to upgrade the tables while another program does the same
_TRY_SECONDS = 0.1
_CROSSED_TRIES = 5
_DEADLOCK = "40P01"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
_Found = TypeVar("_Found")
_CONNECT_SECONDS = 5  # a server that does not answer must not hold a page for minutes
_UNANSWERED_MILLISECONDS = 10_000  # a machine that vanished behind an open connection
_LIBPQ = {"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": _UNANSWERED_MILLISECONDS}
# What each driver calls it.
_TIMEOUTS: dict[str, dict[str, Any]] = {
    "psycopg": _LIBPQ,
    "psycopg2": _LIBPQ,
    "pg8000": {"timeout": _CONNECT_SECONDS},  # of each answer, too
}
_CHECK_SECONDS = (
    1.0  # between two looks of reading requests at the database's version; writing ones always look
)
_UPGRADE_SECONDS = 3600  # for one statement of an upgrade, which moves every row
_FOR_CHECKS: dict[str, Any] = {"pool_size": 1, "max_overflow": 1}


class Database:
    """The engine of a URL. Raises ConfigError for a URL or a file that cannot be used.

    A server that is away is no such error: its tables are created, or upgraded, when it answers. Without ``upgrades``
    the database stays as it is.
    """

    _checks_apart = True  # an engine for :meth:`ping`; in memory each engine has a database of its own

    def __init__(self, url: str, upgrades: bool = True) -> None:
        self._lock = threading.Lock()
        self._is_ready = False
        self._checked_at = -math.inf
        self._said = ""
        self._upgrades = upgrades
        try:
            parsed = make_url(url)
            self._is_file = parsed.get_backend_name() == "sqlite"
            self._is_in_memory = self._is_file and parsed.database in (None, "", ":memory:")
            self.shown = parsed.render_as_string()  # without the password
            self.engine = self._open(parsed)
            is_apart = self._checks_apart and not self._is_in_memory
            self._checks = self._open(parsed, **_FOR_CHECKS) if is_apart else self.engine
        except (ArgumentError, ModuleNotFoundError) as error:
            raise ConfigError("$.data.database_url", first_line(error)) from None
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                "$.data.database_url", f"cannot open {self.shown}: {first_line(error)}"
            ) from None
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            name = parsed.get_backend_name()
            raise ConfigError("$.data.database_url", f"expected sqlite or postgresql, got {name}")
        try:
            self._prepare()
        except _LOST as error:
            if self._is_file:
                why = _folder_trouble(self.engine.url) or first_line(error)
                raise ConfigError("$.data.database_url", f"cannot open {self.shown}: {why}") from None

    def _open(self, url: URL, **pool: Any) -> Engine:
        if not self._is_file:
            arguments = _TIMEOUTS.get(url.get_driver_name(), {})
            # The pool logs a traceback for each connection that the server closed. Its callers say once that it is
            # away.
            logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
            engine = create_engine(url, pool_timeout=_CONNECT_SECONDS, connect_args=arguments, **pool)
            event.listen(engine, "connect", _postgresql_manners)
            event.listen(engine, "checkout", _tried(engine))
            event.listen(engine, "before_cursor_execute", _with_storable_texts, retval=True)
            return engine
        if not self._is_in_memory:
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
            pool["pool_timeout"] = _CONNECT_SECONDS
        engine = create_engine(url, **pool)
        event.listen(engine, "before_cursor_execute", _with_storable_texts, retval=True)
        event.listen(engine, "connect", sqlite_manners)
        event.listen(engine, "begin", sqlite_begin)
        return engine

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection. Raises DatabaseAway."""
        with self._errors():
            self._prepare()
            with self.engine.connect() as connection, _left_in_order(connection):
                if time.monotonic() - self._checked_at >= _CHECK_SECONDS:
                    self._refuse_newer(connection)
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction. Raises DatabaseAway; Rejected for a row the database does not take.

        IntegrityError passes: that a row is there already is for the caller to judge.
        """
        with self._errors():
            self._prepare()
            with (
                self.engine.connect().execution_options(writes=True) as connection,
                connection.begin(),
                _left_in_order(connection),
            ):
                self._refuse_newer(connection)
                yield connection
            if self._said:
                self._said = ""
                _log.info("the database %s takes new rows again", self.shown)

    def tried(self, work: Callable[[], _Found]) -> _Found:
        """What a function gives that is one transaction; it begins anew where another one crosses it."""
        for number in range(1, _CROSSED_TRIES):
            with contextlib.suppress(Crossed):
                return work()
            # The other one goes on meanwhile.
            time.sleep(number * _TRY_SECONDS * (1 + random.random()))  # noqa: S311 - no secret
        return work()

    def ping(self) -> None:
        """Ask for one row, on a connection that nothing else has. Raises DatabaseAway.

        While pages and jobs hold all others the database is busy, not away.
        """
        with self._errors():
            self._prepare()
            with self._checks.connect() as connection, _left_in_order(connection):
                connection.execute(select(EVALUATIONS.c.id).limit(1)).first()
                self._refuse_newer(connection)

    def _refuse_newer(self, connection: Connection) -> None:
        """Somebody may upgrade the database with a newer labeler while this one runs."""
        if self._upgrades:
            migrate.refuse_newer(connection)
            self._checked_at = time.monotonic()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except NewerDatabase as error:
            self._checked_at = -math.inf  # nothing is read until it is an older one again
            text = (
                f"the database was upgraded to version {error.found} by a newer labeler; this one knows up to "
                f"{error.known} and writes nothing more: restart it with the newer version"
            )
            raise DatabaseNewer(text) from None
        except NoneIsFree:
            raise DatabaseBusy(f"all connections to the database {self.shown} are in use") from None
        except DataError as error:
            raise Rejected(f"the database does not take it: {first_line(error)}") from None
        except _LOST as error:
            if _state_of(error) == _DEADLOCK:
                raise Crossed("another program writes the same at this moment; try again") from None
            self._is_ready = False  # a database that was made anew has no tables
            text = _why_nothing_is_taken(error)
            if text:
                self._say(f"the database {self.shown} takes nothing new: {text}")
                raise DatabaseFull(f"the database takes nothing new: {text}") from None
            raise DatabaseAway(f"the database {self.shown} does not answer: {first_line(error)}") from None

    def _say(self, text: str) -> None:
        """In the log, once until it is something else."""
        if text != self._said:
            self._said = text
            _log.warning("%s", text)

    def _prepare(self) -> None:
        """Create or upgrade the tables. Another program may do so at this moment: what it did is there then."""
        if self._is_ready or not self._upgrades:
            return
        with self._lock:
            for left in reversed(range(_TRIES)):
                try:
                    if not migrate.is_current(self.engine):
                        with self._patient() as engine:
                            migrate.upgrade(engine)
                    break
                except SQLAlchemyError as error:
                    if not left or not _is_another_program(error):
                        raise
                    time.sleep(_TRY_SECONDS)
            self._is_ready = True

    @contextlib.contextmanager
    def _patient(self) -> Iterator[Engine]:
        """An engine that waits for a long statement. Where no driver counts the seconds that is the usual one."""
        url = self.engine.url
        if self._is_file or "timeout" not in _TIMEOUTS.get(url.get_driver_name(), {}):
            yield self.engine
            return
        patient = create_engine(url, poolclass=NullPool, connect_args={"timeout": _UPGRADE_SECONDS})
        try:
            yield patient
        finally:
            patient.dispose()

    def put_search_index(self) -> None:
        """Make the index of searches where it is not and the role may. Raises DatabaseAway."""
        with self._errors(), self._patient() as engine, engine.begin() as connection:
            searching.put_index(connection)

    def close(self) -> None:
        self.engine.dispose()
        self._checks.dispose()


def _postgresql_manners(connection: Any, _record: Any) -> None:
    """No query is compiled: that takes longer than any query here. A server without a compiler has no such setting."""
    cursor = connection.cursor()
    cursor.execute("SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'jit'")
    cursor.close()
    connection.commit()


def _tried(engine: Engine) -> Callable[..., None]:
    """A server that was restarted has closed the connections of the pool: each is tried before it is used.

    The pool does so by itself, but lets pass what the driver leaves as its socket raises it.
    """

    def try_it(connection: Any, _record: Any, _proxy: Any) -> None:
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise InvalidatePoolError from error

    return try_it


@contextlib.contextmanager
def _left_in_order(connection: Connection) -> Iterator[None]:
    """A connection in which something unforeseen failed is closed.

    A driver that fails in the middle of a request leaves its answer unread: the next one would get it.
    """
    try:
        yield
    except (SQLAlchemyError, LabelerError):
        raise
    except Exception:
        connection.invalidate()
        raise


def _with_storable_texts(
    _connection: Connection, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
) -> tuple[str, Any]:
    """The statement with texts that a database can store. A filter with other characters finds nothing.

    PostgreSQL's driver refuses half a surrogate in the middle of its request, and NUL as if it were away.
    """
    is_done = context is not None and context.execution_options.get(STORABLE)
    return statement, parameters if is_done else _storable(parameters)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if value is None or isinstance(value, float | int):
        return value
    if isinstance(value, dict):
        return {name: _storable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_storable(one) for one in value])
    return value


def first_line(error: BaseException) -> str:
    """What a driver says, in one line."""
    original = getattr(error, "orig", None) or error
    said = original.args[0] if original.args else ""
    # pg8000 has the fields of PostgreSQL's message, of which M is the sentence.
    text = str(said["M"]) if isinstance(said, dict) and "M" in said else str(original)
    lines = text.split("\n")
    return next((line.strip() for line in lines if line.strip()), type(error).__name__)


def _state_of(error: BaseException) -> str:
    """PostgreSQL's code of what went wrong, "" where there is none."""
    original = getattr(error, "orig", None)
    fields = original.args[0] if original is not None and original.args else None
    return str(fields.get("C", "")) if isinstance(fields, dict) else str(getattr(original, "sqlstate", ""))


def _why_nothing_is_taken(error: BaseException | None) -> str:
    """What a database says that is full or may only be read, else "". What fails after that may hide it."""
    while error is not None:
        text = first_line(error)
        if any(word in text.lower() for word in _NOT_WRITABLE):
            return text
        error = error.__context__
    return ""


def _folder_trouble(url: URL) -> str:
    """Why a file of SQLite cannot be opened where its folder is the reason, else ""."""
    folder = Path(str(url.database)).absolute().parent
    if os.access(folder, os.W_OK):
        return ""
    return (
        f"its folder {folder} cannot be written, and SQLite writes there also to read; allow it, or use a copy of the "
        "file in another folder"
    )


def _is_another_program(error: SQLAlchemyError) -> bool:
    """Whether another program is creating the same tables, or holds the file meanwhile."""
    text = str(error).lower()
    return isinstance(error, IntegrityError) or any(
        word in text for word in ("already exists", "duplicate", "is locked", "is busy", "in progress")
    )


def sqlite_manners(connection: Any, _record: Any) -> None:
    """The settings of every connection to SQLite."""
    connection.isolation_level = None  # transactions begin where we say, also around changes of tables
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.execute("PRAGMA foreign_keys=ON")
    # Readers (the web) never wait for the writer (the watch). Changing the mode needs the file for itself for a moment,
    # and waits for no other: every process that has opened it does the same.
    for _ in range(_TRIES):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(_TRY_SECONDS)
    cursor.close()


def sqlite_begin(connection: Connection) -> None:
    """A writer takes the file's lock at once: after reading it would be refused when another has written meanwhile."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
