"""What managers define: metrics, tools with their columns, and extra fields. Each change is in the audit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..errors import Duplicate, NotFound
from . import audit
from .database import Database
from .rows import storable
from .tables import EXTRA_FIELDS, METRICS, REDUCTIONS, TACTICS, TOOL_COLUMNS, TOOLS

Row = Mapping[str, Any]


class Catalogue:
    """Rows as dictionaries, by name. Every method raises DatabaseAway while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def metrics(self) -> Sequence[Row]:
        """All that were defined, in the order of their names."""
        return self._all(METRICS)

    def fields(self) -> Sequence[Row]:
        """All extra fields, in the order of their names."""
        return self._all(EXTRA_FIELDS)

    def tools(self) -> Sequence[Row]:
        """All tools with their ``columns``, in the order of their names."""
        with self._database.reading() as connection:
            found = connection.execute(select(TOOLS).order_by(TOOLS.c.name)).mappings().all()
            query = select(TOOL_COLUMNS).order_by(TOOL_COLUMNS.c.tool_id, TOOL_COLUMNS.c.column_name)
            columns = connection.execute(query).mappings().all()
        return [
            dict(one) | {"columns": [dict(of) for of in columns if of["tool_id"] == one["id"]]}
            for one in found
        ]

    def put_metric(self, row: Row, by: str, at: float, is_new: bool) -> None:
        """Raises Duplicate for a new one whose name is there; its version goes up with every change."""
        with self._changing(row["name"]) as connection:
            before = self._before(connection, METRICS, row["name"], is_new, may_be_missing=True)
            changed = dict(storable(row)) | {"version": before["version"] + 1 if before else 1}
            if before is None:
                connection.execute(insert(METRICS), {"recommendations": {}} | changed)
            else:
                connection.execute(update(METRICS).where(METRICS.c.name == row["name"]).values(changed))
            audit.record(connection, at, by, "metric", row["name"], before, dict(row))

    def put_field(self, row: Row, by: str, at: float, is_new: bool) -> None:
        """Raises Duplicate for a new one whose name is there, NotFound for a change of none."""
        with self._changing(row["name"]) as connection:
            before = self._before(connection, EXTRA_FIELDS, row["name"], is_new)
            if before is None:
                connection.execute(insert(EXTRA_FIELDS), dict(storable(row)))
            else:
                of_name = EXTRA_FIELDS.c.name == row["name"]
                connection.execute(update(EXTRA_FIELDS).where(of_name).values(dict(storable(row))))
            audit.record(connection, at, by, "extra field", row["name"], before, dict(row))

    def put_tool(self, row: Row, columns: Sequence[Row], by: str, at: float, is_new: bool) -> None:
        """Raises Duplicate for a new one whose name is there, NotFound for a change of none."""
        with self._changing(row["name"]) as connection:
            before = self._before(connection, TOOLS, row["name"], is_new)
            if before is None:
                connection.execute(insert(TOOLS), dict(storable(row)))
            else:
                connection.execute(
                    update(TOOLS).where(TOOLS.c.name == row["name"]).values(dict(storable(row)))
                )
            tool_id = connection.execute(select(TOOLS.c.id).where(TOOLS.c.name == row["name"])).scalar_one()
            connection.execute(delete(TOOL_COLUMNS).where(TOOL_COLUMNS.c.tool_id == tool_id))
            rows = [dict(storable(one)) | {"tool_id": tool_id} for one in columns]
            if rows:
                connection.execute(insert(TOOL_COLUMNS), rows)
            audit.record(
                connection, at, by, "tool", row["name"], before, dict(row) | {"columns": len(columns)}
            )

    def tactics(self) -> Sequence[Row]:
        """All tactics, flat, in the order of their names."""
        query = select(
            TACTICS, REDUCTIONS.c.low, REDUCTIONS.c.expected, REDUCTIONS.c.high, REDUCTIONS.c.source
        )
        query = query.outerjoin(REDUCTIONS, REDUCTIONS.c.tactic_id == TACTICS.c.id).order_by(TACTICS.c.name)
        with self._database.reading() as connection:
            found = connection.execute(query).mappings().all()
        return [
            {
                "name": row["name"], "stage": row["stage"], "description": row["description"],
                "source": row["sources"]["text"], "url": row["sources"]["url"], "low": row["low"],
                "expected": row["expected"], "high": row["high"], **row["metrics"],
            }
            for row in found
        ]  # fmt: skip

    def put_tactic(self, row: Row, by: str, at: float, is_new: bool) -> None:
        """Raises Duplicate for a new one whose name is there."""
        row = storable(dict(row))
        kept = {
            "name": row["name"], "stage": row["stage"], "description": row["description"],
            "sources": {"text": row["source"], "url": row["url"]},
            "metrics": {key: row[key] for key in ("title", "phase", "metric", "derived", "enabled")},
        }  # fmt: skip
        with self._changing(row["name"]) as connection:
            before = self._before(connection, TACTICS, row["name"], is_new, may_be_missing=True)
            if before is None:
                connection.execute(insert(TACTICS), kept)
            else:
                connection.execute(update(TACTICS).where(TACTICS.c.name == row["name"]).values(kept))
            tactic = connection.execute(
                select(TACTICS.c.id).where(TACTICS.c.name == row["name"])
            ).scalar_one()
            connection.execute(delete(REDUCTIONS).where(REDUCTIONS.c.tactic_id == tactic))
            if row["expected"] is not None:
                figures = {key: row[key] for key in ("low", "expected", "high", "metric", "source")}
                connection.execute(
                    insert(REDUCTIONS), figures | {"tactic_id": tactic, "option": "", "architecture": ""}
                )
            audit.record(connection, at, by, "tactic", row["name"], before, row)

    @contextlib.contextmanager
    def _changing(self, name: str) -> Iterator[Connection]:
        """Raises Duplicate where another program made one of this name at this moment."""
        try:
            with self._database.writing() as connection:
                yield connection
        except IntegrityError:
            raise Duplicate(name) from None

    def _all(self, table: Table) -> Sequence[Row]:
        with self._database.reading() as connection:
            return [dict(one) for one in connection.execute(select(table).order_by(table.c.name)).mappings()]

    @staticmethod
    def _before(
        connection: Connection, table: Table, name: str, is_new: bool, may_be_missing: bool = False
    ) -> Row | None:
        found = connection.execute(select(table).where(table.c.name == storable(name))).mappings().first()
        if found is not None and is_new:
            raise Duplicate(name)
        if found is None and not is_new and not may_be_missing:
            raise NotFound(f"nothing is named {name!r} here")
        return None if found is None else dict(found)
