"""The state of saving the ledger."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class SaveStatus(Struct):
    """Written by the node alone. ``saved_at`` is Unix seconds of the last save, None before it; ``damages`` counts
    starts with a damaged ledger, by the source of the totals."""

    saved_at: float | None = None
    failures: int = 0
    damages: Mapping[str, int] = field(default_factory=dict)
