"""Which version this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """The installed distribution's version; "unknown" when run from an unpacked tree."""
    try:
        return installed("gramwatt")
    except PackageNotFoundError:
        return "unknown"
