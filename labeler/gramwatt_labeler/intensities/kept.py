"""Intensities in the database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from ..store import Store, audit
from ..store.tables import INTENSITIES
from .table import Intensity

_I = INTENSITIES.c


def keep(store: Store, rows: Sequence[Intensity], now: float, by: str = "") -> int:
    """Put these in the place of all of their sources; how many there were before. One transaction, in the audit."""
    sources = sorted({one.source for one in rows})
    with store.database.writing() as connection:
        gone = connection.execute(delete(INTENSITIES).where(_I.source.in_(sources))).rowcount
        connection.execute(
            insert(INTENSITIES),
            [
                {
                    "zone": one.zone,
                    "year": one.year,
                    "source": one.source,
                    "grams_per_kwh": one.grams_per_kwh,
                    "imported_at": now,
                }
                for one in rows
            ],
        )
        audit.record(connection, now, by, "intensities", ", ".join(sources), int(gone), len(rows))
    return int(gone)


def kept(store: Store, zone: str = "") -> list[Intensity]:
    """Those of a zone, or all."""
    query = select(_I.zone, _I.year, _I.grams_per_kwh, _I.source).order_by(_I.zone, _I.year)
    if zone:
        query = query.where(_I.zone == zone)
    with store.database.reading() as connection:
        return [Intensity(*row) for row in connection.execute(query).all()]
