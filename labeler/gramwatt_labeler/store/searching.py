"""PostgreSQL's index for searches: of all groups of three letters, by the extension pg_trgm.

Without it a search reads every text. https://www.postgresql.org/docs/current/pgtrgm.html
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

INDEX = "ix_evaluations_search_trgm"
_EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
_CREATE = f"CREATE INDEX IF NOT EXISTS {INDEX} ON evaluations USING gin (search gin_trgm_ops)"
FIX = f"as a superuser run {_EXTENSION} in this database, then gramwatt-labeler db upgrade"


def put_index(connection: Connection) -> bool:
    """Make it where it is not and where the role may; whether it is there. SQLite needs none."""
    if connection.dialect.name != "postgresql" or has_index(connection):
        return True
    try:
        with connection.begin_nested():
            connection.execute(text(_EXTENSION))
            connection.execute(text(_CREATE))
    except DBAPIError:  # not installed, not allowed, or in a schema that is not searched
        return False
    return True


def has_index(connection: Connection) -> bool:
    """Whether searches are quick with many evaluations."""
    if connection.dialect.name != "postgresql":
        return True
    return any(one["name"] == INDEX for one in inspect(connection).get_indexes("evaluations"))
