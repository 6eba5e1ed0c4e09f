"""The hub's models into the database: what changed since the last sync, page by page, and never half a page.

Models come with the one changed last first, so a sync ends at the first that the last whole sync has seen. One that is
interrupted begins anew, and what it has kept already is known by its sha and left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Any, Protocol

from ..errors import LabelerError, TryAgain
from ..render.text import clean
from ..scale_files import LoadedScale
from ..store.hub import HubRows, ToKeep
from ..store.nouns import Card
from ..store.rows import storable
from .amounts import says_kilograms
from .cards import mine
from .evaluating import curation_texts, hub_evaluation

PAGE = 100
_UNANSWERED = 3  # models in a row that the hub does not answer for
Progress = Callable[[Mapping[str, Any]], None]


class Source(Protocol):
    """Where models come from: the hub, or a file."""

    def cards(self) -> Iterable[Card]: ...

    def file_bytes(self, hub_id: str) -> float | None: ...

    def dataset_bytes(self, name: str) -> float | None: ...

    def card_text(self, hub_id: str) -> str: ...


@dataclass(slots=True)
class Counts:
    """What a sync did."""

    seen: int = 0
    created: int = 0
    updated: int = 0
    failed: int = 0
    deleted: int = 0


def sync(
    source: Source,
    store: HubRows,
    scales: Mapping[str, LoadedScale],
    main_scale: str,
    by: str,
    progress: Progress = lambda _: None,
    whole: bool = False,
    texts: bool = False,
    clock: Callable[[], float] = time.time,
) -> Counts:
    """Bring the database up to the hub. ``whole`` looks at every model and marks those that are gone; ``texts`` reads
    the text of each new card for a CO2 in kilograms. Raises TryAgain, Rejected; what was kept stays.
    """
    started = clock()
    until = None if whole else store.newest()
    number = store.begin(by, started)
    counts, newest = Counts(), until
    unanswered, is_whole = 0, True
    sizes: dict[str, float | None] = {}
    try:
        for fresh in _pages(source.cards(), until):
            counts.seen += len(fresh)
            newest = max(
                (at for at in (newest, *(one.last_modified for one in fresh)) if at is not None), default=None
            )
            known = store.known([one.hub_id for one in fresh])
            changed = [one for one in fresh if known.get(one.hub_id) != (one.sha, one.last_modified)]
            store.touch([one.hub_id for one in fresh if one not in changed], clock())
            curated = store.curated([one.hub_id for one in changed])
            found = []
            for card in changed:
                texts_of = curation_texts(curated.get(card.hub_id, {}))
                try:
                    found.append(_to_keep(source, card, texts_of, scales, main_scale, sizes, texts, clock()))
                    unanswered = 0
                except TryAgain as error:
                    # One model may be too much for the hub. Several in a row: it is the hub.
                    unanswered += 1
                    if unanswered >= _UNANSWERED:
                        raise
                    is_whole = False
                    found.append(ToKeep(card, error=clean(str(error))))
                progress({"seen": counts.seen, "created": counts.created, "updated": counts.updated})
            created, updated = store.put(found, clock())
            counts.created += created
            counts.updated += updated
            counts.failed += sum(bool(one.error) for one in found)
            store.change(
                number, seen=counts.seen, created=counts.created, updated=counts.updated, failed=counts.failed
            )
            progress({"seen": counts.seen, "created": counts.created, "updated": counts.updated})
    except LabelerError as error:
        store.change(number, state="failed", ended=clock(), error=clean(str(error))[:1000])
        raise
    if whole:
        counts.deleted = store.mark_deleted(started)
    # A model that the hub did not answer for is asked for again by the next sync.
    store.change(number, state="done", ended=clock(), newest=newest if is_whole else until)
    return counts


def _pages(cards: Iterable[Card], until: float | None) -> Iterator[list[Card]]:
    """Those changed after ``until``; the first that is older ends it, before another page is asked for."""
    rest = takewhile(
        lambda one: until is None or one.last_modified is None or one.last_modified > until, cards
    )
    while page := list(islice(rest, PAGE)):
        yield [replace(one, hub_id=storable(one.hub_id)) for one in page]


def _to_keep(
    source: Source, card: Card, curated: Mapping[str, str], scales: Mapping[str, LoadedScale], main_scale: str,
    sizes: dict[str, float | None], texts: bool, now: float,
) -> ToKeep:  # fmt: skip
    """One model that cannot be read stops no other. Raises TryAgain where the hub does not answer for it."""
    try:
        mined = mine(card)
        if mined.emissions.grams is not None:
            card = _sized(source, card, mined.datasets, sizes)
        found = hub_evaluation(card, curated, scales, main_scale, now)
        if found is None:
            return ToKeep(card)
        evaluation, grades = found
        if (
            texts
            and mined.emissions.grams
            and says_kilograms(mined.emissions.grams, source.card_text(card.hub_id))
        ):
            detail = dict(evaluation.detail) | {"suspected": "the text of the card has the same number in kg"}
            evaluation = replace(evaluation, detail=detail)
        return ToKeep(card, evaluation, grades)
    except TryAgain:
        raise
    except LabelerError as error:
        return ToKeep(card, error=clean(str(error)))


def _sized(source: Source, card: Card, datasets: tuple[str, ...], sizes: dict[str, float | None]) -> Card:
    if card.file_bytes is None:
        card = replace(card, file_bytes=source.file_bytes(card.hub_id))
    if card.dataset_bytes is None and datasets:
        for name in datasets:
            if name not in sizes:
                sizes[name] = source.dataset_bytes(name)
        known = [one for name in datasets if (one := sizes[name]) is not None]
        # The size of some of them is not the size of all.
        card = replace(card, dataset_bytes=sum(known) if len(known) == len(datasets) else None)
    return card
