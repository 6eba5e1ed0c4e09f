"""Every model of the hub on the scales as they are now, without asking the hub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from ..scale_files import LoadedScale
from ..store.hub import HubRows
from .evaluating import curation_texts, graded_again

_PAGE = 200


def grade_all(
    rows: HubRows, scales: Mapping[str, LoadedScale], main_scale: str, scale: str, clock: Callable[[], float]
) -> Counter[str]:
    """How many models have each letter on ``scale`` then; "" is graded without one. Raises DatabaseAway.

    What the database knows of each card, with what people say in its place, is graded page by page.
    """
    curated = {hub_id: curation_texts(fields) for hub_id, fields in rows.curated().items()}
    counts: Counter[str] = Counter()
    after = ""
    while page := rows.cards(after, _PAGE):
        now = clock()
        found = graded_again(page, curated, scales, main_scale, now)
        rows.put_evaluations(found, now)
        for _, grades in found:
            counts.update(one.grade.letter or "" for one in grades if one.grade.scale.name == scale)
        after = page[-1].hub_id
    return counts
