"""What is known of a model from its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import InputError

MOST_PARAMETERS = 10**15
"""More than any model has: a shape beyond it is damaged."""
MOST_FLOPS = 10**21
"""More than any model takes for one sample."""
Shapes = Mapping[str, tuple[int, ...]]
"""The shapes of a model's inputs, by their names; the first dimension is the batch."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """``parameters`` counts the values of all tensors in the file, ``file_bytes`` is its size. None is not known.

    ``flops_per_unit`` counts the multiplications and the additions of the matrix products and convolutions of one
    pass forward of one sample, each as one operation. Activations, normalisation and biases are left out.
    """

    format: str
    file_bytes: int
    parameters: int | None = None
    library: str = ""
    notes: tuple[str, ...] = ()
    flops_per_unit: int | None = None


def as_tree(facts: FileFacts) -> dict[str, Any]:
    """As JSON; ``null`` is not known."""
    return asdict(facts) | {"notes": list(facts.notes), "library": facts.library or None}


class WrongFile(InputError):
    """The file is not what its name says, or it is damaged."""


class NotKnown(Exception):
    """A file is readable, and what was asked of it is not known, such as its FLOPs; the message says why."""


def values_of(shape: object) -> int:
    """The number of values of a tensor. Raises WrongFile for a shape that none has."""
    if not isinstance(shape, list | tuple) or len(shape) > 64:
        raise WrongFile("a tensor has no shape that can be read")
    count = 1
    for one in shape:
        if isinstance(one, bool) or not isinstance(one, int) or one < 0:
            raise WrongFile("a tensor has a dimension that is no count")
        count *= one
        if count > MOST_PARAMETERS:
            raise WrongFile("a tensor has more values than any model")
    return count
