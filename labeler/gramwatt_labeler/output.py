"""Where label files go, and at which addresses people find them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Output:
    """Where label files go and how their pages are addressed."""

    directory: Path
    formats: Sequence[str]
    base_url: str
    parts: bool = False  # also for windows inside another one: epochs, requests

    def page(self, window: str) -> str:
        """Address of a label's page."""
        return f"{self.base_url}/labels/{quote(window, safe='')}"
