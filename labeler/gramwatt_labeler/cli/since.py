"""A moment on the command line: a day, a time, or how long ago."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

from ..config import Duration


def since(text: str) -> float:
    """``2026-01-31``, ``2026-01-31T12:00:00Z`` or ``30d`` (ago) as Unix seconds."""
    try:
        return time.time() - Duration.parse(text)
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"expected a day such as 2026-01-31 or how long ago, such as 30d, got {text!r}"
        ) from None
