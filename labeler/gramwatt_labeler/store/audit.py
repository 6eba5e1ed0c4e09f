"""What was done by whom: written in the transaction of what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from .database import Database
from .rows import storable
from .tables import AUDIT


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done."""

    at: float
    user: str
    action: str
    object: str
    before: Any
    after: Any


def record(
    connection: Connection,
    at: float,
    user: str,
    action: str,
    what: str,
    before: Any = None,
    after: Any = None,
) -> None:
    """An entry of the audit, in the transaction of what it is about."""
    row = {
        "at": at, "user_name": user[:256], "action": action[:64], "object": what[:256], "before": before,
        "after": after,
    }  # fmt: skip
    connection.execute(insert(AUDIT).values(storable(row)))


def entries(database: Database, before: int = 0, limit: int = 100) -> Sequence[tuple[int, Entry]]:
    """Newest first, with their numbers, from in front of number ``before``. Raises DatabaseAway."""
    query = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)
    if before:
        query = query.where(AUDIT.c.id < before)
    with database.reading() as connection:
        return [
            (
                row["id"],
                Entry(row["at"], row["user_name"], row["action"], row["object"], row["before"], row["after"]),
            )
            for row in connection.execute(query).mappings()
        ]
