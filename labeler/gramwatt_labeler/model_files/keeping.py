"""A file's facts beside the model they are of."""

from __future__ import annotations

from ..store import Store
from ..store.nouns import Model, ModelFacts
from .facts import FileFacts


def keep(store: Store, model: ModelFacts, facts: FileFacts, at: float, by: str) -> Model:
    """The model with parameters, size, FLOPs and library as the file says them; what it does not say stays.

    A model that is not there is made. Raises DatabaseAway.
    """
    known = ModelFacts(
        model.author,
        model.name,
        model.revision,
        library=facts.library,
        parameters=None if facts.parameters is None else float(facts.parameters),
        file_bytes=float(facts.file_bytes),
        flops_per_unit=None if facts.flops_per_unit is None else float(facts.flops_per_unit),
    )
    return store.model(store.put_model(known, at, by))
