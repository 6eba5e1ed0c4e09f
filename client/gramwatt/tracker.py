"""A window by the arguments of an emissions tracker, so that code of one changes by one line.

::

    tracker = gramwatt.tracker(task="image-classification", model="resnet18", mode="training")
    tracker.start()
    try:
        train()
    finally:
        print(tracker.stop())
"""

from __future__ import annotations

from typing import Any

from .api import PHASES
from .recording import Window


def tracker(task: str, model: str = "", mode: str = "training", **options: Any) -> Window:
    """A :class:`Window` named by its task, of the phase ``mode``; ``options`` are those of :func:`gramwatt.window`.

    Start and stop it, or use it in ``with`` or as a decorator. ``stop`` returns a :class:`Result`: its ``joules`` and
    ``grams`` are what other trackers say in kWh and kg.

    Raises:
        ValueError: ``mode`` is neither ``training`` nor ``inference``, or the task has not 1 to 128 characters.
    """
    if mode not in PHASES:
        raise ValueError(f"mode: {mode!r} is not a mode; use 'training' or 'inference'")
    if not isinstance(task, str) or not task:
        raise ValueError(f"task: {task!r} is not a text of 1 to 128 characters")
    return Window(options.pop("name", task), mode, task=task, model=model, **options)
