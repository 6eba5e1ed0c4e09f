"""Checks of a window's name, phase, tags and values. A wrong argument is refused by name before anything is
measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Optional

from .api import PHASES
from .notices import warn_once
from .texts import sendable

MAX_NAME = 128


def check_name(name: str) -> str:
    """The name, or ValueError when it is not a text of 1 to 128 characters."""
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        raise ValueError(f"name: {name!r} is not a text of 1 to {MAX_NAME} characters")
    return name


def check_phase(phase: str) -> str:
    """The phase, or ValueError naming the two there are."""
    if phase not in PHASES:
        raise ValueError(f"phase: {phase!r} is not a phase; use 'training' or 'inference'")
    return phase


def check_tags(tags: Optional[Mapping[str, str]]) -> dict[str, str]:
    """Tags as texts."""
    return {sendable(key): sendable(value) for key, value in (tags or {}).items()}


def check_values(values: Optional[Mapping[str, Any]]) -> dict[str, float]:
    """Values as floats; anything that ``float()`` accepts is allowed (numpy and torch scalars too).

    NaN and infinity are left out with a warning, because a diverged loss must not end a training.

    Raises:
        TypeError: a value is not a number. That is a mistake in the program, not in its data.
    """
    checked = {}
    for key, value in (values or {}).items():
        if isinstance(value, (str, bytes)) or value is None:
            raise TypeError(f"{key}: {value!r} is not a number")
        number = float(value)
        if math.isfinite(number):
            checked[sendable(key)] = number
        else:
            warn_once(f"{key}={number} is not a finite number and is left out", topic=f"value {key}")
    return checked
