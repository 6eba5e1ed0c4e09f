"""A database of any older version -> one of this version, once, also when several programs open it at the same moment.

All steps are one transaction: a process that is killed in the middle leaves the database as it was.
"""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from ..errors import NewerDatabase

_log = logging.getLogger(__name__)
HEAD = "0009"
"""The step that brings a database to this version. Held to the files by a test, so that a start need not read them."""

KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", HEAD)
SCRIPTS = Path(__file__).parent / "migrations"
_VERSION = sa.table("alembic_version", sa.column("version_num"))
_STAMPED = sa.select(_VERSION.c.version_num)
_LOCK_SECONDS = 5
_LOCK = 0x67_72_61_6D_77_61_74_74  # "gramwatt": PostgreSQL's number of the lock that upgrades share


def version(connection: Connection) -> str:
    """The last step this database has seen; "0001" of one from before there were steps, "" of an empty one."""
    tables = sa.inspect(connection)
    if tables.has_table("alembic_version"):
        return str(connection.execute(_STAMPED).scalar() or "")
    return "0001" if tables.has_table("grades") else ""


def is_current(engine: Engine) -> bool:
    """Whether nothing is to be done. Raises ConfigError for a database of a newer version."""
    try:
        with engine.connect() as connection:
            found = str(connection.execute(_STAMPED).scalar() or "")
    except SQLAlchemyError:  # there is no such table, or no server: the upgrade will say which
        return False
    _refuse_newer(found)
    return found == HEAD


def upgrade(engine: Engine) -> tuple[str, str]:
    """Run the missing steps; from which version to which. Raises ConfigError for a database of a newer version."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it logs when it is imported
    from alembic import command  # takes 0.1 s: only for an upgrade
    from alembic.config import Config

    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            # Another program may upgrade for minutes: requests are answered meanwhile, to try again.
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        before = version(connection)
        _refuse_newer(before)
        if before != HEAD:
            config = Config()
            config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if before:
                _log.info("the database was upgraded from version %s to %s", before, HEAD)
    return before, HEAD


def refuse_newer(connection: Connection) -> None:
    """Raises NewerDatabase for one that a newer labeler has upgraded meanwhile."""
    _refuse_newer(str(connection.execute(_STAMPED).scalar() or ""))


def _refuse_newer(found: str) -> None:
    if found and found not in KNOWN:
        raise NewerDatabase(found, HEAD)
