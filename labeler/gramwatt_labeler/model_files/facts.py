"""What is known of a model from its file."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError

MOST_PARAMETERS = 10**15
"""More than any model has: a shape beyond it is damaged."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """``parameters`` counts the values of all tensors in the file, ``file_bytes`` is its size. None is not known."""

    format: str
    file_bytes: int
    parameters: int | None = None
    library: str = ""
    notes: tuple[str, ...] = ()


class WrongFile(InputError):
    """The file is not what its name says, or it is damaged."""


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
