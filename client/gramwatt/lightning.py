# mypy: disable-error-code="import-not-found,import-untyped,misc,untyped-decorator,unused-ignore"
# The framework is optional: it may be absent, untyped or typed where this is checked.
"""PyTorch Lightning: ``Trainer(callbacks=[GramwattCallback("mnist")])``."""

from __future__ import annotations

from typing import Any, Optional

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    from pytorch_lightning.callbacks import Callback

from .result import Result
from .training import FitWindows


class GramwattCallback(Callback):
    """A training window for ``fit``, with a part per epoch; an inference window for ``test`` and ``predict``."""

    def __init__(self, name: str, epochs: bool = True, **options: Any) -> None:
        self._windows = FitWindows(name, epochs, options)

    @property
    def result(self) -> Optional[Result]:
        """The last window's result."""
        return self._windows.result

    def on_fit_start(self, *_: Any) -> None:
        self._windows.begin()

    def on_train_epoch_start(self, *_: Any) -> None:
        self._windows.begin_epoch()

    def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
        self._windows.end_epoch(trainer.callback_metrics)

    def on_fit_end(self, *_: Any) -> None:
        self._windows.end()

    def on_exception(self, *_: Any) -> None:
        self._windows.end()

    def on_test_start(self, *_: Any) -> None:
        self._windows.begin("inference")

    def on_test_end(self, *_: Any) -> None:
        self._windows.end()

    def on_predict_start(self, *_: Any) -> None:
        self._windows.begin("inference")

    def on_predict_end(self, *_: Any) -> None:
        self._windows.end()
