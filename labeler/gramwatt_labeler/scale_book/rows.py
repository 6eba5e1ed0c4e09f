"""Versions of scales in the database. One that has graded something is never changed: a change is a new version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from ..errors import Duplicate, InputError
from ..scale_files import LoadedScale
from ..store.audit import record
from ..store.database import Database
from ..store.rows import storable
from ..store.tables import SCALES

_S = SCALES.c


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a scale as it is kept. ``content`` is "" of one that is known only by its grades."""

    name: str
    version: str
    sha256: str
    state: str
    content: str
    created_by: str
    created_at: float


class ScaleRows:
    """Every method may raise DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def active(self) -> Sequence[str]:
        """The contents of the versions in force that managers made."""
        query = select(_S.content).where(_S.state == "active", _S.content != "", _S.created_by != "")
        with self._database.reading() as connection:
            return connection.execute(query.order_by(_S.created_at)).scalars().all()

    def versions(self, name: str) -> Sequence[Version]:
        """Newest first."""
        columns = (_S.name, _S.version, _S.sha256, _S.state, _S.content, _S.created_by, _S.created_at)
        query = select(*columns).where(_S.name == name).order_by(_S.created_at.desc())
        with self._database.reading() as connection:
            return [Version(*row) for row in connection.execute(query)]

    def put(self, loaded: LoadedScale, content: str, by: str, now: float) -> None:
        """A new version, in force from now on. Raises Duplicate for the same content, InputError for its version."""
        identity = loaded.id
        with self._database.writing() as connection:
            known = connection.execute(select(SCALES).where(_S.name == identity.name)).mappings().all()
            if any(row["sha256"] == identity.sha256 and row["content"] for row in known):
                raise Duplicate(f"{identity.name} {identity.version}")
            if any(row["version"] == identity.version for row in known if row["sha256"] != identity.sha256):
                raise InputError(
                    f"version: {identity.version} of {identity.name} is there and differs; take a new one"
                )
            own = (_S.name == identity.name, _S.created_by != "")
            connection.execute(update(SCALES).where(*own).values(state="retired"))
            row = storable(
                {
                    "name": identity.name, "version": identity.version, "kind": loaded.scale.__struct_config__.tag,
                    "content": content, "state": "active", "created_by": by, "created_at": now,
                }
            )  # fmt: skip
            if any(one["sha256"] == identity.sha256 for one in known):  # known by its grades alone
                connection.execute(update(SCALES).where(_S.sha256 == identity.sha256).values(row))
            else:
                connection.execute(insert(SCALES).values(row | {"sha256": identity.sha256}))
            before = next((one["version"] for one in known if one["state"] == "active"), None)
            record(
                connection,
                now,
                by,
                "scale.add",
                identity.name,
                {"version": before},
                {"version": identity.version},
            )
