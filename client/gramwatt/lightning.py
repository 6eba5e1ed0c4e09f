# mypy: disable-error-code="import-not-found,import-untyped,misc,untyped-decorator,unused-ignore"
# The framework is optional: it may be absent, untyped or typed where this is checked.
"""PyTorch Lightning: ``Trainer(callbacks=[GramwattCallback("mnist")])``."""

from __future__ import annotations

import multiprocessing
import os
import time
from typing import Any, Optional

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    from pytorch_lightning.callbacks import Callback

from .ranks import Rank
from .result import Result
from .training import FitWindows


class GramwattCallback(Callback):
    """A training window for ``fit``, with a part per epoch; inference windows for ``validate``, ``test``, ``predict``.

    The processes of a strategy (``ddp``, ``ddp_spawn``, ...) on one machine share the windows. Where the strategy runs
    all of them as children (``ddp_spawn``), ``result`` is known there and not in the process that called ``fit``.
    """

    def __init__(self, name: str, epochs: bool = True, **options: Any) -> None:
        self._windows = FitWindows(name, epochs, options)
        self._launched_at: Optional[float] = None

    def setup(self, *_: Any, **__: Any) -> None:
        self._launched_at = (
            time.time()
        )  # every rank reaches this point before a rank begins: a barrier follows

    @property
    def result(self) -> Optional[Result]:
        """The last window's result."""
        return self._windows.result

    def on_fit_start(self, trainer: Any, *_: Any) -> None:
        self._windows.begin(rank=self._rank(trainer))

    def on_train_epoch_start(self, *_: Any) -> None:
        self._windows.begin_epoch()

    def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
        self._windows.end_epoch(trainer.callback_metrics)

    def on_fit_end(self, *_: Any) -> None:
        self._windows.end()

    def on_exception(self, _: Any, __: Any, exception: BaseException) -> None:
        self._windows.end(error=exception)

    def on_validation_start(self, trainer: Any, *_: Any) -> None:
        if not _fitting(trainer):  # else it is a part of the fit
            self._windows.begin("inference", self._rank(trainer))

    def on_validation_end(self, trainer: Any, *_: Any) -> None:
        if not _fitting(trainer):
            self._windows.end(trainer.callback_metrics)

    def on_test_start(self, trainer: Any, *_: Any) -> None:
        self._windows.begin("inference", self._rank(trainer))

    def on_test_end(self, trainer: Any, *_: Any) -> None:
        self._windows.end(trainer.callback_metrics)

    def on_predict_start(self, trainer: Any, *_: Any) -> None:
        self._windows.begin("inference", self._rank(trainer))

    def on_predict_end(self, *_: Any) -> None:
        self._windows.end()

    def _rank(self, trainer: Any) -> Optional[Rank]:
        """Which of Lightning's own processes this is. Its launchers set too few variables to show it.

        Either all ranks are children of the process that called ``fit`` (multiprocessing), or that process is rank 0
        and runs the script again for each other rank. Its process id distinguishes this job from others in both cases.
        """
        if trainer.world_size < 2:
            return None
        children = multiprocessing.parent_process() is not None
        caller = os.getppid() if children or trainer.local_rank > 0 else os.getpid()
        return Rank(trainer.local_rank, f"lightning/{caller}", self._launched_at)


def _fitting(trainer: Any) -> bool:
    return getattr(trainer.state, "fn", None) == "fit"
