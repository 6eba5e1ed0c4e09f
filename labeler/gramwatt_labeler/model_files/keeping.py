"""A file's facts beside the model they are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..store import Store
from ..store.nouns import Model, ModelFacts
from .facts import FileFacts


def keep(store: Store, model: ModelFacts, facts: FileFacts, at: float) -> Model:
    """The model with its parameters, size and library as the file says them; what it does not say stays as it is.

    A model that is not there is made. Raises DatabaseAway.
    """
    known = ModelFacts(
        model.author,
        model.name,
        model.revision,
        library=facts.library,
        parameters=None if facts.parameters is None else float(facts.parameters),
        file_bytes=float(facts.file_bytes),
    )
    return store.model(store.put_model(known, at))


def as_tree(facts: FileFacts) -> Mapping[str, Any]:
    """As JSON; ``null`` is not known."""
    return asdict(facts) | {"notes": list(facts.notes), "library": facts.library or None}
