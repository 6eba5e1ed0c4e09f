"""How saving the ledger goes."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class SaveStatus(Struct):
    """Written by the node alone. ``saved_at`` is Unix seconds of the last save, None before it; ``damages`` counts
    what of the saved state could not be read at the start, by kind."""

    saved_at: float | None = None
    failures: int = 0
    damages: Mapping[str, int] = field(default_factory=dict)
