"""Names of metrics: an unknown one is refused with the nearest known, because ignoring it would change a letter."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from ..errors import FactsError


def nearest_name(name: str, known: Collection[str], cutoff: float = 0.6) -> str:
    """The known name that is most like ``name``; "" where none is as like as ``cutoff`` (1 is the same)."""
    found = difflib.get_close_matches(name[:200].lower(), list(known), n=1, cutoff=cutoff)
    return found[0] if found else ""


def refuse_unknown(names: Collection[str] | Mapping[str, object], known: Collection[str], path: str) -> None:
    """Raises FactsError for the first name that is not known."""
    for name in names:
        if name not in known:
            near = nearest_name(name, known)
            hint = f"; did you mean {near!r}?" if near else ""
            allowed = sorted(known)
            raise FactsError(
                f"{path}.{name[:80]}",
                f"unknown metric {name[:80]!r}{hint} (known: {', '.join(allowed)})",
                allowed,
            )
