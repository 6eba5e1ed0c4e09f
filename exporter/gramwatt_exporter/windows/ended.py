"""Windows that have ended, for readers that wait for them: reported once their end is saved, not with the next scrape.

Without a reader nothing waits; a report costs the sampler a list entry.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from ..hardware import Part
from ..model import Intensity
from .answers import window_answer
from .model import SOFTWARE, WindowView
from .outcome import outcome_labels

KEPT = 200  # windows kept for a reader that was away for a moment
MOST_WAITING = 16  # readers at a time; each holds a thread
LONGEST_WAIT = 60.0  # seconds
_PRIVATE = ("uid", "pid", "tags")  # fields of the owner's answer that /metrics does not show


class EndedWindows:
    """``report`` is called by the sampler, the rest by any thread. ``hardware`` is the machine's."""

    def __init__(self, hardware: Sequence[Part] = ()) -> None:
        self._hardware = hardware
        self._run = secrets.token_hex(4)  # numbers begin anew when the exporter restarts
        self._reported: deque[tuple[int, dict[str, Any]]] = deque(maxlen=KEPT)
        self._number = 0
        self._waiting = 0
        self.is_closed = False
        self._changed = threading.Condition()

    def report(self, view: WindowView, grid: Intensity | None = None) -> None:
        """Report a window whose end is saved; ``grid`` is the intensity in force."""
        answer = {name: value for name, value in window_answer(view).items() if name not in _PRIVATE}
        how, detail = outcome_labels(view.outcome, view.ended_by or "stop", view.is_automatic)
        answer |= {"samples": view.samples, "how_ended": how, "how_ended_detail": detail}
        # Models of the components that it used energy of, as in gramwatt_window_hardware_info.
        answer["hardware"] = [
            {"component": part.component, "model": part.model, "devices": part.devices}
            for part in self._hardware
            if view.microjoules.get(part.component)
        ]
        answer["software"] = view.tags.get(SOFTWARE, "")
        answer["grid_zone"] = "" if grid is None else grid.zone
        answer["grid_method"] = "" if grid is None else grid.method
        with self._changed:
            self._number += 1
            self._reported.append((self._number, answer))
            self._changed.notify_all()

    def after(self, cursor: str, seconds: float) -> dict[str, Any]:
        """The windows reported after ``cursor``, oldest first, and the next cursor; waits up to ``seconds`` for one.

        A cursor that is empty or of an earlier run of the exporter gives all that are kept. Beyond the limit of readers
        it returns at once.
        """
        run, _, number = cursor.partition("-")
        last = (
            int(number)
            if run == self._run and number.isascii() and number.isdigit() and len(number) < 16
            else 0
        )
        with self._changed:
            if self._waiting < MOST_WAITING:
                self._waiting += 1
                try:
                    self._changed.wait_for(
                        lambda: self.is_closed or self._number > last, max(0.0, min(seconds, LONGEST_WAIT))
                    )
                finally:
                    self._waiting -= 1
            found = [answer for number, answer in self._reported if number > last]
            return {"windows": found, "cursor": f"{self._run}-{self._number}"}

    def close(self) -> None:
        """Release all waiting readers at the end of the exporter."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()
