"""Gramwatt's client: the energy and CO2 of a piece of work.

::

    import gramwatt

    with gramwatt.window("train", phase="training") as w:
        train()
        w.record(samples=60000, accuracy=0.98)
    print(w.result)

Needs the gramwatt exporter on the same machine to measure; without it the work runs as it would, with one warning.
"""

from __future__ import annotations

from typing import Any

from .api import PHASES
from .equivalents import Equivalent
from .errors import GramwattError, GramwattWarning, Refused, Unavailable
from .recording import Window
from .recording import Window as window  # noqa: N813  reads as a verb: with gramwatt.window("train", ...)
from .result import Result
from .tracker import tracker

__all__ = [
    "PHASES",
    "Equivalent",
    "GramwattError",
    "GramwattWarning",
    "Refused",
    "Result",
    "Unavailable",
    "Window",
    "load_ipython_extension",
    "tracker",
    "window",
]


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext gramwatt``: the magics ``%gramwatt`` and ``%%gramwatt``."""
    from .notebook import load

    load(shell)
