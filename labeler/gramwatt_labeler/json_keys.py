"""A key that a JSON object has twice: of its two values one would be dropped, and readers differ in which."""

from __future__ import annotations

from typing import Any


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object with these keys, for ``json.loads(object_pairs_hook=...)``. Raises ValueError naming a doubled key."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice[:80]!r} is there twice in one object; keep one")
    return found
