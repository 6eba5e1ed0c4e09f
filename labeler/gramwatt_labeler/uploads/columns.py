"""What a column says about its own cells: ``60,000`` beside ``1,200,000``, and ``11/3/2026`` beside ``11/13/2026``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from .. import moments
from ..forms.fields import NUMBERS
from ..forms.mistakes import Mistake
from ..forms.quantities import read_quantity
from ..forms.signs import signs_of
from .reducing import KINDS
from .sheet import Line
from .tools import Target

_WHOLE = frozenset(one.name for one in NUMBERS if one.whole)


def settled(lines: Sequence[Line], targets: Mapping[str, Target]) -> list[Line]:
    """The lines with each number and time that can be read in two ways as the others of its column show it.

    What a column leaves open stays as it is, and is asked back where it is read.
    """
    changed: dict[str, Mapping[str, str]] = {}
    for column, target in targets.items():
        texts = {line.cells.get(column, "") for line in lines}
        if target.field in KINDS or target.field == "extra":
            signs = signs_of(_whole(texts, target) if target.field in _WHOLE else texts)
            changed[column] = {text: new for text in texts if (new := signs.settled(text)) != text}
        elif target.field == "ended":
            changed[column] = moments.settled(texts)
    changed = {column: new for column, new in changed.items() if new}
    if not changed:
        return list(lines)
    return [
        replace(line, cells={**line.cells, **{
            column: new[line.cells[column]] for column, new in changed.items() if line.cells.get(column) in new
        }})
        for line in lines
    ]  # fmt: skip


def _whole(texts: Iterable[str], target: Target) -> Iterator[str]:
    """Those that a field of whole numbers takes: a slip such as ``1,5`` samples must not make a 60 of ``60,000``."""
    kind = KINDS[target.field]
    for text in texts:
        try:
            if read_quantity(text, kind, target.unit or kind.base).is_integer():
                yield text
        except Mistake:
            continue  # asked back, or refused, where it is read
