"""The log lines about grid intensity: one when something changes, none while it stays the same."""

from __future__ import annotations

import logging
import re

from gramwatt_exporter.model import Intensity

_log = logging.getLogger("gramwatt_exporter.intensity.refresher")  # the name people filter by


class Announcements:
    """Remembers the last line about each subject: a provider, one of its aspects, or the value in force."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def failed(self, subject: str, text: str) -> bool:
        """A provider, or an aspect of one, fails. False when exactly this was logged before."""
        return self._say(subject, text)

    def works(self, subject: str) -> None:
        """It works (again)."""
        if self._say(subject, ""):
            _log.info("grid intensity from %s works again", subject)

    def in_force(self, value: Intensity | None, zone: str, message: str) -> None:
        """Which value prices the energy; ``message`` is why there is none. ``zone`` is the configured one."""
        if value is None:
            self._say("", message)
            return
        self._said.pop("", None)
        name = f"{value.provider} for {value.zone} ({value.factor})"
        if self._said.get("in force") == name:
            return
        self._said["in force"] = name
        source = f", {value.estimation}" if value.method == "annual" and value.estimation else ""
        wider = f"; {value.zone} stands in for {zone}" if zone and value.zone != zone else ""
        _log.info(
            "grid intensity now comes from %s: %g g/kWh, %s%s%s",
            name,
            value.grams_per_kilowatt_hour,
            value.method,
            source,
            wider,
        )

    def _say(self, subject: str, text: str) -> bool:
        state = re.sub(r"\d+(\.\d+)?", "#", text)  # a growing age is no change
        if self._said.get(subject, "") == state:
            return False
        self._said[subject] = state
        if text:
            _log.warning("grid intensity%s: %s", f" from {subject}" if subject else "", text)
        return True
