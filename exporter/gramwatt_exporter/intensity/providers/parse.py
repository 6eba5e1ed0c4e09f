"""Strict reading of foreign JSON: a field has the expected type, or the answer is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gramwatt_exporter.intensity.providers.failures import Unavailable


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """``value`` if it is a JSON object."""
    if not isinstance(value, dict):
        raise Unavailable("bad_answer", f"the answer has no {what}")
    return value


def rows(value: Any, what: str) -> list[Mapping[str, Any]]:
    """The objects of a JSON array; other elements are dropped."""
    if not isinstance(value, list):
        raise Unavailable("bad_answer", f"the answer has no {what}")
    return [row for row in value if isinstance(row, dict)]


def number(value: Any) -> float | None:
    """A JSON number, else None. True is not 1 here, and text is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def ratio(percent: Any) -> float | None:
    """A percentage (0 to 100) -> a ratio; None when it is not one."""
    value = number(percent)
    return None if value is None or not 0 <= value <= 100 else value / 100


def text(value: Any) -> str:
    """Printable text of at most 80 characters; "" for anything else."""
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value if letter.isprintable())[:80]


def moment(value: Any) -> float | None:
    """An ISO 8601 time -> Unix seconds. Without an offset it is UTC, as all our providers mean it."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    try:
        return parsed.timestamp()
    except (OverflowError, OSError, ValueError):
        return None


def utc(at: float, form: str = "%Y-%m-%dT%H:%MZ") -> str:
    """Unix seconds -> UTC text."""
    return datetime.fromtimestamp(at, UTC).strftime(form)
