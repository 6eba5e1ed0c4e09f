"""The rows of one run, or several columns of one field, as one text a field; what they do not agree on is said.

A text is read here as the form reads it: with a decimal comma, a unit behind it, or both. What cannot be read stands
for all rows of its column, so that the line is refused by name: a row that is left out would make a run look efficient.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from ..forms.fields import NUMBERS
from ..forms.mistakes import Mistake
from ..forms.numbers import split_number
from ..forms.quantities import ENERGY, Kind, read_quantity
from ..forms.signs import beside, signs_of, written
from ..outcomes import failure_text
from .sheet import DURATION, Line
from .tools import Target

PARTS = {
    f"{name}_energy": f"Of the energy, {words}"
    for name, words in (("cpu", "the CPU's"), ("gpu", "the GPU's"), ("dram", "the memory's"))
}
"""The energy of a component, by the name of its column."""
KINDS: Mapping[str, Kind] = {one.name: one.kind for one in NUMBERS} | dict.fromkeys(PARTS, ENERGY)
"""What each field of a number is a quantity of."""
_TOTALS = ("energy", "emissions", *PARTS)
_PLAIN = ("extra", "missed", "floor")  # numbers without a choice of units
_CLOSE = 1e-6  # of two columns that have one number with few digits
_COMMA = re.compile(r"[-+−]?\d+(?:\.\d{3})*,\d+")

Cells = Mapping[str, str]
Targets = Mapping[str, Target]


def last(lines: Sequence[Line], targets: Targets) -> tuple[dict[str, str], frozenset[str]]:
    """The rows are totals so far, which never fall: the one with the most energy is the last, wherever it stands.

    An empty cell hides no value of an earlier row. Nothing is in another unit than before.
    """
    totals = [(column, one) for name in _TOTALS for column, one in targets.items() if one.field == name]
    ordered, unread = list(lines), {}
    for column, target in reversed(totals):  # by energy last, so that it decides
        try:
            ordered.sort(key=lambda line: _size(line.cells[column], target))
        except Mistake:
            unread[column] = _odd_one([line.cells[column] for line in lines], target)
    found = first(list(reversed(ordered)))
    for column, target in totals:
        if column not in unread:
            most = max(lines, key=lambda line: _size(line.cells[column], target))
            found[column] = most.cells[column]
    return found | unread, frozenset()


def together(lines: Sequence[Line], targets: Targets, is_mean: bool) -> tuple[dict[str, str], frozenset[str]]:
    """Numbers added up, or their mean; words of the last row. With the columns that are in base units now."""
    found, based = first(list(reversed(lines))), set()
    for column, target in targets.items():
        texts = [line.cells[column] for line in lines if line.cells[column]]
        if not texts or not (target.field in KINDS or target.field in _PLAIN):
            continue
        try:
            total = math.fsum(_number(text, target) for text in texts)
        except Mistake:
            found[column] = _odd_one(texts, target)
        else:
            found[column] = written(total / len(texts) if is_mean else total)
            based.add(column)
    return found, frozenset(based)


def of_columns(field: str, columns: Targets, cells: Cells) -> tuple[str, str]:
    """Of the columns of one field the one that counts, and what is wrong where they differ."""
    said = [column for column in columns if cells.get(column)]
    if field == "outcome":  # a run that failed by one of them has failed
        return next((column for column in said if failure_text(column, cells[column])), (said or [""])[0]), ""
    for column in said[1:]:
        if not _is_same(field, cells, said[0], column, columns):
            one, two = f"{said[0][:40]!r} ({cells[said[0]][:30]})", f"{column[:40]!r} ({cells[column][:30]})"
            return said[0], f"columns {one} and {two} say different things of it; leave one of them out"
    return (said or [""])[0], ""


def doubts(lines: Sequence[Line], targets: Targets) -> dict[str, str]:
    """Columns of numbers in which ``1.500`` may be 1500, and why: a table is of one country, whatever the column."""
    texts = {
        column: {line.cells.get(column, "") for line in lines}
        for column, target in targets.items()
        if target.field in KINDS or target.field == "extra"
    }
    have = signs_of(set().union(*texts.values())).against_points
    if have:
        return dict.fromkeys(texts, have)
    return {column: "a decimal comma" for column, own in texts.items() if any(map(_COMMA.match, own))}


def two_readings(texts: Sequence[str], have: str) -> str:
    """What is wrong with ``1.500`` in a table whose lines ``have`` a decimal comma or such, or ""."""
    return next((wrong for text in texts if (wrong := beside(text, "lines", have))), "")


def first(lines: Sequence[Line]) -> dict[str, str]:
    """Of each column the first text that is not empty."""
    return {
        column: next((line.cells[column] for line in lines if line.cells[column]), "")
        for column in lines[0].cells
    }


def _size(text: str, target: Target) -> float:
    return _number(text, target) if text else -math.inf


def _number(text: str, target: Target) -> float:
    """In the base unit. Raises Mistake."""
    if target.field in KINDS:
        kind = KINDS[target.field]
        return read_quantity(text, kind, target.unit or kind.base)
    value, behind = split_number(text.removesuffix(DURATION))
    if behind:
        raise Mistake(f"“{behind[:20]}” behind the number")
    return value


def _odd_one(texts: Sequence[str], target: Target) -> str:
    """The text that is no number."""
    for text in filter(None, texts):
        try:
            _number(text, target)
        except Mistake:
            return text
    return ""


def _is_same(field: str, cells: Cells, one: str, two: str, columns: Targets) -> bool:
    if cells[one] == cells[two] and columns[one].unit == columns[two].unit:
        return True
    if field not in KINDS:
        return False
    try:
        return math.isclose(
            _number(cells[one], columns[one]), _number(cells[two], columns[two]), rel_tol=_CLOSE
        )
    except Mistake:
        return True  # read, and refused by name, where the row is read
