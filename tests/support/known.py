"""A value that may be missing by its type and must not be in a test."""

from __future__ import annotations

from typing import Optional, TypeVar

T = TypeVar("T")


def known(value: Optional[T]) -> T:  # noqa: UP045 - the client's tests run on Python 3.9
    """``value``, which the test expects to be there."""
    assert value is not None
    return value
