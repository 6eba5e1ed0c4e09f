"""All models of the database as rows of the study."""

from __future__ import annotations

from ..hub.evaluating import curation_texts
from ..store.hub import HubRows
from .frame import Row, of_cards

_PAGE = 1000


def all_rows(rows: HubRows) -> list[Row]:
    """In the order of their ids. Raises DatabaseAway."""
    curated = {hub_id: curation_texts(fields) for hub_id, fields in rows.curated().items()}
    found: list[Row] = []
    after = ""
    while page := rows.cards(after, _PAGE):
        found += of_cards(page, curated)
        after = page[-1].hub_id
    return found
