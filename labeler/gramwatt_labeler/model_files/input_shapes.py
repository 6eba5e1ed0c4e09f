"""The shapes of a model's inputs as a person writes them: ``x=1x3x224x224``."""

from __future__ import annotations

import re

from ..errors import InputError
from .facts import Shapes

EXAMPLE = "x=1x3x224x224"
_MOST_TEXT, _MOST_INPUTS, _MOST_SIZE = 2000, 32, 2**31 - 1
_ONE = re.compile(r"(?P<name>[^\s=]+)=(?P<sizes>\d{1,10}([x×*]\d{1,10}){0,8})", re.IGNORECASE)


def read_shapes(text: str) -> Shapes:
    """The shapes in a text, separated by blanks; empty for an empty text. Raises InputError without a field's name."""
    if len(text) > _MOST_TEXT:
        raise InputError(f"longer than {_MOST_TEXT} characters")
    shapes: dict[str, tuple[int, ...]] = {}
    for part in text.split():
        match = _ONE.fullmatch(part)
        sizes = tuple(int(size) for size in re.split(r"[x×*]", match["sizes"].lower())) if match else ()
        if match is None or not all(0 < size <= _MOST_SIZE for size in sizes):
            raise InputError(f"{part[:60]!r} is no shape of an input; write NAME=SIZES, such as {EXAMPLE}")
        if match["name"] in shapes:
            raise InputError(f"the input {match['name'][:60]} is there twice; keep one")
        shapes[match["name"]] = sizes
    if len(shapes) > _MOST_INPUTS:
        raise InputError(f"more than {_MOST_INPUTS} inputs")
    return shapes
