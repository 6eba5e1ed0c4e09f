"""What a person says of a model in place of its card: checked, kept, and graded anew at once."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import InputError
from ..render.text import clean
from ..scale_files import LoadedScale
from ..store.hub import Curated, HubRows
from .evaluating import NUMBERS, TEXTS, curated_number, curation_texts, hub_evaluation

_LONGEST = 256
_TRAINING = ("", "pretraining", "fine-tuning")


def curate(
    rows: HubRows, hub_id: str, field: str, value: str | None, note: str, by: str,
    scales: Mapping[str, LoadedScale], main_scale: str, now: float,
) -> None:  # fmt: skip
    """``value`` None takes it back. Raises NotFound, InputError for an unknown field, Mistake for a wrong value."""
    if field not in NUMBERS and field not in TEXTS:
        raise InputError(f"field: {clean(field)[:64]!r} is none of {', '.join((*NUMBERS, *TEXTS))}")
    card = rows.card(hub_id)
    if value is not None:
        value = clean(value)
        if len(value) > _LONGEST or len(note) > 1000:
            raise InputError(f"{field}: longer than {_LONGEST} characters")
        if field in NUMBERS:
            curated_number(field, value)
        if field == "training_type" and value not in _TRAINING:
            raise InputError("training_type: expected pretraining or fine-tuning")
    rows.curate(hub_id, field, None if value is None else Curated(value, clean(note), by, now), by, now)
    texts = curation_texts(rows.curated([hub_id]).get(hub_id, {}))
    found = hub_evaluation(card, texts, scales, main_scale, now)
    if found is not None:
        rows.put_evaluation(*found, now)
