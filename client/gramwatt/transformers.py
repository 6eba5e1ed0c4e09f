# mypy: disable-error-code="import-not-found,import-untyped,misc,untyped-decorator,unused-ignore"
# The framework is optional: it may be absent, untyped or typed where this is checked.
"""Hugging Face Trainer: ``Trainer(..., callbacks=[GramwattCallback("finetune")])``."""

from __future__ import annotations

from typing import Any, Optional

from transformers import TrainerCallback

from .result import Result
from .training import FitWindows


class GramwattCallback(TrainerCallback):
    """A training window for ``train``, with a part per epoch and the last logged metrics as values.

    The Trainer calls callbacks at the end of ``evaluate`` and ``predict`` only: put :func:`gramwatt.window` around
    these. It reports no errors: after an error the window ends with the process or the next ``train``.
    """

    def __init__(self, name: str, epochs: bool = True, **options: Any) -> None:
        self._windows = FitWindows(name, epochs, options)
        self._logs: dict[str, Any] = {}

    @property
    def result(self) -> Optional[Result]:
        """The last window's result."""
        return self._windows.result

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._logs = {}  # of an earlier train
        self._windows.begin()

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self._windows.begin_epoch()

    def on_log(self, *_: Any, logs: Any = None, **__: Any) -> None:
        self._logs.update(logs or {})

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self._windows.end_epoch(self._logs)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self._windows.end_epoch(self._logs)
        self._windows.end()
