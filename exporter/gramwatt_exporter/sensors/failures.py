"""The error of a sensor of which nothing can be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import TryAgain

_NAMED = 4


def nothing_readable(what: str, root: Path, failures: Mapping[str, str]) -> TryAgain:
    """The error of a sensor whose every ``what`` (counter, channel) failed for its reason."""
    named = [f"{name} ({reason})" for name, reason in list(failures.items())[:_NAMED]]
    if len(failures) > _NAMED:
        named.append(f"and {len(failures) - _NAMED} more")
    return TryAgain(f"no {what} under {root} can be read: {', '.join(named)}")
