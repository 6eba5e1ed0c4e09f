"""What the framework callbacks share: one window for a fit, and one inside it for each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from . import ranks
from .recording import Window
from .result import Result

_EPOCH_OPTIONS = ("socket", "per_rank", "timeout", "fallback")


class Unfinished(Exception):
    """A fit that its framework began and never ended."""


class FitWindows:
    """Windows that follow a framework's events. Events may be missing or come twice; none of them raises.

    ``options`` are those of :func:`gramwatt.window`. ``epochs`` makes a part of every epoch. Only the leading rank
    records values: the other ranks have the same values, later.
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
        self._trained = False
        self._rank: Optional[ranks.Rank] = None

    def __getstate__(self) -> dict[str, Any]:
        """State for a copy of the callback in another process, without the windows: these stay in the process that
        opened them."""
        return {**self.__dict__, "_fit": None, "_epoch": None}

    @property
    def result(self) -> Optional[Result]:
        """The fit's result; None before the first."""
        return None if self._fit is None else self._fit.result

    def begin(self, phase: str = "training", rank: Optional[ranks.Rank] = None) -> None:
        """A fit (or an evaluation, with phase inference) begins. ``rank`` is the place of this process among several.

        ``values`` among the options belong to the training, where there is one: an evaluation has other samples.
        """
        self.abandon()
        options = dict(self._options)
        if phase == "training":
            self._trained = True
        elif self._trained:
            options.pop("values", None)
        self._rank = rank
        self._fit = Window(self._name, phase, **options).as_rank(rank).start()

    def abandon(self) -> None:
        """Stop a fit that never ended, as failed: the framework reports no errors. Does nothing without one."""
        self.end(error=Unfinished())

    def begin_epoch(self) -> None:
        """An epoch begins."""
        if self._epochs and self._fit is not None:
            self._end_epoch()
            same = {key: self._options[key] for key in _EPOCH_OPTIONS if key in self._options}
            self._epoch = Window("epoch", "training", **same).as_rank(self._rank).start()

    def end_epoch(self, values: Optional[Mapping[str, Any]] = None) -> None:
        """An epoch has ended with these metrics; what is not a number is left out."""
        if self._epoch is not None:
            self._record(self._epoch, values)
        if self._fit is not None:
            self._record(self._fit, values)
        self._end_epoch()

    def end(self, values: Optional[Mapping[str, Any]] = None, error: Optional[BaseException] = None) -> None:
        """The fit has ended, by ``error`` if there was one; or the evaluation, with these metrics."""
        self._end_epoch(error)
        if self._fit is not None and values:
            self._record(self._fit, values)
        if self._fit is not None:
            self._fit.stop(error)

    def _record(self, window: Window, values: Optional[Mapping[str, Any]]) -> None:
        rank = None if self._options.get("per_rank") else ranks.of_process(self._rank)
        if rank is None or rank.leads:
            window.record(**_numbers(values))

    def _end_epoch(self, error: Optional[BaseException] = None) -> None:
        if self._epoch is not None:
            self._epoch.stop(error)
            self._epoch = None


def _numbers(values: Optional[Mapping[str, Any]]) -> dict[str, float]:
    found = {}
    for key, value in (values or {}).items():
        try:
            found[str(key)] = float(value)
        except (TypeError, ValueError):
            continue
    return found
