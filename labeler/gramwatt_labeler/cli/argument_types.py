"""Types of arguments that argparse does not have: each turns text into a value or says what it expected."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from ..config import Duration
from ..errors import ConfigError, InputError
from ..forms.signs import point_readings


@contextmanager
def of_arguments(**names: str) -> Iterator[None]:
    """What is wrong with a value inside is wrong with an argument: it is named, and the exit code is 2.

    ``names`` are arguments that are called otherwise than ``--`` and the field.
    """
    try:
        yield
    except InputError as error:
        path, colon, message = str(error).partition(": ")
        field = path.removeprefix("$.").removeprefix("--").replace("_", "-")
        if not colon or not field.replace("-", "").isalnum():
            raise ConfigError("arguments", str(error)) from None
        raise ConfigError(names.get(field, f"--{field}"), message) from None


def key_text(text: str) -> tuple[str, str]:
    """``FIELD=COLUMN``."""
    key, sign, rest = text.partition("=")
    if not (key.strip() and sign and rest.strip()):
        raise argparse.ArgumentTypeError(f"expected FIELD=COLUMN, such as samples=n_images, got {text!r}")
    return key.strip(), rest.strip()


_COUNTED = ("samples", "dataset_samples", "epochs", "tokens", "output_tokens", "requests", "parameters")
"""Keys of whole numbers: 1.000 of them may well be a thousand."""


def key_number(text: str) -> tuple[str, float]:
    """``KEY=NUMBER``; the number is finite."""
    key, _, rest = text.partition("=")
    try:
        number = float(rest)
    except ValueError:
        number = math.nan
    if not key.strip() or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"expected KEY=NUMBER, such as samples=60000, got {text!r}")
    if key.strip() in _COUNTED and (readings := point_readings(rest)):
        raise argparse.ArgumentTypeError(
            f"{text!r} can mean {readings[0]} or {readings[1]}; write one of them"
        )
    return key.strip(), number


def zone(text: str) -> ZoneInfo:
    """A time zone by its name in the IANA database."""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise argparse.ArgumentTypeError(
            f"no time zone {text!r}; expected a name such as Europe/Paris or UTC"
        ) from None


class Ago(float):
    """Unix seconds of a moment that was said as a distance from now; by this machine's clock."""


def moment(text: str) -> float:
    """Unix seconds of a time: ISO 8601 (here where it names no zone), Unix seconds, or how long ago such as 90m."""
    try:
        return Ago(time.time() - Duration.parse(text))
    except ValueError:
        pass
    try:
        found = float(text)
        if math.isfinite(found):
            return found
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(
            f"expected a time such as 2026-11-28T12:00, Unix seconds, or how long ago such as 90m, got {text!r}"
        ) from None
