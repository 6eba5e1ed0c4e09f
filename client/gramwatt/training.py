"""What the framework callbacks share: one window for a fit, one inside it per epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from .recording import Window
from .result import Result


class FitWindows:
    """Windows that follow a framework's events. Events may be missing or come twice; none of them raises.

    ``options`` are those of :func:`gramwatt.window`. ``epochs`` makes a part of every epoch.
    """

    def __init__(self, name: str, epochs: bool, options: Mapping[str, Any]) -> None:
        self._name = name
        self._epochs = epochs
        self._options = dict(options)
        Window(
            name, "training", **self._options
        )  # wrong arguments are refused now, not in the middle of a training
        self._fit: Optional[Window] = None
        self._epoch: Optional[Window] = None

    @property
    def result(self) -> Optional[Result]:
        """The fit's result; None before the first."""
        return None if self._fit is None else self._fit.result

    def begin(self, phase: str = "training") -> None:
        """A fit (or an evaluation, with phase inference) begins."""
        self.end()
        self._fit = Window(self._name, phase, **self._options).start()

    def begin_epoch(self) -> None:
        """An epoch begins."""
        if self._epochs and self._fit is not None:
            self._end_epoch()
            socket = self._options.get("socket", "")
            self._epoch = Window("epoch", "training", socket=socket).start()

    def end_epoch(self, values: Optional[Mapping[str, Any]] = None) -> None:
        """An epoch has ended with these metrics; what is not a number is left out."""
        numbers = _numbers(values)
        if self._epoch is not None:
            self._epoch.record(**numbers)
        if self._fit is not None:
            self._fit.record(**numbers)
        self._end_epoch()

    def end(self) -> None:
        """The fit has ended, also by an error."""
        self._end_epoch()
        if self._fit is not None:
            self._fit.stop()

    def _end_epoch(self) -> None:
        if self._epoch is not None:
            self._epoch.stop()
            self._epoch = None


def _numbers(values: Optional[Mapping[str, Any]]) -> dict[str, float]:
    found = {}
    for key, value in (values or {}).items():
        try:
            found[str(key)] = float(value)
        except (TypeError, ValueError):
            continue
    return found
