"""A sensor switched off in the configuration: it measures nothing, and is reported as ``disabled``."""

from __future__ import annotations

from ..errors import NotHere
from ..model import Sample


class Disabled:
    """Stands in the list of sensors so that gramwatt_sensor_up shows what was switched off."""

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self) -> None:
        """Raises NotHere."""
        raise NotHere(f"{self.name} is disabled in the configuration")

    def read(self) -> Sample:
        """Nothing."""
        return Sample()

    def close(self) -> None:
        """Nothing to close."""
