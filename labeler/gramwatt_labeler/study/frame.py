"""The models of a study as rows of plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median, quantiles

from ..hub.evaluating import corrected
from ..store.nouns import Card


@dataclass(frozen=True, slots=True)
class Row:
    """One model. Grams, bytes, shares of 1; None and "" are not known. ``month`` is 2023-01, of its creation."""

    hub_id: str
    grams: float | None
    size: float | None = None
    dataset_size: float | None = None
    performance: float | None = None
    downloads: float | None = None
    likes: float | None = None
    domain: str = ""
    training_type: str = ""
    source: str = ""
    library: str = ""
    reporting: str = ""
    month: str = ""


def of_cards(cards: Iterable[Card], curated: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """What people curated wins over the cards."""
    found = []
    for one in cards:
        card, mined, _ = corrected(one, curated.get(one.hub_id, {}))
        found.append(
            Row(
                card.hub_id, mined.emissions.grams, card.file_bytes, card.dataset_bytes, mined.performance,
                None if card.downloads is None else float(card.downloads),
                None if card.likes is None else float(card.likes),
                mined.domain, mined.training_type, mined.source, card.library, mined.reporting, _month(card.created),
            )
        )  # fmt: skip
    return found


def months(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows with CO2 by month of creation, in order."""
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda one: one.month):
        if row.month and row.grams is not None:
            found.setdefault(row.month, []).append(row)
    return found


def medians_of(rows: Sequence[Row]) -> list[tuple[str, float, float, float]]:
    """Month, lower quartile, median and upper quartile of its CO2 in grams."""
    found = []
    for month, some in months(rows).items():
        grams = [row.grams for row in some if row.grams is not None]
        low, _, high = quantiles(grams, n=4, method="inclusive") if len(grams) > 1 else (grams[0],) * 3
        found.append((month, low, median(grams), high))
    return found


def _month(at: float | None) -> str:
    try:
        return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m")
    except (ValueError, OverflowError, OSError):
        return ""
