"""Ids for what has none of its own: ULIDs, which sort by time (https://github.com/ulid/spec)."""

from __future__ import annotations

import secrets

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: nothing that is read as something else


def new_id(at: float) -> str:
    """26 characters: the time in milliseconds (``at`` in Unix seconds), then 80 random bits."""
    milliseconds = min(max(int(at * 1000), 0), 2**48 - 1)
    number = milliseconds << 80 | secrets.randbits(80)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -5, -5))
