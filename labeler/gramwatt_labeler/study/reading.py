"""All models of the database as rows of the study."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from ..hub.evaluating import curation_texts, evaluation_id
from ..store.hub import HubRows
from .frame import Row, of_cards

_PAGE = 1000
STUDY_SCALE = "gaissa-fixed"
"""The scale of the study: its letters stand on the charts."""


class Reading:
    """Rows that are read again when something has changed. Safe to use from several threads."""

    def __init__(self, rows: HubRows) -> None:
        self._rows = rows
        self._lock = threading.Lock()
        self._stamp: tuple[object, ...] = ()
        self._known: Sequence[Row] = ()

    def rows(self) -> Sequence[Row]:
        """Raises DatabaseAway."""
        stamp = self._rows.stamp()
        with self._lock:
            if stamp != self._stamp:
                self._known, self._stamp = all_rows(self._rows), stamp
            return self._known


def letters_of(hub: HubRows, rows: Sequence[Row], scale: str) -> Mapping[str, str]:
    """The letter of each row that has one, by its id on the hub. Raises DatabaseAway."""
    letters = hub.letters(scale)
    found = {row.hub_id: letters.get(evaluation_id(row.hub_id), "") for row in rows if row.grams is not None}
    return {hub_id: letter for hub_id, letter in found.items() if letter}


def all_rows(rows: HubRows) -> list[Row]:
    """In the order of their ids. Raises DatabaseAway."""
    curated = {hub_id: curation_texts(fields) for hub_id, fields in rows.curated().items()}
    found: list[Row] = []
    after = ""
    while page := rows.cards(after, _PAGE):
        found += of_cards(page, curated)
        after = page[-1].hub_id
    return found
