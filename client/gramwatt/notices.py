"""One warning per process and topic: a training loop must not fill its log with the same sentence."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from .errors import GramwattWarning
from .outputs import say

_PACKAGE = str(Path(__file__).parent)
_said: set[str] = set()


def warn_once(message: str, topic: str) -> None:
    """Warn once for each ``topic``. Forked children do not repeat warnings of their parent."""
    if topic in _said:
        return
    _said.add(topic)
    try:
        warnings.warn(f"gramwatt: {message}", GramwattWarning, stacklevel=_level_of_the_caller())
    except (
        GramwattWarning
    ):  # warnings are errors here (python -W error), but this one must not end a training
        say(f"gramwatt: warning: {message}")
    except Exception:  # standard error is closed, or the program's own showwarning failed
        return


def _level_of_the_caller() -> int:
    """``stacklevel`` of the first frame outside this package: the line of the user's program that the warning is
    about."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level
