"""One page of a list, and how many evaluations all its pages have, in as few readings as the database needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from . import listing
from .nouns import Filters


def page(
    connection: Connection, filters: Filters, scale: str, sort: str, cursor: str, limit: int, counted: bool
) -> tuple[list[Mapping[Any, Any]], int | None]:
    """One page and one row more, and how many all pages have; MOST_COUNTED + 1 is more than are counted."""
    found: list[Mapping[Any, Any]] = []
    parts = listing.parts(sort, cursor)
    total: int | None = None
    if filters.q and counted:
        query = listing.found_query(filters, scale, sort, cursor, limit)
        found = list(connection.execute(query).mappings().all())
        total = int(found[0]["total"])
        if total <= listing.MOST_COUNTED:
            return [one for one in found if one["id"] is not None], total
        found = []
    elif counted and filters.letter:
        total = int(connection.execute(listing.count_query(filters, scale)).scalar_one())
    are_many = total is not None and total > listing.MOST_COUNTED
    for part in parts:
        if len(found) <= limit:
            rest = limit - len(found)
            query = listing.rows_query(filters, scale, sort, cursor, rest, part, are_many)
            found += connection.execute(query).mappings().all()
    if counted and total is None:
        is_whole = not cursor and len(found) <= limit  # the page is all there is
        query = listing.count_query(filters, scale)
        total = len(found) if is_whole else int(connection.execute(query).scalar_one())
    return found, total
