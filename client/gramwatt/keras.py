# mypy: disable-error-code="import-not-found,import-untyped,misc,untyped-decorator,unused-ignore"
# The framework is optional: it may be absent, untyped or typed where this is checked.
"""Keras: ``model.fit(x, y, callbacks=[GramwattCallback("mnist")])``."""

from __future__ import annotations

from typing import Any, Optional

from keras.callbacks import Callback

from .result import Result
from .training import FitWindows


class GramwattCallback(Callback):
    """A training window for ``fit``, with a part per epoch; an inference window for ``predict`` and ``evaluate``.

    An ``evaluate`` inside a ``fit`` (validation) belongs to the fit. Keras reports no error to callbacks: after
    one, the window ends with the process, or with the next call this callback is given to.
    """

    def __init__(self, name: str, epochs: bool = True, **options: Any) -> None:
        super().__init__()
        self._windows = FitWindows(name, epochs, options)
        self._fitting = False

    def set_params(self, params: Any) -> None:
        """Called when a fit, an evaluation or a prediction begins, not for the validation inside a fit."""
        super().set_params(params)
        if self._fitting:  # that fit has failed
            self._fitting = False
            self._windows.abandon()

    @property
    def result(self) -> Optional[Result]:
        """The last window's result."""
        return self._windows.result

    def on_train_begin(self, *_: Any) -> None:
        self._fitting = True
        self._windows.begin()

    def on_epoch_begin(self, *_: Any) -> None:
        self._windows.begin_epoch()

    def on_epoch_end(self, _: int, logs: Any = None) -> None:
        self._windows.end_epoch(logs)

    def on_train_end(self, *_: Any) -> None:
        self._fitting = False
        self._windows.end()

    def on_predict_begin(self, *_: Any) -> None:
        if not self._fitting:
            self._windows.begin("inference")

    def on_predict_end(self, *_: Any) -> None:
        if not self._fitting:
            self._windows.end()

    on_test_begin = on_predict_begin

    def on_test_end(self, logs: Any = None) -> None:
        if not self._fitting:
            self._windows.end(logs)
